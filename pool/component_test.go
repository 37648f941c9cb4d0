package pool

import (
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/health"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// The pool is as well as the sessions that are meant to work.
func TestHealthOfThePool(t *testing.T) {
	t.Parallel()
	now := time.Now().UnixMilli()
	session := func(state store.SessionState, until int64) *store.Session {
		return &store.Session{Upstream: "jimeng", Enabled: true, State: state, Until: until}
	}
	ready, dead := session(store.Ready, 0), session(store.Dead, 0)
	exhausted, cooling := session(store.Exhausted, now+1000), session(store.Cooling, now+1000)
	disabled := &store.Session{Upstream: "jimeng", State: store.Dead}
	foreign := &store.Session{Upstream: "gone", Enabled: true, State: store.Dead}
	for name, test := range map[string]struct {
		sessions []*store.Session
		want     health.State
	}{
		"none":               {nil, health.Down},
		"only disabled ones": {[]*store.Session{disabled, foreign}, health.Down},
		"all ready":          {[]*store.Session{ready, ready, disabled, foreign}, health.OK},
		"one rests":          {[]*store.Session{ready, cooling}, health.OK},
		"one was resting":    {[]*store.Session{session(store.Cooling, now-1), session(store.Exhausted, now-1)}, health.OK},
		"one is dead":        {[]*store.Session{ready, dead}, health.Degraded},
		"one is exhausted":   {[]*store.Session{ready, exhausted}, health.Degraded},
		"all dead":           {[]*store.Session{dead, dead}, health.Down},
		"nobody can":         {[]*store.Session{dead, exhausted, cooling}, health.Down},
	} {
		c := poolHealth(test.sessions, map[string]bool{"jimeng": true}, now)
		if c.State != test.want || (c.State == health.OK) != (c.Reason == "" && c.Advice == "") {
			t.Errorf("%s: %+v, want %s", name, c, test.want)
		}
	}
}
