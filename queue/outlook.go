package queue

import (
	"container/heap"
	"math"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// horizon is how many admissions an outlook looks ahead, and horizonWork how
	// many lanes it looks at for that. Whoever waits behind them learns that
	// there are more.
	horizon     = 20_000
	horizonWork = 8_000_000
	// guessedHold stands in for a duration that has not been measured. It only
	// gives an order to what comes back; no time that rests on it is told.
	guessedHold = 60_000
	noLimit     = math.MaxInt / 2 // far from overflowing
)

// outlook plays the admission forward from a picture: slots come back when the
// tasks on them are expected to end, pauses end, and the fairest lane gets the
// slot, by the rules of [Queue.admit] itself. It counts slots per upstream and
// does not tell sessions apart, which makes no difference to the order.
type outlook struct {
	*picture
	now      int64
	room     int // of the gateway
	capacity map[string]*capacity
	routes   map[string]*crossing
	lanes    []*lane
	starts   map[*lane][]start
	events   events

	served  []*holder // at the present moment, see advance
	turn    int
	steps   int
	work    int
	assumed bool // see assume
}

// crossing is a route, and the routes that compete with it for an upstream.
type crossing struct {
	capacity []*capacity
	names    []string
	rivals   []*crossing // itself included
	ahead    int         // admissions so far of tasks that compete
}

// start is the expected admission of one queued task.
type start struct {
	at       int64
	ahead    int // tasks that compete and go first
	upstream string
	guessed  bool // rests on durations that were not measured
	unsure   bool // rests on something coming back that may not
	assumed  bool // as if the sessions worked that do not come back by themselves
}

// event is something that comes back.
type event struct {
	at       int64
	upstream *capacity
	slots    int     // that come back
	ended    *holder // the key of a task that ends, nil if it is not waiting
	task     bool    // a task ends, and gives room back
	open     bool    // the upstream's bench ends
	guessed  bool
	unsure   bool
}

// newOutlook begins an outlook. lanes replace those of the same key in the
// picture, which may be a second old.
func (p *picture) newOutlook(replace []*lane) *outlook {
	o := &outlook{
		picture: p, now: p.now, room: p.room(), capacity: make(map[string]*capacity), routes: make(map[string]*crossing),
		starts: make(map[*lane][]start), lanes: replace,
	}
	keys := make(map[string]*holder)
	for _, l := range replace {
		keys[l.KeyID] = l.key
	}
	replaced := len(keys) > 0
	for _, row := range p.lanes {
		if replaced && row.KeyID == replace[0].KeyID {
			continue
		}
		if keys[row.KeyID] == nil {
			keys[row.KeyID] = holderOf(row)
		}
		o.lanes = append(o.lanes, &lane{Lane: row, key: keys[row.KeyID]})
	}
	for _, l := range o.lanes {
		l.empty = l.Queued <= 0
		o.addRoute(l.Route)
	}
	o.addSlots(keys)
	heap.Init(&o.events)
	return o
}

func holderOf(row *store.Lane) *holder {
	return &holder{running: row.Running, weight: row.Weight, concurrency: row.Concurrency, servedAt: row.ServedAt}
}

func (o *outlook) addRoute(route string) {
	if o.routes[route] != nil {
		return
	}
	c := &crossing{names: strings.Split(route, ",")}
	for _, name := range c.names {
		c.capacity = append(c.capacity, o.upstreamCapacity(name))
	}
	o.routes[route] = c
	for _, other := range o.routes {
		if other == c || slices.ContainsFunc(other.names, func(name string) bool { return slices.Contains(c.names, name) }) {
			c.rivals = append(c.rivals, other)
			if other != c {
				other.rivals = append(other.rivals, c)
			}
		}
	}
}

// startOf is the expected admission of the n-th task of a lane, counted from 1.
// Beyond the horizon it is the last one that is known, and false.
func (o *outlook) startOf(l *lane, n int) (start, bool) {
	for len(o.starts[l]) < n {
		if !o.step() {
			return start{at: o.now, ahead: o.routes[l.Route].ahead, assumed: o.assumed}, false
		}
	}
	return o.starts[l][n-1], true
}

