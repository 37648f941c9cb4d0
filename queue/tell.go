package queue

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// The lines about tasks have the same fields everywhere, so that one search finds
// all of a task, a key, a session or a request; docs/logging.md lists them. A line
// is written when what it tells is on disk, and once: by the node that did it.

// about is the fields of a line about a task. The task may be one that was read
// before the change.
func (q *Queue) about(ctx context.Context, task *store.Task, more ...zap.Field) []zap.Field {
	fields := make([]zap.Field, 0, 8+len(more))
	fields = append(fields, zap.String("task", task.ID), zap.String("key", q.keyName(ctx, task.KeyID)))
	if task.RequestID != "" {
		fields = append(fields, zap.String("request_id", task.RequestID))
	}
	if task.Attempt > 0 {
		fields = append(fields, zap.Int("attempt", task.Attempt))
	}
	if task.SessionID != "" {
		fields = append(fields, zap.String("upstream", task.Upstream), zap.String("session", task.SessionID),
			zap.String("session_label", q.sessionLabel(ctx, task.SessionID)))
	}
	return append(fields, more...)
}

// tellAccepted is apart from about, because every submit pays for it.
func (q *Queue) tellAccepted(n *NewTask, task *store.Task) {
	line := q.log.Check(zap.InfoLevel, "task accepted")
	if line == nil {
		return
	}
	retryOf := zap.Skip()
	if task.RetryOf != "" {
		retryOf = zap.String("retry_of", task.RetryOf)
	}
	line.Write(zap.String("task", task.ID), zap.String("key", nameOfKey(n.Key)), zap.String("request_id", task.RequestID),
		zap.String("kind", task.Kind), zap.String("model", task.Model), retryOf)
}

// tellFailed says that a task has failed. One that may have been paid is for an
// operator to look at; others are mostly the client's.
func (q *Queue) tellFailed(ctx context.Context, task *store.Task, fault *upstream.Error, last store.AttemptState) {
	if last == store.InDoubt {
		q.log.Warn("task in doubt", q.about(ctx, task, zap.String("kind", string(fault.Kind)), zap.String("reason", fault.Message))...)
		return
	}
	q.log.Info("task failed", q.about(ctx, task, zap.String("kind", string(fault.Kind)), zap.String("reason", fault.Message))...)
}

// tellStopped says that a task was ended from outside its steps.
func (q *Queue) tellStopped(ctx context.Context, task *store.Task) {
	money := zap.String("money", task.Money)
	switch {
	case task.Status == store.Cancelled:
		q.log.Info("task cancelled", q.about(ctx, task, money)...)
	case task.ErrorKind == string(upstream.InDoubt):
		q.log.Warn("task in doubt", q.about(ctx, task, zap.String("kind", task.ErrorKind), zap.String("reason", task.ErrorMessage), money)...)
	default:
		q.log.Info("task failed", q.about(ctx, task, zap.String("kind", task.ErrorKind), zap.String("reason", task.ErrorMessage), money)...)
	}
}

func (q *Queue) tellSucceeded(ctx context.Context, task *store.Task) {
	q.log.Info("task succeeded", q.about(ctx, task,
		zap.Duration("waited", between(task.CreatedAt, task.StartedAt)), zap.Duration("took", between(task.StartedAt, task.FinishedAt)),
		zap.Int("artifacts", len(task.Artifacts)), zap.Int64("bytes", task.ArtifactBytes))...)
}

const (
	nameAge   = time.Minute // a label may change, and a key be rotated
	namesMost = 10_000
	// namePatience is how long a line waits for a name.
	namePatience = time.Second
)

// names are what keys and sessions are called in the log, so that not every line
// asks the database.
type names struct {
	mu    sync.Mutex
	known map[string]name // by id
}

type name struct {
	text string
	at   time.Time
}

// of returns the name, and asks for it if it is not known or old. A database that
// does not answer holds no step up for the sake of a line, and is asked again for
// the next one.
func (n *names) of(ctx context.Context, id string, ask func(context.Context) (string, error)) string {
	n.mu.Lock()
	known, ok := n.known[id]
	n.mu.Unlock()
	if ok && time.Since(known.at) < nameAge {
		return known.text
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), namePatience)
	defer cancel()
	text, err := ask(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return known.text
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil || len(n.known) >= namesMost {
		n.known = map[string]name{}
	}
	n.known[id] = name{text, time.Now()}
	return text
}

// nameOfKey is the beginning of the key's secret, or the id of one that has none,
// such as a person's.
func nameOfKey(key *store.Key) string {
	if key.Prefix != "" {
		return key.Prefix
	}
	return key.ID
}

func (q *Queue) keyName(ctx context.Context, id string) string {
	name := q.names.of(ctx, id, func(ctx context.Context) (string, error) {
		key, err := q.store.Key(ctx, id)
		if err != nil {
			return "", err
		}
		return nameOfKey(key), nil
	})
	return cmp.Or(name, id) // deleted, or the database is away
}

func (q *Queue) sessionLabel(ctx context.Context, id string) string {
	return q.names.of(ctx, id, func(ctx context.Context) (string, error) {
		session, err := q.store.Session(ctx, id)
		if err != nil {
			return "", err
		}
		return session.Label, nil
	})
}
