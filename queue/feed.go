package queue

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Event is something that happened to a task, as listeners get it. It is shared
// between them and must not be changed.
type Event struct {
	*store.Event
	Task *store.Task // as it was after the event

	rendered sync.Map // see [Event.Rendered]
}

// Rendered keeps what listeners make of the event, so that a thousand of them
// who want the same make it once.
func (e *Event) Rendered(variant string, render func() []byte) []byte {
	if done, ok := e.rendered.Load(variant); ok {
		return done.([]byte)
	}
	done, _ := e.rendered.LoadOrStore(variant, render())
	return done.([]byte)
}

// listenerRoom is how many events a listener may be behind before it is dropped.
const listenerRoom = 1024

// Listener gets events until it is closed, or dropped because it is too slow;
// then C is closed and it may begin again where it was.
type Listener struct {
	C <-chan *Event

	feed  *feed
	c     chan *Event
	owner string // only tasks of this key, "" for all
	task  string // only this task, "" for all
}

// Close ends the listening.
func (l *Listener) Close() {
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	l.feed.drop(l)
}

// feed hands events to listeners. The writer of the store leaves them here and
// goes on; what a listener costs, it costs the feed.
type feed struct {
	store *store.Store
	log   *zap.Logger
	more  chan struct{} // of room for one: there are new events

	mu        sync.Mutex
	fresh     []*store.Event
	last      int64 // the number of the last event that was taken from fresh
	listeners map[*Listener]struct{}
	closed    bool
}

func newFeed(st *store.Store, log *zap.Logger) *feed {
	f := &feed{store: st, log: log, more: make(chan struct{}, 1), listeners: map[*Listener]struct{}{}}
	st.OnEvents(f.take)
	return f
}

// take is called by the store. Without listeners there is nothing to keep.
func (f *feed) take(events []*store.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.listeners) == 0 {
		f.last, f.fresh = events[len(events)-1].Seq, nil
		return
	}
	f.fresh = append(f.fresh, events...)
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// Listen gets the events of the tasks of one key, or of all if owner is "", from
// now on; of one task only if taskID is not "".
func (q *Queue) Listen(owner, taskID string) *Listener {
	f := q.feed
	l := &Listener{feed: f, c: make(chan *Event, listenerRoom), owner: owner, task: taskID}
	l.C = l.c
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners[l] = struct{}{}
	if f.closed {
		f.drop(l)
	}
	return l
}

// drop closes a listener. The feed is locked.
func (f *feed) drop(l *Listener) {
	if _, ok := f.listeners[l]; ok {
		delete(f.listeners, l)
		close(l.c)
	}
}

func (l *Listener) wants(e *store.Event) bool {
	return (l.owner == "" || l.owner == e.KeyID) && (l.task == "" || l.task == e.TaskID)
}

// run hands events on until ctx ends, and then drops all listeners.
func (f *feed) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			f.mu.Lock()
			f.closed = true
			for l := range f.listeners {
				f.drop(l)
			}
			f.mu.Unlock()
			return
		case <-f.more:
		}
		if err := f.hand(ctx); err != nil && ctx.Err() == nil {
			// Nobody may miss an event without noticing.
			f.log.Error("events could not be read, listeners begin again", zap.Error(err))
			f.mu.Lock()
			for l := range f.listeners {
				f.drop(l)
			}
			f.mu.Unlock()
		}
	}
}

// hand gives the fresh events to whom they concern.
func (f *feed) hand(ctx context.Context) error {
	f.mu.Lock()
	events := f.fresh
	f.fresh = nil
	last := f.last
	if len(events) > 0 {
		f.last = events[len(events)-1].Seq
	}
	wanted := map[string]bool{}
	for _, e := range events {
		for l := range f.listeners {
			if l.wants(e) {
				wanted[e.TaskID] = true
				break
			}
		}
	}
	f.mu.Unlock()
	if len(events) == 0 {
		return nil
	}
	// A commit whose answer was lost has told nobody of its events.
	if last > 0 && events[0].Seq > last+1 {
		missed, err := f.store.EventsAfter(ctx, last, events[0].Seq-1, maxReplay)
		if err != nil {
			return err
		}
		for _, e := range missed {
			wanted[e.TaskID] = true
		}
		events = append(missed, events...)
	}
	shown, err := show(ctx, f.store, events, func(e *store.Event) bool { return wanted[e.TaskID] })
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range shown {
		for l := range f.listeners {
			if !l.wants(e.Event) {
				continue
			}
			select {
			case l.c <- e:
			default:
				f.drop(l)
			}
		}
	}
	return nil
}

// show puts the tasks to the events that are wanted. Those of tasks that have
// been deleted since are left out: their last event says so.
func show(ctx context.Context, st *store.Store, events []*store.Event, wanted func(*store.Event) bool) ([]*Event, error) {
	ids := map[string]struct{}{}
	for _, e := range events {
		if e.Type != store.TaskDeleted && wanted(e) {
			ids[e.TaskID] = struct{}{}
		}
	}
	tasks, err := st.TasksByID(ctx, slices.Collect(maps.Keys(ids)))
	if err != nil {
		return nil, err
	}
	var shown []*Event
	for _, e := range events {
		task := tasks[e.TaskID]
		switch {
		case !wanted(e):
		case e.Type == store.TaskDeleted:
			shown = append(shown, &Event{Event: e, Task: e.Apply(&store.Task{ID: e.TaskID, KeyID: e.KeyID})})
		case task != nil:
			shown = append(shown, &Event{Event: e, Task: e.Apply(task)})
		}
	}
	return shown, nil
}

const (
	// maxReplay is how far behind a listener may be and still get every event; one
	// that is further behind begins with a snapshot.
	maxReplay = 20_000
	// replayAtOnce bounds what is in memory of it.
	replayAtOnce = 500
)

// Replay hands the events after the one with the number after, up to and
// including to, to f, and reports whether that was possible: a number that is
// too far back, or not of this database, is not.
func (q *Queue) Replay(ctx context.Context, owner, taskID string, after, to int64, f func(*Event) error) (ok bool, err error) {
	last, purged, err := q.store.EventRange(ctx)
	if err != nil || after > last || after < purged || to-after > maxReplay {
		return false, err
	}
	l := Listener{owner: owner, task: taskID}
	for after < to {
		events, err := q.store.EventsAfter(ctx, after, to, replayAtOnce)
		if err != nil || len(events) == 0 {
			return err == nil, err
		}
		shown, err := show(ctx, q.store, events, l.wants)
		if err != nil {
			return false, err
		}
		for _, e := range shown {
			if err := f(e); err != nil {
				return false, err
			}
		}
		after = events[len(events)-1].Seq
	}
	return true, nil
}

// lastLook bounds the reading of a task after the time for it is over.
const lastLook = 5 * time.Second

// Wait returns the task when it has ended or ctx has, whichever is first, as it
// is then.
func (q *Queue) Wait(ctx context.Context, keyID, id string) (*store.Task, error) {
	for {
		l := q.Listen("", id)
		task, err := q.store.Task(ctx, keyID, id)
		if ctx.Err() == nil && (err != nil || task.Status.Ended()) {
			l.Close()
			return task, err
		}
		dropped := false
		for !dropped && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case e, ok := <-l.C:
				if dropped = !ok; ok && e.Task.Status.Ended() {
					l.Close()
					return q.store.Task(ctx, keyID, id)
				}
			}
		}
		l.Close()
		if !dropped || q.stopping.Load() {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
			defer cancel()
			return q.store.Task(last, keyID, id)
		}
	}
}
