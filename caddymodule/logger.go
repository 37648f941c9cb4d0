package caddymodule

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"

	"go.uber.org/zap/zapcore"
)

// movingCore is the log of an engine, which outlives the configuration that it
// was opened with: Caddy closes a configuration's log outputs when that is gone,
// so entries go to the core of the one that is in force.
type movingCore struct {
	current *atomic.Pointer[zapcore.Core]
	fields  []zapcore.Field
}

func newMovingCore() movingCore {
	nop := zapcore.NewNopCore()
	current := new(atomic.Pointer[zapcore.Core])
	current.Store(&nop)
	return movingCore{current: current}
}

// move sends all further entries to core.
func (c movingCore) move(core zapcore.Core) { c.current.Store(&core) }

func (c movingCore) core() zapcore.Core { return *c.current.Load() }

func (c movingCore) Enabled(level zapcore.Level) bool { return c.core().Enabled(level) }

func (c movingCore) With(fields []zapcore.Field) zapcore.Core {
	return movingCore{c.current, append(slices.Clip(c.fields), fields...)}
}

// Check adds the cores below, which know what they write, in place of this one.
func (c movingCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	core := c.core()
	if !core.Enabled(entry.Level) {
		return checked
	}
	if len(c.fields) > 0 {
		core = core.With(c.fields)
	}
	return core.Check(entry, checked)
}

// Write is for whoever does not call Check first.
func (c movingCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	return c.core().With(c.fields).Write(entry, fields)
}

func (c movingCore) Sync() error { return c.core().Sync() }

// warnings leaves out what River says at every turn, such as how many jobs it
// has done; what concerns a task is logged by the queue.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }

// Interface guard
var _ zapcore.Core = movingCore{}
