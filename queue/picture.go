package queue

import (
	"context"
	"sync"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// pictureLife is how long a picture is shown around. Whoever asks for places
	// and forecasts costs the database one picture a second, however many ask.
	pictureLife = time.Second
	// pictureTimeout bounds the making of a picture.
	pictureTimeout = 5 * time.Second
	// maxRunning is how many running tasks a picture looks at one by one; the
	// rest is known by the counters alone.
	maxRunning = 5000
)

// picture is the pool and the queue at one moment, for whoever wants to know
// what comes next. Nothing in it is changed once it is made, but for what is
// below mu.
type picture struct {
	now       int64 // Unix milliseconds
	settings  *Settings
	lanes     []*store.Lane
	sessions  []*store.Session
	upstreams map[string]*pool.Upstream // configured ones, and those that were
	running   []*store.Held
	admitted  map[string]int64 // by the id of a running task
	oldest    int64            // when the oldest queued task was created, 0 for none
	durations *durations
	modelName func(string) string // see [Queue.modelName]

	mu        sync.Mutex
	outlook   *outlook             // shared by all forecasts, played forward as far as one of them has asked
	forecasts map[string]*Forecast // by the id of a queued task
}

// album keeps the last picture of a queue.
type album struct {
	mu        sync.Mutex
	last      *picture
	taken     time.Time
	durations *durations
}

// picture returns one that is at most a second old. Those who come while it is
// made wait for it, so the caller's own haste does not break it off.
func (q *Queue) picture(ctx context.Context) (*picture, error) {
	a := &q.album
	a.mu.Lock()
	defer a.mu.Unlock()
	settings := q.settings.Load()
	if a.last != nil && time.Since(a.taken) < pictureLife && a.last.settings == settings {
		return a.last, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pictureTimeout)
	defer cancel()
	if a.durations == nil || a.durations.stale(time.Now()) {
		d, err := q.measureDurations(ctx)
		if err != nil {
			return nil, err
		}
		a.durations = d
	}
	p, err := q.takePicture(ctx, settings, a.durations)
	if err != nil {
		return nil, err
	}
	a.last, a.taken = p, time.Now()
	return p, nil
}

func (q *Queue) takePicture(ctx context.Context, settings *Settings, d *durations) (*picture, error) {
	p := &picture{
		settings: settings, durations: d, modelName: q.modelName, upstreams: make(map[string]*pool.Upstream),
		admitted: make(map[string]int64), forecasts: make(map[string]*Forecast),
	}
	var err error
	if p.lanes, err = q.store.Lanes(ctx); err != nil {
		return nil, err
	}
	if p.oldest, err = q.store.OldestQueued(ctx); err != nil {
		return nil, err
	}
	if p.running, err = q.store.Running(ctx, maxRunning); err != nil {
		return nil, err
	}
	if p.sessions, err = q.store.Sessions(ctx); err != nil {
		return nil, err
	}
	upstreams, err := q.store.Upstreams(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range p.sessions {
		p.upstreams[s.Upstream] = p.upstream(s.Upstream)
	}
	for name, u := range settings.Upstreams {
		p.upstreams[name] = &pool.Upstream{Upstream: store.Upstream{Name: name}, Configured: true, Limit: u.Concurrency}
	}
	for _, u := range upstreams {
		p.upstreams[u.Name] = p.upstream(u.Name)
		p.upstreams[u.Name].Upstream = *u
	}
	for _, held := range p.running {
		p.admitted[held.TaskID] = held.AdmittedAt
	}
	p.now = time.Now().UnixMilli()
	return p, nil
}

// upstream is the upstream of that name, which may never have been used.
func (p *picture) upstream(name string) *pool.Upstream {
	if u := p.upstreams[name]; u != nil {
		return u
	}
	return &pool.Upstream{Upstream: store.Upstream{Name: name}}
}

// room is how many more tasks the whole gateway may run.
func (p *picture) room() int {
	if p.settings.Concurrency <= 0 {
		return noLimit
	}
	room := p.settings.Concurrency
	for _, u := range p.upstreams {
		room -= u.Running
	}
	return room
}
