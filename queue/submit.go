package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

var (
	// ErrEnded is returned for a change that a task is too old for.
	ErrEnded = errors.New("the task has ended")
	// ErrNotEnded is returned for a retry or a deletion of a task that has not
	// ended.
	ErrNotEnded = errors.New("the task has not ended yet")
	// ErrDeleted is returned for a repeated request whose task was deleted.
	ErrDeleted = errors.New("the task was deleted")
	// ErrRetried is returned for a retry of a task that has one, where that is
	// asked for.
	ErrRetried = errors.New("the task has been sent again before")
)

// NewTask is what a client asks for.
type NewTask struct {
	Key           *store.Key
	Kind          upstream.MediaKind
	Model         string
	Prompt        string
	Ratio         string
	Resolution    string
	Duration      int           // seconds, 0 for the model's default
	Priority      int           // higher goes first within the key
	StartDeadline time.Duration // most time in the queue, 0 for the configured one, which is also the cap
	Deadline      time.Duration // most time to the end, 0 for the configured one, which is also the cap
	Materials     []store.Material
	Options       map[string]any // further parameters for the upstream

	// IdempotencyKey, if it is not empty, makes the task once: the same request
	// of the same key gets the task that it made before, for 24 hours.
	IdempotencyKey string
	RequestHash    string // of everything that was asked for

	retryOf   string
	firstOnly bool // refuse it if there is another retry of the same task
}

// Check returns an [*upstream.InvalidError] if no configured upstream can serve
// the task, and a [*LimitError] if its key may not have it.
func (q *Queue) Check(n *NewTask) error {
	_, err := q.plan(n)
	return err
}

// Submit stores a task; when it returns, the task is on disk. It returns an
// [*upstream.InvalidError], a [*LimitError] or [store.ErrOtherRequest] if the
// task cannot be taken. A task that an earlier request has made is Replayed, or
// [ErrDeleted] if it is not there any more.
func (q *Queue) Submit(ctx context.Context, n *NewTask) (*store.Task, error) {
	task, err := q.plan(n)
	if err != nil {
		return nil, err
	}
	defer traceSubmit(ctx, task).End()
	task.RequestID = store.RequestID(ctx)
	if !counted(n.Key) && n.IdempotencyKey == "" && !n.firstOnly {
		if err := q.store.InsertTask(ctx, task); err != nil {
			return nil, err
		}
		q.tellAccepted(n, task)
		return task, nil
	}
	earlier := ""
	err = q.store.Write(ctx, store.Durable, func(tx *store.Tx) (err error) {
		if n.IdempotencyKey != "" {
			if earlier, err = tx.Once(task, n.IdempotencyKey, n.RequestHash); err != nil || earlier != "" {
				return err
			}
		}
		if n.firstOnly {
			if retried, err := tx.Retried(n.retryOf); err != nil || retried {
				return cmp.Or(err, ErrRetried)
			}
		}
		if err := q.admits(tx, n.Key, task); err != nil {
			return err
		}
		return tx.InsertTask(task)
	})
	if err != nil {
		return nil, err
	}
	if earlier != "" {
		return q.replay(ctx, n, earlier)
	}
	q.tellAccepted(n, task)
	return task, nil
}

// Earlier returns the task that the same request has made before, nil if there is
// none. It saves a repeated request what it takes to make a task: its files may be
// gone by now, and the configuration may have changed. Only [Queue.Submit] knows
// for sure.
func (q *Queue) Earlier(ctx context.Context, n *NewTask) (*store.Task, error) {
	if n.IdempotencyKey == "" {
		return nil, nil
	}
	id, err := q.store.Made(ctx, n.Key.ID, n.IdempotencyKey, n.RequestHash)
	if err != nil || id == "" {
		return nil, err
	}
	return q.replay(ctx, n, id)
}

func (q *Queue) replay(ctx context.Context, n *NewTask, id string) (*store.Task, error) {
	task, err := q.store.Task(ctx, n.Key.ID, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrDeleted
	}
	if err != nil {
		return nil, err
	}
	task.Replayed = true
	return task, nil
}

