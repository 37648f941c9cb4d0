package auth

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// However many lines strangers cause, there are a few a second, and one that says
// how many more there were.
func TestBoundedLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, lines := observer.New(zap.InfoLevel)
		log := Bounded(zap.New(core).Named("auth"))
		child := log.With(zap.String("of", "a child"))
		for range 500 {
			log.Warn("a wrong key")
			child.Info("a wrong token")
			log.Debug("not even enabled")
		}
		if lines.Len() != strangersLines {
			t.Errorf("%d lines at once", lines.Len())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		all := lines.TakeAll()
		last := all[len(all)-1]
		if len(all) != strangersLines+1 || last.ContextMap()["more"] != int64(1000-strangersLines) || last.LoggerName != "auth" {
			t.Errorf("%d lines, the last is %v", len(all), last)
		}
		log.Warn("a wrong key")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if lines.Len() != 1 {
			t.Errorf("later: %v", lines.All())
		}
	})
}
