package queue_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// model is what must be, computed from the events alone and in their order. It
// knows the rules of admission by heart and none of the gateway's code.
type model struct {
	tasks    map[string]*modelTask
	keys     map[string]*modelKey
	sessions map[string]*modelSession
	upstream map[string]*limit
	gateway  *limit
	last     int64 // the number of the last event
	admitted int
	problems []string
}

type modelTask struct {
	store.Change
	id, key, route string
	prompt, model  string
	duration       int
	credits        int64 // of the row, as it was last seen
	createdAt      int64
	priority       int
	deleted        bool
	ends           int
	held           []holding
}

// holding is a slot that a task had, from and to a moment in Unix milliseconds.
type holding struct {
	session  string
	from, to int64
}

type modelKey struct {
	weight   int
	limit    *limit
	running  int
	servedAt int64
}

type modelSession struct {
	token    string
	upstream string
	slots    *limit
}

// mark is a point in the course of things.
type mark struct{ seq, at int64 }

var never = mark{math.MaxInt64, math.MaxInt64}

// limit is a number that was changed now and then. While it is being changed,
// both numbers hold.
type limit struct{ values []limitValue }

type limitValue struct {
	value    int // 0 for no limit
	from, to mark
}

func newLimit(value int) *limit { return &limit{[]limitValue{{value, mark{}, never}}} }

func (l *limit) set(value int, before, after mark) {
	l.values[len(l.values)-1].to = after
	l.values = append(l.values, limitValue{value, before, never})
}

// between is the lowest and the highest number that may have held.
func (l *limit) between(holds func(limitValue) bool) (low, high int) {
	low, high = math.MaxInt, 0
	for _, v := range l.values {
		if holds(v) {
			n := v.value
			if n == 0 {
				n = math.MaxInt
			}
			low, high = min(low, n), max(high, n)
		}
	}
	return low, high
}

func (l *limit) at(seq int64) (low, high int) {
	return l.between(func(v limitValue) bool { return v.from.seq < seq && seq <= v.to.seq })
}

func (m *model) problem(format string, args ...any) {
	m.problems = append(m.problems, fmt.Sprintf(format, args...))
}

// happened takes the next event.
func (m *model) happened(e *store.Event) {
	if e.Seq <= m.last {
		m.problem("event %d comes after %d", e.Seq, m.last)
	}
	m.last = e.Seq
	t := m.tasks[e.TaskID]
	if t == nil {
		m.problem("event %d is about a task that nobody knows: %s", e.Seq, e.TaskID)
		return
	}
	was, is := t.Status, e.Change.Status
	legal := false
	switch e.What {
	case store.Created:
		legal = was == "" && is == store.Queued
		t.createdAt = e.At
	case store.AdmittedTo:
		legal = was == store.Queued && is == store.Submitting && e.Attempt == t.Attempt+1
		m.admission(e, t)
	case store.WasAccept:
		legal = was == store.Submitting && is == store.Polling
	case store.HasResult:
		legal = (was == store.Submitting || was == store.Polling) && is == store.Downloading
	case store.TakenOver, store.PutBack:
		legal = was == store.Submitting && is == store.Queued
	case store.Ended:
		legal = was != "" && !was.Ended() && is.Ended()
		t.ends++
	case store.Polled, store.PollFailed, store.MirrorFail:
		legal = (was == store.Polling || was == store.Downloading) && is == was
	case store.MoneyKnown, store.FilesGone:
		legal = was.Ended() && is == was && t.FinishedAt == e.FinishedAt
	case store.Removed:
		legal = was.Ended()
		t.deleted = true
	}
	if !legal || t.deleted && e.What != store.Removed {
		m.problem("event %d: task %s was %s (attempt %d) and became %s (attempt %d) because %s", e.Seq, t.id, was, t.Attempt, is, e.Attempt, e.What)
	}
	if runs(was) && !runs(is) {
		t.held[len(t.held)-1].to = e.At
		m.keys[t.key].running--
	}
	t.Change = e.Change
}

func runs(s store.Status) bool { return s != "" && s != store.Queued && !s.Ended() }

// admission checks every rule of admission at the moment of one.
func (m *model) admission(e *store.Event, t *modelTask) {
	m.admitted++
	key := m.keys[t.key]
	inSession, inUpstream, running := 1, 1, 1
	for _, other := range m.tasks {
		if other == t || !runs(other.Status) {
			continue
		}
		running++
		if other.SessionID == e.SessionID {
			inSession++
		}
		if other.Upstream == e.Upstream {
			inUpstream++
		}
	}
	within := func(what string, n int, l *limit) {
		if _, high := l.at(e.Seq); n > high {
			m.problem("event %d: %s runs %d attempts, its limit is %d", e.Seq, what, n, high)
		}
	}
	session := m.sessions[e.SessionID]
	if session == nil || session.upstream != e.Upstream || !serves(t, e.Upstream) {
		m.problem("event %d: task %s for %s went to %s, session %+v", e.Seq, t.id, t.route, e.Upstream, session)
		return
	}
	within("session "+e.SessionID, inSession, session.slots)
	within("upstream "+e.Upstream, inUpstream, m.upstream[e.Upstream])
	within("the gateway", running, m.gateway)
	within("key "+t.key, key.running+1, key.limit)
	if t.StartDeadline <= e.At {
		m.problem("event %d: task %s was admitted after its time in the queue", e.Seq, t.id)
	}
	m.fair(e, t)
	key.running++
	key.servedAt = e.At
	t.held = append(t.held, holding{e.SessionID, e.At, math.MaxInt64})
}

func serves(t *modelTask, upstream string) bool {
	return slices.Contains(strings.Split(t.route, ","), upstream)
}

// fair looks for a queued task that should have got the slot: any that the same
// session could serve.
func (m *model) fair(e *store.Event, t *modelTask) {
	key := m.keys[t.key]
	for _, other := range m.tasks {
		if other == t || other.Status != store.Queued || other.StartDeadline <= e.At || !serves(other, e.Upstream) {
			continue
		}
		if other.key == t.key {
			if other.priority > t.priority || other.priority == t.priority && other.id < t.id {
				m.problem("event %d: task %s (priority %d) overtook %s (priority %d) of the same key", e.Seq, t.id, t.priority, other.id, other.priority)
			}
			continue
		}
		rival := m.keys[other.key]
		if low, _ := rival.limit.at(e.Seq); rival.running >= low {
			continue
		}
		mine, theirs := key.running*rival.weight, rival.running*key.weight
		if mine > theirs || mine == theirs && key.servedAt > rival.servedAt {
			m.problem("event %d: key %s (%d running, weight %d, served %d) went before %s (%d running, weight %d, served %d)",
				e.Seq, t.key, key.running, key.weight, key.servedAt, other.key, rival.running, rival.weight, rival.servedAt)
		}
	}
}

func readEvent(scan func(...any) error) (*store.Event, error) {
	var e store.Event
	var data string
	if err := scan(&e.Seq, &e.TaskID, &e.KeyID, &e.Type, &e.At, &data); err != nil {
		return nil, err
	}
	return &e, json.Unmarshal([]byte(data), &e.Change)
}
