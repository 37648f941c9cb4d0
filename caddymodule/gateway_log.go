package caddymodule

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
)

const (
	// gatewayLogSize is how much of the gateway's own log is kept, in bytes.
	gatewayLogSize = 4 << 20
	// learnEvery is how soon the secrets of sessions that another node was given
	// are recognised in logs.
	learnEvery = 5 * time.Second
)

// beside returns a logger that also writes into the gateway's own log, which can be
// read through the API: from info on, and more if the logger's own level says so.
func beside(log *zap.Logger, own *logs.Log, masker *logs.Masker) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
		levels := zap.LevelEnablerFunc(func(l zapcore.Level) bool { return l >= zapcore.InfoLevel || c.Enabled(l) })
		return zapcore.NewTee(c, logs.NewCore(own, masker, levels))
	}))
}

// learner keeps the pool's secrets known to the masker of the logs.
type learner struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func learn(p *pool.Pool, log *zap.Logger) *learner {
	ctx, cancel := context.WithCancel(context.Background())
	l := &learner{cancel: cancel}
	l.done.Go(func() {
		ticker := time.NewTicker(learnEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := p.Learn(ctx); err != nil && ctx.Err() == nil {
				log.Warn("the secrets of new sessions are not masked in logs yet", zap.Error(err))
			}
		}
	})
	return l
}

func (l *learner) close() {
	l.cancel()
	l.done.Wait()
}
