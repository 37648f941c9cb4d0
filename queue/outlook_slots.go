package queue

import (
	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// capacity is the room of one upstream.
type capacity struct {
	free   int // slots
	ill    int // slots of sessions that do not come back by themselves
	room   int // of the upstream's own limit
	closed bool
	hold   int64 // how long a task is expected to hold a slot, milliseconds
	guess  bool  // hold was not measured
	// Whether what has come back so far rests on a guess, or may not come back.
	guessed, unsure bool
}

func (c *capacity) any() bool { return !c.closed && c.free > 0 && c.room > 0 }

// upstreamCapacity is the capacity of the upstream of that name.
func (o *outlook) upstreamCapacity(name string) *capacity {
	if c := o.capacity[name]; c != nil {
		return c
	}
	u := o.upstream(name)
	c := &capacity{room: noLimit, closed: !u.Configured || u.BenchedUntil != 0, hold: guessedHold, guess: true}
	if u.Limit > 0 {
		c.room = u.Limit - u.Running
	}
	if s := o.durations.ofUpstream(name); s.known() {
		c.hold, c.guess = s.typical(), false
	}
	if u.Configured && u.BenchedUntil != 0 {
		// Benched upstreams are asked every second once their pause is over.
		o.events = append(o.events, event{at: max(u.BenchedUntil, o.now), upstream: c, open: true, unsure: true})
	}
	o.capacity[name] = c
	return c
}

// addSlots counts the free slots, and expects those back that are taken.
func (o *outlook) addSlots(keys map[string]*holder) {
	held := make(map[string][]*store.Held, len(o.sessions))
	for _, task := range o.running {
		held[task.SessionID] = append(held[task.SessionID], task)
	}
	unseen := make(map[*holder]int, len(keys))
	for _, key := range keys {
		unseen[key] = key.running
	}
	for _, s := range o.sessions {
		c := o.upstreamCapacity(s.Upstream)
		free := o.addSession(s, c)
		for i := range s.Running {
			e := event{upstream: c, task: true, guessed: c.guess}
			if i < len(held[s.ID]) {
				task := held[s.ID][i]
				e.at, e.ended = o.expectedEnd(task, c), keys[task.KeyID]
				unseen[e.ended]--
			} else {
				e.at = o.now + c.hold
			}
			if free > 0 {
				e.slots = 1
				free--
			}
			o.events = append(o.events, e)
		}
	}
	// Keys whose tasks the picture has not seen one by one get their room back too.
	for key, n := range unseen {
		for range min(n, maxRunning) {
			if key != nil {
				o.events = append(o.events, event{at: o.now + guessedHold, ended: key, guessed: true})
			}
		}
	}
}

// addSession counts what the session can take now or after a pause, and returns
// how many of its running tasks leave a slot that can be used again at once.
func (o *outlook) addSession(s *store.Session, c *capacity) (reusable int) {
	switch {
	case !s.Enabled || s.State == store.Dead || s.State != store.Ready && s.Until == 0:
		c.ill += s.Slots
		return 0
	case s.State == store.Ready:
		c.free += max(0, s.Slots-s.Running)
		return min(s.Running, s.Slots)
	}
	// After the pause one attempt decides; the other slots are there when it has
	// ended, and so are those of tasks that run now and do not count as proof.
	rest, decided := s.Slots, max(s.Until, o.now)+c.hold
	if pool.Judge(s, &pool.Upstream{Configured: true}, o.now).Code != pool.SessionHalfOpen {
		o.events = append(o.events, event{at: max(s.Until, o.now), upstream: c, slots: 1, unsure: true})
		rest--
	}
	if rest > 0 {
		o.events = append(o.events, event{at: decided, upstream: c, slots: rest, unsure: true, guessed: c.guess})
	}
	return 0
}

// expectedEnd is when a running task probably ends.
func (o *outlook) expectedEnd(task *store.Held, c *capacity) int64 {
	if c.guess {
		return o.now + c.hold
	}
	s := o.durations.of(task.Upstream, o.modelName(task.Model))
	elapsed := heldFor(task, o.now)
	if rest := s.beyond(elapsed); rest.known() {
		return o.now + rest.at(0.5) - elapsed
	}
	return o.now + c.hold/4 // longer than any before: it can be over any moment, or never
}
