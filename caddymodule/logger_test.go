package caddymodule

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// What the engine logs goes to the configuration that is in force, with the
// fields that the engine's loggers carry, and at that configuration's level.
func TestMovingCore(t *testing.T) {
	t.Parallel()
	first, firstLogs := observer.New(zap.DebugLevel)
	second, secondLogs := observer.New(zap.WarnLevel)
	core := newMovingCore()
	log := zap.New(core).Named("jimeng").With(zap.String("part", "pool"))
	log.Info("nobody hears this")
	core.move(first)
	log.Info("one", zap.Int("n", 1))
	core.move(second)
	log.Info("too quiet")
	log.Warn("two")
	core.move(first)
	log.Debug("three")

	entries := firstLogs.AllUntimed()
	if len(entries) != 2 || entries[0].Message != "one" || entries[1].Message != "three" || secondLogs.Len() != 1 {
		t.Fatalf("%v, %v", entries, secondLogs.AllUntimed())
	}
	fields := entries[0].ContextMap()
	if fields["part"] != "pool" || fields["n"] != int64(1) || entries[0].LoggerName != "jimeng" {
		t.Errorf("%v %s", fields, entries[0].LoggerName)
	}
}
