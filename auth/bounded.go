package auth

import (
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// strangersLines is how many lines a second strangers can make the gateway log, of
// each logger that [Bounded] has made.
const strangersLines = 5

// Bounded returns the logger for what strangers can cause as often as they like:
// of more than a few lines a second, the rest is counted and told in one. Whoever
// looks at the level debug wants to see them all.
func Bounded(log *zap.Logger) *zap.Logger {
	b := &bound{}
	return log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		b.core = core
		return boundedCore{core, b}
	}))
}

type boundedCore struct {
	zapcore.Core
	bound *bound
}

// With implements [zapcore.Core]: the lines of all children are counted together.
func (c boundedCore) With(fields []zapcore.Field) zapcore.Core {
	return boundedCore{c.Core.With(fields), c.bound}
}

// Check implements [zapcore.Core].
func (c boundedCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(entry.Level) || !c.Enabled(zapcore.DebugLevel) && !c.bound.take(entry) {
		return checked
	}
	return c.Core.Check(entry, checked)
}

// bound counts the lines of a second.
type bound struct {
	core zapcore.Core

	mu      sync.Mutex
	ends    time.Time // of the second
	lines   int
	dropped int
}

// take reports whether there is room for one more line in this second.
func (b *bound) take(entry zapcore.Entry) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); now.After(b.ends) {
		b.ends, b.lines = now.Add(time.Second), 0
	}
	if b.lines++; b.lines <= strangersLines {
		return true
	}
	if b.dropped++; b.dropped == 1 {
		time.AfterFunc(time.Until(b.ends), func() { b.tell(entry) })
	}
	return false
}

// tell says how many lines were left out.
func (b *bound) tell(like zapcore.Entry) {
	b.mu.Lock()
	n := b.dropped
	b.dropped = 0
	b.mu.Unlock()
	entry := zapcore.Entry{Level: zapcore.WarnLevel, Time: time.Now(), LoggerName: like.LoggerName, Message: "and more lines like these"}
	if checked := b.core.Check(entry, nil); checked != nil {
		checked.Write(zap.Int("more", n), zap.String("last", like.Message))
	}
}
