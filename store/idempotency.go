package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// idempotencyTTL is how long a repeated request is recognised.
const idempotencyTTL = 24 * time.Hour

// ErrOtherRequest is returned for an idempotency key that was used for another
// request.
var ErrOtherRequest = errors.New("the idempotency key was used for another request")

const selectOnce = "SELECT request, task_id, created_at FROM idempotency WHERE key_id = $1 AND idempotency_key = $2"

// made is the task that the request has made before, "" if there is none.
func made(r row, request string, now int64) (taskID string, err error) {
	var before string
	var at int64
	switch err := found(r.Scan(&before, &taskID, &at)); {
	case errors.Is(err, ErrNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look for an earlier request: %w", err)
	case at <= now-idempotencyTTL.Milliseconds():
		return "", nil
	case before != request:
		return "", ErrOtherRequest
	}
	return taskID, nil
}

// Made is the id of the task that the key's request with the idempotency key has
// made before, "" if there is none. It is no substitute for [Tx.Once].
func (s *Store) Made(ctx context.Context, keyID, idempotencyKey, request string) (taskID string, err error) {
	return made(s.readers.QueryRowContext(ctx, selectOnce, keyID, idempotencyKey), request, now())
}

// Once notes that the key's request with the idempotency key makes the task. If
// the same request has made one before, it returns the id of that one and notes
// nothing. Writers take turns on all nodes, so of two at once one comes second.
func (t *Tx) Once(task *Task, idempotencyKey, request string) (earlier string, err error) {
	earlier, err = made(t.QueryRow(selectOnce, task.KeyID, idempotencyKey), request, t.Now)
	if err != nil || earlier != "" {
		return earlier, err
	}
	_, err = t.Exec(`INSERT INTO idempotency (key_id, idempotency_key, request, task_id, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (key_id, idempotency_key) DO UPDATE SET request = excluded.request, task_id = excluded.task_id,
			created_at = excluded.created_at`, task.KeyID, idempotencyKey, request, task.ID, t.Now)
	if err != nil {
		return "", fmt.Errorf("note the request: %w", err)
	}
	return "", nil
}

// lastDeleted is the last event to be purged. With max(seq) alone, databases would
// go back through all events in place of the few in the index on deleted tasks:
// seconds, in which nobody writes.
const lastDeleted = "SELECT coalesce(max(seq + 0), 0) FROM events WHERE type = '" + TaskDeleted + "' AND at <= $1"

// Purge removes what nobody can ask for any more: idempotency keys that are too
// old, and events of tasks that were deleted.
func (t *Tx) Purge() error {
	old := t.Now - idempotencyTTL.Milliseconds()
	if _, err := t.Exec("DELETE FROM idempotency WHERE created_at <= $1", old); err != nil {
		return fmt.Errorf("purge idempotency keys: %w", err)
	}
	var last int64
	err := t.QueryRow(lastDeleted, old).Scan(&last)
	if err != nil || last == 0 {
		return err
	}
	if _, err := t.Exec("DELETE FROM events WHERE type = '"+TaskDeleted+"' AND at <= $1", old); err != nil {
		return fmt.Errorf("purge events: %w", err)
	}
	if _, err := t.Exec("UPDATE counters SET value = $1 WHERE name = 'events_purged'", last); err != nil {
		return fmt.Errorf("purge events: %w", err)
	}
	return nil
}
