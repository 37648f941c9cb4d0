package health

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// every is how often the parts are looked at while nobody asks.
	every = 10 * time.Second
	// fresh is how old an answer may be.
	fresh = time.Second
	// patience is how long whoever asks waits for a check.
	patience = time.Second
	// tooLong is when a check that has not ended says that its part hangs.
	tooLong = 3 * time.Second
)

// Check looks at a part, or at several of a kind.
type Check struct {
	Name string
	// Do tells how they are. Its context ends after a few seconds; if it goes on
	// all the same, nobody waits for it, and it is not called again before it ends.
	Do func(context.Context) []Component
}

// Monitor looks at the parts from time to time, remembers since when each is as it
// is, and logs when that changes. It outlives configurations.
type Monitor struct {
	log     *zap.Logger
	ctx     context.Context // of the work, ended by Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	layers []*layer             // the last one is in force
	known  map[string]Component // by name
}

// layer is the checks of a configuration.
type layer struct{ parts []*part }

// part is a check and what it has said.
type part struct {
	Check
	begun time.Time     // of the last run
	ended time.Time     // of the last run that has ended
	done  chan struct{} // closed at the end of the run, nil when none is on its way
	last  []Component
}

// NewMonitor returns a monitor that looks at nothing yet; [Monitor.Close] ends it.
func NewMonitor(log *zap.Logger) *Monitor {
	m := &Monitor{log: log, known: map[string]Component{}}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.running.Go(m.watch)
	return m
}

// Close waits for the checks that are on their way, at most until ctx ends: one
// that hangs in the system cannot be ended.
func (m *Monitor) Close(ctx context.Context) {
	m.mu.Lock() // nothing begins after this
	m.cancel()
	m.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		m.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// Configure puts checks in force until revert is called. With nothing left, the
// last ones stay.
func (m *Monitor) Configure(checks []Check) (revert func()) {
	own := &layer{}
	for _, check := range checks {
		own.parts = append(own.parts, &part{Check: check})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// A reload is no reason to know less: a part is as it was until its check has
	// answered.
	for _, p := range own.parts {
		for _, before := range m.parts() {
			if before.Name == p.Name {
				p.last = slices.Clone(before.last)
			}
		}
	}
	m.layers = append(m.layers, own)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.layers) > 1 {
			m.layers = slices.DeleteFunc(m.layers, func(other *layer) bool { return other == own })
		}
	}
}

func (m *Monitor) watch() {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.Components(m.ctx)
		case <-m.ctx.Done():
			return
		}
	}
}

// Components tells how the parts are, in the order of the checks. The answer is a
// second old at most, and comes within a second: of a check that takes longer it
// has what that said before, and in the end that it hangs.
func (m *Monitor) Components(ctx context.Context) []Component {
	for _, wait := range m.begin() {
		wait(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Component
	for _, p := range m.parts() {
		if p.done != nil && time.Since(p.begun) >= tooLong {
			p.last = m.note(p, hanging(p.Name, p.last, time.Since(p.begun)))
		}
		all = append(all, p.last...)
	}
	return all
}

// parts are the ones in force.
func (m *Monitor) parts() []*part {
	if len(m.layers) == 0 {
		return nil
	}
	return m.layers[len(m.layers)-1].parts
}

// begin runs the checks whose answers are old, and returns how to wait for them.
func (m *Monitor) begin() (waits []func(context.Context)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.parts() {
		if p.done == nil {
			if m.ctx.Err() != nil || !p.ended.IsZero() && time.Since(p.ended) < fresh {
				continue
			}
			p.begun, p.done = time.Now(), make(chan struct{})
			m.running.Go(func() { m.run(p) })
		}
		done, until := p.done, p.begun.Add(patience)
		waits = append(waits, func(ctx context.Context) {
			ctx, cancel := context.WithDeadline(ctx, until)
			defer cancel()
			select {
			case <-done:
			case <-ctx.Done():
			}
		})
	}
	return waits
}

func (m *Monitor) run(p *part) {
	ctx, cancel := context.WithTimeout(m.ctx, tooLong-500*time.Millisecond) // before it is said to hang
	defer cancel()
	components := p.Do(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	// Nobody asks any more, or another configuration's check does; and what ended
	// early says nothing.
	if m.ctx.Err() == nil && slices.Contains(m.parts(), p) {
		p.last = m.note(p, components)
	}
	p.ended = time.Now()
	close(p.done)
	p.done = nil
}

// hanging is what is said of the parts of a check that does not end.
func hanging(name string, last []Component, d time.Duration) []Component {
	if len(last) == 0 {
		last = []Component{{Name: name}}
	}
	components := slices.Clone(last)
	for i := range components {
		components[i] = Component{Name: components[i].Name, State: Down,
			Reason: fmt.Sprintf("It has not answered for %d seconds.", int(d.Seconds())),
			Advice: "Look at what it runs on: a disk, a network or a server that hangs."}
	}
	return components
}

// note remembers since when the parts are as they are, and logs what has changed.
func (m *Monitor) note(p *part, components []Component) []Component {
	components = slices.Clone(components)
	for i := range components {
		c := &components[i]
		before, known := m.known[c.Name]
		if c.State == "" {
			if !known {
				before = Component{Name: c.Name, State: Degraded, Reason: "It is not known yet how it is.", Since: time.Now().Truncate(time.Millisecond)}
			}
			*c = before
			continue
		}
		switch {
		case known && before.State == c.State:
			c.Since = before.Since
		default:
			if c.Since.IsZero() {
				c.Since = time.Now().Truncate(time.Millisecond)
			}
			m.tell(before.State, *c)
		}
		m.known[c.Name] = *c
	}
	for _, c := range p.last { // such as an upstream that is not configured any more
		if !slices.ContainsFunc(components, func(other Component) bool { return other.Name == c.Name }) {
			delete(m.known, c.Name)
		}
	}
	return components
}

func (m *Monitor) tell(before State, c Component) {
	fields := []zap.Field{zap.String("component", c.Name), zap.String("state", string(c.State))}
	if before != "" {
		fields = append(fields, zap.String("was", string(before)))
	}
	switch {
	case c.State == Degraded, c.State == Down:
		m.log.Warn("a component is not well", append(fields, zap.String("reason", c.Reason), zap.String("advice", c.Advice))...)
	case before == Degraded, before == Down:
		m.log.Info("a component is well again", fields...)
	}
}