// nextSlot is when a slot for the route comes free, however many wait for it. It
// is for an outlook without lanes. False means that nobody knows.
func (o *outlook) nextSlot(route string) (int64, bool) {
	o.addRoute(route)
	heap.Init(&o.events)
	for o.room <= 0 || !o.serves(route) {
		if !o.advance() {
			return 0, false
		}
	}
	known := func(c *capacity) bool { return c.any() && !c.guessed }
	return o.now, slices.ContainsFunc(o.routes[route].capacity, known)
}

// step admits one task, and moves the time on when none can be. It returns false
// when there is nothing left to admit, or the horizon is reached.
func (o *outlook) step() bool {
	if o.steps >= horizon || o.work >= horizonWork {
		return false
	}
	for {
		if o.room > 0 {
			o.work += len(o.lanes)
			if l := fairest(o.lanes, o.serves); l != nil {
				o.admitOne(l)
				return true
			}
		}
		if !o.advance() && !o.assume() {
			return false
		}
	}
}

func (o *outlook) serves(route string) bool {
	return slices.ContainsFunc(o.routes[route].capacity, (*capacity).any)
}

func (o *outlook) admitOne(l *lane) {
	route := o.routes[l.Route]
	name, c := "", (*capacity)(nil)
	for i, other := range route.capacity {
		// With least recently used rotation, the upstream with more free slots is
		// the more likely one.
		if other.any() && (c == nil || other.free > c.free) {
			name, c = route.names[i], other
		}
	}
	o.starts[l] = append(o.starts[l], start{o.now, route.ahead, name, c.guessed, c.unsure, o.assumed})
	for _, rival := range route.rivals {
		rival.ahead++
	}
	o.steps++
	o.turn++
	l.taken++
	l.empty = l.taken >= l.Queued
	if len(l.tasks) > 0 {
		l.tasks = l.tasks[1:]
	}
	l.key.running++
	l.key.servedAt, l.key.turn = o.now, o.turn
	o.served = append(o.served, l.key)
	o.room--
	c.free--
	c.room--
	heap.Push(&o.events, event{at: o.now + c.hold, upstream: c, slots: 1, ended: l.key, task: true, guessed: c.guess})
}

// advance moves on to the next moment at which something comes back.
func (o *outlook) advance() bool {
	if len(o.events) == 0 {
		return false
	}
	// The order within one admission is not remembered by the next.
	for _, key := range o.served {
		key.turn = 0
	}
	o.served = o.served[:0]
	o.now = max(o.now, o.events[0].at)
	for len(o.events) > 0 && o.events[0].at <= o.now {
		e := heap.Pop(&o.events).(event)
		if e.ended != nil {
			e.ended.running--
		}
		if e.upstream == nil {
			continue
		}
		e.upstream.free += e.slots
		e.upstream.guessed = e.upstream.guessed || e.guessed
		e.upstream.unsure = e.upstream.unsure || e.unsure
		if e.open {
			e.upstream.closed = false
		}
		if e.task {
			e.upstream.room++
			o.room++
		}
	}
	return true
}

// assume goes on when nothing comes back any more although tasks wait: as if the
// sessions of their upstreams worked. Their order is worth knowing all the same.
func (o *outlook) assume() bool {
	if o.assumed {
		return false
	}
	o.assumed = true
	helped := false
	for _, l := range o.lanes {
		if l.empty {
			continue
		}
		for _, c := range o.routes[l.Route].capacity {
			if c.any() {
				continue
			}
			c.closed = false
			if c.free = max(c.free, c.ill); c.free == 0 {
				c.free = pool.DefaultSlots
			}
			c.room = max(c.room, 1)
			helped = true
		}
	}
	return helped
}

// events is a heap, the next one first.
type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
