package store

import (
	"context"
	"encoding/json"
	"fmt"
)

// Types of events. A task that moves has the type "task." and its new status.
const (
	TaskUpdated = "task.updated" // it changed without moving
	TaskDeleted = "task.deleted"
)

// Event is one thing that happened to a task. The events of a task are its
// history; the events of all tasks, in the order of Seq, are what listeners
// follow. Seq grows in the order of the commits, on all nodes together, so that
// whoever has seen one number has seen all below it.
type Event struct {
	Seq    int64
	TaskID string
	KeyID  string
	Type   string
	At     int64 // Unix milliseconds
	Change

	// Subject is known to whoever writes the event, and empty in one that is read.
	Subject Subject
}

// Subject is what no event changes of its task.
type Subject struct {
	Kind      string
	Model     string
	Trace     string
	CreatedAt int64 // Unix milliseconds
}

// Change is what an event says: what the changing part of the task was after
// it, and what happened.
type Change struct {
	Status        Status     `json:"status"`
	Upstream      string     `json:"upstream,omitempty"`
	SessionID     string     `json:"session_id,omitempty"`
	Attempt       int        `json:"attempt,omitempty"`
	Failovers     int        `json:"failovers,omitempty"`
	Ref           string     `json:"ref,omitempty"`
	QueuePosition *int       `json:"queue_position,omitempty"`
	QueueTotal    *int       `json:"queue_total,omitempty"`
	QueueETA      string     `json:"queue_eta,omitempty"`
	ErrorKind     string     `json:"error_kind,omitempty"`
	ErrorMessage  string     `json:"error_message,omitempty"`
	Money         string     `json:"money,omitempty"`
	StartedAt     int64      `json:"started_at,omitempty"`
	FinishedAt    int64      `json:"finished_at,omitempty"`
	StartDeadline int64      `json:"start_deadline,omitempty"`
	Artifacts     []Artifact `json:"artifacts,omitempty"`

	What  What   `json:"what"`
	Fault *Fault `json:"fault,omitempty"`
}

// What names what happened, more closely than the status can.
type What string

const (
	Created    What = "created"       // and durable, so the client may hear of it
	AdmittedTo What = "admitted"      // a session gave it a slot
	TakenOver  What = "failed_over"   // the attempt was surely not accepted, another session takes over
	PutBack    What = "put_back"      // the attempt was surely not accepted, and that was no session's fault
	WasAccept  What = "accepted"      // by the upstream: from here on it is paid
	Polled     What = "polled"        // the upstream told something new
	PollFailed What = "poll_failed"   // the upstream could not be asked, or not read
	HasResult  What = "generated"     // the results exist at the upstream
	MirrorFail What = "mirror_failed" // a result could not be fetched, and is tried again
	Ended      What = "ended"         // once
	MoneyKnown What = "money"         // after a cancel: what it costs all the same
	FilesGone  What = "files_deleted" // the results were kept for long enough, or had to make room
	Removed    What = "deleted"       // the task itself, with everything
)