// plan makes the row of a task and finds the upstreams that can serve it.
func (q *Queue) plan(n *NewTask) (*store.Task, error) {
	settings := q.settings.Load()
	task := &store.Task{
		ID:         store.NewID(""),
		KeyID:      n.Key.ID,
		Kind:       string(n.Kind),
		Model:      n.Model,
		Prompt:     n.Prompt,
		Duration:   n.Duration,
		Ratio:      n.Ratio,
		Resolution: n.Resolution,
		Priority:   n.Priority,
		RetryOf:    n.retryOf,
		Materials:  n.Materials,
		Options:    n.Options,
		Deadline:   time.Now().Add(atMost(n.Deadline, settings.Deadline)).UnixMilli(),
	}
	task.StartDeadline = min(time.Now().Add(atMost(n.StartDeadline, settings.StartDeadline)).UnixMilli(), task.Deadline)
	catalogue := q.catalogue()
	entry := catalogue.entries[n.Model]
	if entry == nil || entry.Kind != n.Kind {
		return nil, q.unknownModel(n)
	}
	if err := catalogue.allow(n.Key, task, entry); err != nil {
		return nil, err
	}
	task.Duration = cmp.Or(task.Duration, entry.DefaultDuration)
	task.Ratio = cmp.Or(task.Ratio, entry.ratio)
	task.Resolution = cmp.Or(task.Resolution, entry.resolution)
	var err error
	if task.Route, err = entry.route(request(task)); err != nil {
		return nil, err
	}
	task.Credits = cost(&entry.Model, task)
	return task, nil
}

// unknownModel tells which models there are.
func (q *Queue) unknownModel(n *NewTask) error {
	var names []string
	for _, m := range q.ModelsFor(n.Key) {
		if m.Kind == n.Kind {
			names = append(names, m.ID)
		}
	}
	message := fmt.Sprintf("%q is not known, allowed: %s", n.Model, strings.Join(names, ", "))
	if m := q.Model(n.Model); m != nil {
		message = fmt.Sprintf("%q makes %ss, not %ss; allowed: %s", n.Model, m.Kind, n.Kind, strings.Join(names, ", "))
	}
	return &upstream.InvalidError{Field: "model", Message: message}
}

// request is what a task asks for, as [upstream.Model.Check] looks at it.
func request(task *store.Task) *upstream.Request {
	r := &upstream.Request{
		TaskID:     task.ID,
		Kind:       upstream.MediaKind(task.Kind),
		Model:      task.Model,
		Prompt:     task.Prompt,
		Duration:   task.Duration,
		Ratio:      task.Ratio,
		Resolution: task.Resolution,
		Options:    task.Options,
	}
	for _, m := range task.Materials {
		r.Materials = append(r.Materials, upstream.Material{
			Kind: upstream.MediaKind(m.Kind), Name: m.Name, ContentType: m.ContentType, Size: m.Size, URL: m.URL})
	}
	return r
}

// atMost is the asked duration, capped by the configured one.
func atMost(asked, configured time.Duration) time.Duration {
	if asked <= 0 || asked > configured {
		return configured
	}
	return asked
}

// Retry creates a new task with the input of one that has ended, for the same
// key. Its materials are those of the first. The idempotency key may be empty.
func (q *Queue) Retry(ctx context.Context, keyID, id, idempotencyKey string) (*store.Task, error) {
	request := "retry " + id
	if idempotencyKey != "" {
		earlier, err := q.retried(ctx, keyID, id, idempotencyKey, request)
		if err != nil || earlier != nil {
			return earlier, err
		}
	}
	n, err := q.again(ctx, keyID, id)
	if err != nil {
		return nil, err
	}
	n.IdempotencyKey, n.RequestHash = idempotencyKey, request
	return q.Submit(ctx, n)
}

// retried is the task that the same retry has made before, as [Queue.Earlier]: also
// when its task is gone by now, or its key may no longer make such a one.
func (q *Queue) retried(ctx context.Context, keyID, id, idempotencyKey, request string) (*store.Task, error) {
	old, err := q.store.Task(ctx, keyID, id)
	if err == nil {
		keyID = old.KeyID
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if keyID == "" { // an admin's, of whose task only the id is left
		return nil, nil
	}
	return q.Earlier(ctx, &NewTask{Key: &store.Key{ID: keyID}, IdempotencyKey: idempotencyKey, RequestHash: request})
}

// again is the input of a task that has ended.
func (q *Queue) again(ctx context.Context, keyID, id string) (*NewTask, error) {
	old, err := q.store.Task(ctx, keyID, id)
	if err != nil {
		return nil, err
	}
	if !old.Status.Ended() {
		return nil, ErrNotEnded
	}
	key, err := q.store.Key(ctx, old.KeyID)
	if err != nil {
		return nil, err
	}
	priority := old.Priority
	if !key.Implicit { // it may have been lowered since
		priority = min(priority, key.MaxPriority)
	}
	return &NewTask{
		Key: key, Kind: upstream.MediaKind(old.Kind), Model: old.Model, Prompt: old.Prompt, Ratio: old.Ratio,
		Resolution: old.Resolution, Duration: old.Duration, Priority: priority, Materials: old.Materials, Options: old.Options, retryOf: old.ID,
		StartDeadline: time.Duration(old.StartDeadline-old.CreatedAt) * time.Millisecond,
		Deadline:      time.Duration(old.Deadline-old.CreatedAt) * time.Millisecond,
	}, nil
}
