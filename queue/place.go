package queue

import (
	"context"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Place is where a queued task stands, counted from 1.
type Place struct {
	InKey, OfKey int // among the queued tasks of its key
	// InQueue is among all tasks that wait for the same upstreams: how many are
	// given a slot before it by the rules of admission, fairness between keys
	// included, and one more.
	InQueue, OfQueue int
	// AtLeast says that counting stopped, and that the task stands there or
	// further back.
	AtLeast bool
}

// Forecast is what is to come of a task.
type Forecast struct {
	Place *Place // of a queued task
	ETA   *ETA   // of a task that has not ended
}

// Forecast says where a queued task stands and when a task will probably start
// and end. It costs nothing for a task that has ended, and what it needs of the
// whole gateway is read at most once a second.
func (q *Queue) Forecast(ctx context.Context, task *store.Task) (*Forecast, error) {
	if task.Status.Ended() {
		return &Forecast{}, nil
	}
	p, err := q.picture(ctx)
	if err != nil {
		return nil, err
	}
	if task.Status != store.Queued {
		return &Forecast{ETA: p.etaOfRunning(task)}, nil
	}
	p.mu.Lock()
	f := p.forecasts[task.ID]
	p.mu.Unlock()
	if f != nil {
		return f, nil
	}
	l, err := q.line(ctx, task)
	if err != nil {
		return nil, err
	}
	f = p.forecast(task, l)
	p.mu.Lock()
	p.forecasts[task.ID] = f
	p.mu.Unlock()
	return f, nil
}

// line is what stands before a task among those of its own key. It is fresh,
// unlike a picture: a client asks for the place of a task that it has just sent.
type line struct {
	lanes []*store.Lane // of the key
	ahead []int         // by lane: how many of its tasks go before
	key   *store.Lane   // what the key holds, whatever the lane
	more  bool          // there may be more ahead
}

// line counts the tasks before a task that is queued, or that may be.
func (q *Queue) line(ctx context.Context, task *store.Task) (*line, error) {
	lanes, err := q.store.LanesOf(ctx, task.KeyID)
	if err != nil {
		return nil, err
	}
	l := &line{key: lanes[0]}
	for _, row := range lanes {
		if row.Queued > 0 {
			l.lanes = append(l.lanes, row)
		}
	}
	if !slices.ContainsFunc(l.lanes, func(row *store.Lane) bool { return row.Route == task.Route }) {
		own := *lanes[0]
		own.Route, own.Queued = task.Route, 0
		l.lanes = append(l.lanes, &own)
	}
	for _, row := range l.lanes {
		n, err := q.store.Ahead(ctx, task.KeyID, row.Route, task.Priority, task.ID, horizon)
		if err != nil {
			return nil, err
		}
		l.ahead = append(l.ahead, n)
		l.more = l.more || n >= horizon
	}
	return l, nil
}

// forecast puts a task at the end of its line into the picture.
func (p *picture) forecast(task *store.Task, l *line) *Forecast {
	place := &Place{InKey: 1, AtLeast: l.more}
	for i, row := range l.lanes {
		place.InKey += l.ahead[i]
		place.OfKey += row.Queued
		if crosses(row.Route, task.Route) {
			place.OfQueue += row.Queued
		}
	}
	for _, row := range p.lanes {
		if row.KeyID != task.KeyID && crosses(row.Route, task.Route) {
			place.OfQueue += row.Queued
		}
	}
	s, found := p.start(task, l)
	place.InQueue = s.ahead + 1
	place.AtLeast = place.AtLeast || !found
	// The counters are not read at the same moment as the tasks.
	place.OfKey = max(place.OfKey, place.InKey)
	place.OfQueue = max(place.OfQueue, place.InQueue)
	f := &Forecast{Place: place}
	if found {
		f.ETA = p.etaOfQueued(task, s)
	} else {
		f.ETA = &ETA{Reason: "too many tasks go first to say when it is its turn"}
	}
	return f
}

// crosses reports whether two routes have an upstream in common.
func crosses(a, b string) bool {
	names := strings.Split(b, ",")
	for name := range strings.SplitSeq(a, ",") {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}

// start plays the picture forward until the task is given a slot.
func (p *picture) start(task *store.Task, l *line) (start, bool) {
	if len(l.lanes) == 1 {
		if s, found, known := p.sharedStart(l.lanes[0], l.ahead[0]+1); known {
			return s, found
		}
	}
	// The task or its whole lane is newer than the picture, or the lanes of its
	// key compete with each other: an outlook of its own has the key's tasks up to
	// this one, and this one last.
	before, last := &store.Task{Priority: 1}, &store.Task{}
	key := holderOf(l.key)
	var own *lane
	var lanes []*lane
	for i, row := range l.lanes {
		copied := &lane{Lane: new(*row), key: key, tasks: slices.Repeat([]*store.Task{before}, l.ahead[i])}
		if row.Route == task.Route {
			own = copied
			own.tasks = append(own.tasks, last)
		}
		copied.Queued = len(copied.tasks)
		lanes = append(lanes, copied)
	}
	return p.newOutlook(lanes).startOf(own, own.Queued)
}

// sharedStart asks the outlook that all tasks of the picture share for the start
// of the n-th task of a lane. known is false if the picture has no such task.
func (p *picture) sharedStart(row *store.Lane, n int) (s start, found, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.outlook == nil {
		p.outlook = p.newOutlook(nil)
	}
	for _, l := range p.outlook.lanes {
		if l.KeyID == row.KeyID && l.Route == row.Route && n <= l.Queued {
			s, found = p.outlook.startOf(l, n)
			return s, found, true
		}
	}
	return start{}, false, false
}