// Fault is why something went wrong, in the upstream's own words.
type Fault struct {
	Kind    string `json:"kind"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// Apply gives the task, as it was stored, the state that it had after the event.
func (e *Event) Apply(stored *Task) *Task {
	t := *stored
	c := &e.Change
	t.Status, t.Upstream, t.SessionID, t.Attempt, t.Failovers, t.Ref = c.Status, c.Upstream, c.SessionID, c.Attempt, c.Failovers, c.Ref
	t.QueuePosition, t.QueueTotal, t.QueueETA = c.QueuePosition, c.QueueTotal, c.QueueETA
	t.ErrorKind, t.ErrorMessage, t.Money = c.ErrorKind, c.ErrorMessage, c.Money
	t.StartedAt, t.FinishedAt, t.StartDeadline, t.Artifacts = c.StartedAt, c.FinishedAt, c.StartDeadline, c.Artifacts
	t.UpdatedAt = e.At
	if c.Status == Queued { // the event names the session that did not take it
		t.Upstream, t.SessionID = "", ""
	}
	return &t
}

// happened writes an event with the state that the task has now.
func (t *Tx) happened(task *Task, kind string, what What, fault *Fault) {
	if fault != nil {
		fault.Message = clean(fault.Message)
	}
	t.pending.events = append(t.pending.events, &Event{TaskID: task.ID, KeyID: task.KeyID, Type: kind, At: t.Now, Change: Change{
		Status: task.Status, Upstream: task.Upstream, SessionID: task.SessionID, Attempt: task.Attempt, Failovers: task.Failovers,
		Ref: task.Ref, QueuePosition: task.QueuePosition, QueueTotal: task.QueueTotal, QueueETA: task.QueueETA,
		ErrorKind: task.ErrorKind, ErrorMessage: task.ErrorMessage, Money: task.Money, StartedAt: task.StartedAt,
		FinishedAt: task.FinishedAt, StartDeadline: task.StartDeadline, Artifacts: task.Artifacts, What: what, Fault: fault,
	}, Subject: Subject{Kind: task.Kind, Model: task.Model, Trace: task.Trace, CreatedAt: task.CreatedAt}})
}

// Note adds to the history of a task what changed nothing in it. [ErrConflict]
// means that the task has moved on: an event would show it as it no longer is.
func (t *Tx) Note(task *Task, what What, fault *Fault) error {
	var same bool
	err := t.QueryRow("SELECT EXISTS (SELECT 1 FROM tasks WHERE id = $1 AND status = $2 AND attempt = $3)",
		task.ID, task.Status, task.Attempt).Scan(&same)
	switch {
	case err != nil:
		return fmt.Errorf("note in the history of task %s: %w", task.ID, err)
	case !same:
		return fmt.Errorf("note in the history of task %s: %w", task.ID, ErrConflict)
	}
	t.happened(task, TaskUpdated, what, fault)
	return nil
}

const takeEvents = "UPDATE counters SET value = value + $1 WHERE name = 'events' RETURNING value"

// insertEvents numbers and stores the events of a batch. Nobody else takes
// numbers before the batch is committed, which is what puts them in order.
func (t *Tx) insertEvents(events []*Event) error {
	if len(events) == 0 {
		return nil
	}
	var last int64
	if err := t.QueryRow(takeEvents, len(events)).Scan(&last); err != nil {
		return fmt.Errorf("number events: %w", err)
	}
	args := make([]any, 0, 6*len(events))
	for i, e := range events {
		e.Seq = last - int64(len(events)-1-i)
		data, err := json.Marshal(&e.Change)
		if err != nil {
			return fmt.Errorf("write event: %w", err)
		}
		args = append(args, e.Seq, e.TaskID, e.KeyID, e.Type, e.At, string(data))
	}
	if err := t.insertRows(eventRows, args); err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	t.events = append(t.events, events...)
	return nil
}

const eventColumns = "seq, task_id, key_id, type, at, data"

func scanEvent(r row) (*Event, error) {
	var e Event
	var data string
	if err := r.Scan(&e.Seq, &e.TaskID, &e.KeyID, &e.Type, &e.At, &data); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(data), &e.Change); err != nil {
		return nil, fmt.Errorf("read event %d: %w", e.Seq, err)
	}
	return &e, nil
}

// History lists what happened to a task, oldest first, at most limit events
// after the one with the number after.
func (s *Store) History(ctx context.Context, taskID string, after int64, limit int) ([]*Event, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+eventColumns+" FROM events WHERE task_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
		taskID, after, limit)
	events, err := collect(rows, err, scanEvent)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	return events, nil
}

// EventsAfter lists events of all tasks with a number above after and up to to,
// oldest first, at most limit.
func (s *Store) EventsAfter(ctx context.Context, after, to int64, limit int) ([]*Event, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+eventColumns+" FROM events WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3",
		after, to, limit)
	events, err := collect(rows, err, scanEvent)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// EventRange is the number of the last event, and that of the last one that
// listeners can no longer be told of because its task is gone.
func (s *Store) EventRange(ctx context.Context) (last, purged int64, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT (SELECT value FROM counters WHERE name = 'events'),
		(SELECT value FROM counters WHERE name = 'events_purged')`).Scan(&last, &purged)
	if err != nil {
		return 0, 0, fmt.Errorf("read the number of the last event: %w", err)
	}
	return last, purged, nil
}

// OnEvents sets who is told of events, in the order of their numbers and soon
// after their commit, on this node and on others. It must not wait. It is set
// once, before the first write that it is to hear of.
func (s *Store) OnEvents(tell func([]*Event)) { s.tell.Store(&tell) }

// OnCommit sets who is told of the events that this node has written, after their
// commit: each of them once in all nodes, for what must be counted once. Only those
// of a commit whose answer was lost are told to nobody. It must not wait, and is set
// before the first write.
func (s *Store) OnCommit(tell func([]*Event)) { s.written = tell }

func (s *Store) announce(events []*Event) {
	if tell := s.tell.Load(); tell != nil && len(events) > 0 {
		(*tell)(events)
	}
}
