package store

import (
	"context"
	"fmt"
)

// What a forecast needs of the database. Everything here is read apart from the
// writer, through an index, and bounded by its limit: it costs the same however
// many tasks are stored.

// Lanes lists the lanes with queued tasks.
func (s *Store) Lanes(ctx context.Context) ([]*Lane, error) {
	rows, err := s.readers.QueryContext(ctx, waitingLanes)
	lanes, err := collect(rows, err, scanLane)
	if err != nil {
		return nil, fmt.Errorf("list lanes: %w", err)
	}
	return lanes, nil
}

// LanesOf lists the lanes of a key with queued tasks, or one without a route if
// none of its tasks is queued, so that what the key holds is known in any case.
func (s *Store) LanesOf(ctx context.Context, keyID string) ([]*Lane, error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT k.id, COALESCE(l.route, ''), COALESCE(l.queued, 0), k.running, k.weight, k.concurrency, k.served_at
		FROM keys k LEFT JOIN lanes l ON l.key_id = k.id AND l.queued > 0 WHERE k.id = $1`, keyID)
	lanes, err := collect(rows, err, scanLane)
	if err != nil {
		return nil, fmt.Errorf("list lanes of a key: %w", err)
	}
	if len(lanes) == 0 {
		return nil, fmt.Errorf("list lanes of a key: %w", ErrNotFound)
	}
	return lanes, nil
}

// Ahead counts the tasks of a lane that go before a task with this priority and
// id, but no more than limit. Two ranges instead of one condition with OR keep
// either database from reading what comes after the task.
func (s *Store) Ahead(ctx context.Context, keyID, route string, priority int, id string, limit int) (int, error) {
	var n int
	err := s.readers.QueryRowContext(ctx, `SELECT COUNT(*) FROM (
		SELECT 1 AS one FROM tasks WHERE key_id = $1 AND route = $2 AND status = 'queued' AND priority > $3
		UNION ALL
		SELECT 1 FROM tasks WHERE key_id = $1 AND route = $2 AND status = 'queued' AND priority = $3 AND id < $4
		LIMIT $5) AS ahead`, keyID, route, priority, id, limit).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count tasks ahead: %w", err)
	}
	return n, nil
}

// Upstreams lists the upstreams that have ever been used.
func (s *Store) Upstreams(ctx context.Context) ([]*Upstream, error) {
	rows, err := s.readers.QueryContext(ctx, allUpstreams)
	upstreams, err := collect(rows, err, scanUpstream)
	if err != nil {
		return nil, fmt.Errorf("list upstreams: %w", err)
	}
	return upstreams, nil
}

// OldestQueued is when the oldest queued task was created, 0 if none is queued.
func (s *Store) OldestQueued(ctx context.Context) (int64, error) {
	var at int64
	err := s.readers.QueryRowContext(ctx,
		"SELECT COALESCE((SELECT created_at FROM tasks WHERE status = 'queued' ORDER BY id LIMIT 1), 0)").Scan(&at)
	if err != nil {
		return 0, fmt.Errorf("read the oldest queued task: %w", err)
	}
	return at, nil
}

// Held is the hold of a task on a slot: from its admission to its end, or until
// now. Times are Unix milliseconds.
type Held struct {
	TaskID     string
	KeyID      string
	Kind       string
	Model      string // as the client named it
	Upstream   string
	SessionID  string
	AdmittedAt int64
	EndedAt    int64 // 0 while it runs
}

const heldColumns = `t.id, t.key_id, t.kind, t.model, t.upstream, t.session_id, a.created_at, t.finished_at
	FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.n = t.attempt`

func scanHeld(r row) (*Held, error) {
	var h Held
	return &h, r.Scan(&h.TaskID, &h.KeyID, &h.Kind, &h.Model, &h.Upstream, &h.SessionID, &h.AdmittedAt, &h.EndedAt)
}

// Running lists up to limit tasks that hold a slot.
func (s *Store) Running(ctx context.Context, limit int) ([]*Held, error) {
	return s.held(ctx, "running", "t.status IN ('submitting', 'polling', 'downloading')", limit)
}

// Succeeded lists the last tasks that succeeded, by their creation.
func (s *Store) Succeeded(ctx context.Context, limit int) ([]*Held, error) {
	return s.held(ctx, "succeeded", "t.status = 'succeeded' ORDER BY t.id DESC", limit)
}

func (s *Store) held(ctx context.Context, what, which string, limit int) ([]*Held, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+heldColumns+" WHERE "+which+" LIMIT $1", limit)
	list, err := collect(rows, err, scanHeld)
	if err != nil {
		return nil, fmt.Errorf("list %s tasks: %w", what, err)
	}
	return list, nil
}
