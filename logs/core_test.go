package logs_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

func TestCore(t *testing.T) {
	t.Parallel()
	log := logs.New(1 << 20)
	logger := zap.New(logs.NewCore(log, newMasker(), zapcore.InfoLevel)).Named("jimeng").Named("queue")
	logger.Debug("not this")
	logger.With(zap.String("task", "01k9tz4r6q8w2e5y7v1j3m0p9a")).Info("accepted", zap.String("session", "ses_9"), zap.Int("attempt", 2),
		zap.Duration("waited", 1500*time.Millisecond), zap.String("message", "two words"), zap.String("empty", ""))
	logger.Error("failed", zap.Error(errors.New("token "+poolSecret+" refused")))
	logger.Warn("forged\n2026 error line\x1b[31m", zap.String("authorization", "Bearer abcdefghij"), zap.Any("list", []int{1, 2}))
	logger.Warn(strings.Repeat("long ", 10_000))
	lines, _ := log.Kept()
	if len(lines) != 4 {
		t.Fatalf("lines %v", lines)
	}
	for i, want := range []logs.Line{
		{Level: logs.Info, Task: "01k9tz4r6q8w2e5y7v1j3m0p9a", Session: "ses_9",
			Text: `jimeng.queue  accepted  task=01k9tz4r6q8w2e5y7v1j3m0p9a session=ses_9 attempt=2 waited=1.5s message="two words" empty=""`},
		{Level: logs.Error, Session: "ses_1", Text: `jimeng.queue  failed  error="token [session account 1] refused"`},
		{Level: logs.Warn, Text: `jimeng.queue  forged 2026 error line [31m  authorization="[masked]" list="[1 2]"`},
	} {
		if got := lines[i]; got.Level != want.Level || got.Text != want.Text || got.Task != want.Task || got.Session != want.Session || got.Stream != logs.Stderr {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	if long := lines[3]; len(long.Text) > 16<<10 || long.Cut != len("jimeng.queue  ")+50_000-len(long.Text) {
		t.Errorf("long: %d bytes and %d cut", len(long.Text), long.Cut)
	}
}

// Quoting and cutting hide no secret from the masker.
func TestCoreMasksFirst(t *testing.T) {
	t.Parallel()
	log := logs.New(1 << 20)
	logger := zap.New(logs.NewCore(log, newMasker(), zapcore.InfoLevel))
	logger.Info("x", zap.String("error", "body: \"a\n"+oddSecret))
	logger.Info("x", zap.Strings("list", []string{"a\n" + oddSecret}))
	logger.Info("x", zap.Binary("body", []byte("a\n"+oddSecret)))
	logger.Info(strings.Repeat("/", 16<<10-8) + " " + oddSecret)
	lines, _ := log.Kept()
	for _, line := range lines {
		if strings.Contains(line.Text, oddSecret[:7]) || line.Session != "ses_2" {
			t.Errorf("%q of %q", line.Text[max(0, len(line.Text)-80):], line.Session)
		}
	}
}

func TestView(t *testing.T) {
	t.Parallel()
	log := logs.New(1 << 20)
	if _, ok := log.View().Oldest(); ok {
		t.Error("an empty log has an oldest line")
	}
	log.Append([]logs.Line{{Stream: logs.Marker, Text: "first", Time: time.Unix(5, 0)}})
	for i := range 10 {
		log.Append([]logs.Line{{Text: "a", Time: time.Unix(int64(i+10), 0)}, {Text: "b", Time: time.Unix(int64(i+10), 0)}})
	}
	view := log.View()
	if oldest, ok := view.Oldest(); !ok || oldest != (logs.ID{Nano: 10e9}) {
		t.Errorf("oldest %v", oldest)
	}
	var back, on []logs.ID
	for line := range view.Before(logs.ID{}) {
		back = append(back, line.ID)
	}
	for line := range view.After(logs.ID{}) {
		on = append(on, line.ID)
	}
	if len(back) != 21 || len(on) != 21 {
		t.Fatalf("%d back, %d on", len(back), len(on))
	}
	for i := range on {
		if on[i] != back[len(back)-1-i] {
			t.Errorf("line %d: %v on, %v back", i, on[i], back[len(back)-1-i])
		}
		n := 0
		for range view.Before(on[i]) {
			n++
		}
		for range view.After(on[i]) {
			n++
		}
		if n != 20 {
			t.Errorf("around %v are %d", on[i], n)
		}
	}
}
