package queue

import (
	"io"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// BenchmarkTellAccepted is what every submit pays for its line in the log.
func BenchmarkTellAccepted(b *testing.B) {
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.Lock(zapcore.AddSync(io.Discard)), zap.InfoLevel)
	q := &Queue{log: zap.New(core).Named("jimeng.queue")}
	n := &NewTask{Key: &store.Key{ID: "01k9tz4r6q8w2e5y7v1j3m0p9a", Prefix: "gw_0f6e5b1c"}}
	task := &store.Task{ID: "01k9tz4r6q8w2e5y7v1j3m0p9a", RequestID: "3d9a6f0e-51c7-4b1e-9c55-0d8c2f7e4a11", Kind: "video", Model: "jimeng-video-seedance-2.0"}
	b.ReportAllocs()
	for b.Loop() {
		q.tellAccepted(n, task)
	}
}
