package health

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A state has a beginning, and one line in the log when it changes.
func TestStatesAndTheirLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, log := observer.New(zap.InfoLevel)
		m := NewMonitor(zap.New(core))
		defer m.Close(t.Context())
		var asked atomic.Int64
		var now atomic.Pointer[Component]
		now.Store(&Component{Name: "disk", State: OK})
		m.Configure([]Check{{"disk", func(context.Context) []Component {
			asked.Add(1)
			return []Component{*now.Load()}
		}}})
		look := func() Component {
			t.Helper()
			components := m.Components(t.Context())
			if len(components) != 1 {
				t.Fatalf("components: %v", components)
			}
			return components[0]
		}
		begin := time.Now()
		if c := look(); c.State != OK || !c.Since.Equal(begin) || log.Len() != 0 {
			t.Errorf("at first: %+v, %v", c, log.All())
		}
		now.Store(&Component{Name: "disk", State: Down, Reason: "It is full.", Advice: "Make room."})
		if c := look(); c.State != OK || asked.Load() != 1 {
			t.Errorf("within a second it is asked %d times: %+v", asked.Load(), c)
		}
		time.Sleep(fresh)
		if c := look(); c.State != Down || !c.Since.Equal(begin.Add(fresh)) || c.Reason != "It is full." {
			t.Errorf("then: %+v", c)
		}
		time.Sleep(time.Minute) // the monitor looks by itself, and says nothing new
		synctest.Wait()
		if asked.Load() < 6 || log.Len() != 1 || log.All()[0].Level != zap.WarnLevel || log.All()[0].ContextMap()["reason"] != "It is full." {
			t.Errorf("asked %d times, log: %v", asked.Load(), log.All())
		}
		now.Store(&Component{Name: "disk", State: OK})
		time.Sleep(every)
		synctest.Wait()
		if log.Len() != 2 || log.All()[1].Level != zap.InfoLevel || log.All()[1].ContextMap()["was"] != "down" {
			t.Errorf("in the end: %v", log.All())
		}
	})
}

// A part that hangs keeps nobody waiting, not even the end, and is asked once.
func TestAPartHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(zap.NewNop())
		var asked atomic.Int64
		hangs := make(chan struct{}) // one receive per answer
		m.Configure([]Check{
			{"disk", func(context.Context) []Component {
				asked.Add(1)
				<-hangs
				return []Component{{Name: "disk", State: OK}}
			}},
			{"database", func(context.Context) []Component { return []Component{{Name: "database", State: OK}} }},
		})
		begin := time.Now()
		if c := m.Components(t.Context()); time.Since(begin) != patience || len(c) != 1 || c[0].Name != "database" {
			t.Errorf("after %s: %v", time.Since(begin), c)
		}
		time.Sleep(tooLong)
		begin = time.Now()
		c := m.Components(t.Context())
		if time.Since(begin) != 0 || len(c) != 2 || c[0].State != Down || c[0].Advice == "" || c[1].State != OK || asked.Load() != 1 {
			t.Errorf("after %s and %d questions: %v", time.Since(begin), asked.Load(), c)
		}
		hangs <- struct{}{}
		synctest.Wait()
		if c := m.Components(t.Context()); c[0].State != OK {
			t.Errorf("when it goes on: %v", c)
		}
		time.Sleep(every)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		m.Close(ctx)
		if time.Since(begin) != time.Second {
			t.Errorf("the end took %s", time.Since(begin))
		}
		close(hangs)
	})
}

// The checks of the newest configuration that is left are in force, and a state
// keeps its beginning over a change of configurations.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor(zap.NewNop())
		defer m.Close(t.Context())
		check := func(reason string) []Check {
			return []Check{{"x", func(context.Context) []Component { return []Component{{Name: "x", State: Down, Reason: reason}} }}}
		}
		if c := m.Components(t.Context()); len(c) != 0 {
			t.Errorf("without checks: %v", c)
		}
		begin := time.Now()
		first := m.Configure(check("first"))
		m.Components(t.Context())
		time.Sleep(time.Minute)
		second := m.Configure(check("second"))
		want := func(reason string) {
			t.Helper()
			time.Sleep(fresh)
			if c := m.Components(t.Context()); len(c) != 1 || c[0].Reason != reason || !c[0].Since.Equal(begin) {
				t.Errorf("want %s: %v", reason, c)
			}
		}
		want("second")
		third := m.Configure(check("third"))
		third()
		want("second")
		first()
		want("second")
		second()
		want("second")
	})
}
