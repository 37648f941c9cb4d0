package pool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/health"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Health tells how the configured upstreams and the sessions are, by what is known
// of them: nobody is asked.
func (p *Pool) Health(ctx context.Context) []health.Component {
	drivers := *p.drivers.Load()
	upstreams, err := p.store.Upstreams(ctx)
	var sessions []*store.Session
	if err == nil {
		sessions, err = p.Sessions(ctx)
	}
	if err != nil {
		// Of the upstreams there is no news, so that they stay what they were.
		components := []health.Component{{Name: "pool", State: health.Down,
			Reason: "Nobody can tell how the sessions are, because the database does not answer.", Advice: "See the component database."}}
		for _, name := range slices.Sorted(maps.Keys(drivers)) {
			components = append(components, health.Component{Name: "upstream/" + name})
		}
		return components
	}
	components := []health.Component{poolHealth(sessions, drivers, time.Now().UnixMilli())}
	for _, name := range slices.Sorted(maps.Keys(drivers)) {
		c := health.Component{Name: "upstream/" + name, State: health.OK}
		for _, u := range upstreams {
			if u.Name == name && u.BenchedUntil != 0 {
				c.State = health.Down
				c.Reason = "It does not answer: " + u.Reason
				c.Advice = "See that it runs and that its url in the configuration leads to it; tasks wait, at no cost, and it is asked again by itself."
			}
		}
		components = append(components, c)
	}
	return components
}

// poolHealth judges the sessions that are meant to work: neither disabled nor of
// an upstream that is not configured.
func poolHealth[D any](sessions []*store.Session, drivers map[string]D, now int64) health.Component {
	c := health.Component{Name: "pool", State: health.OK}
	meant, dead, exhausted, resting := 0, 0, 0, 0
	back := int64(0) // when the first of them is tried again
	for _, s := range sessions {
		if _, configured := drivers[s.Upstream]; !configured || !s.Enabled {
			continue
		}
		meant++
		switch {
		case s.State == store.Dead:
			dead++
			continue
		case s.State == store.Exhausted && s.Until > now:
			exhausted++
		case s.State == store.Cooling && s.Until > now:
			resting++
		default:
			continue
		}
		if back == 0 || s.Until < back {
			back = s.Until
		}
	}
	switch {
	case meant == 0:
		c.State, c.Reason = health.Down, "There is no session that may be used."
		c.Advice = "Add one, or enable one, with `jimeng-gateway jimeng session`."
	case dead == meant:
		c.State, c.Reason = health.Down, fmt.Sprintf("The login of every session (%d) has expired, or its account is blocked.", dead)
		c.Advice = "Add sessions with a fresh login, or test the old ones after a new login."
	case dead+exhausted+resting == meant:
		c.State = health.Down
		c.Reason = fmt.Sprintf("No session can take a task before %s: %d are dead, %d out of credits, %d rest after a fault.", Clock(back), dead, exhausted, resting)
		c.Advice = "Wait, or add sessions; `jimeng-gateway jimeng pool` tells the reason of each."
	case dead+exhausted > 0:
		c.State = health.Degraded
		c.Reason = fmt.Sprintf("Of %d sessions, %d are dead and %d out of credits.", meant, dead, exhausted)
		c.Advice = "Give the dead ones a fresh login or disable them; the others come back by themselves."
	}
	return c
}
