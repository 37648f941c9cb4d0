package store

import (
	"context"
	"fmt"
)

// Lane is the queued tasks of one key for one set of upstreams, with what
// admission weighs it by.
type Lane struct {
	KeyID       string
	Route       string
	Queued      int
	Running     int // of the key, in all lanes
	Weight      int
	Concurrency int
	ServedAt    int64
}

func scanLane(r row) (*Lane, error) {
	var l Lane
	return &l, r.Scan(&l.KeyID, &l.Route, &l.Queued, &l.Running, &l.Weight, &l.Concurrency, &l.ServedAt)
}

const waitingLanes = `SELECT l.key_id, l.route, l.queued, k.running, k.weight, k.concurrency, k.served_at
	FROM lanes l JOIN keys k ON k.id = l.key_id WHERE l.queued > 0`

// Lanes lists the lanes with queued tasks.
func (t *Tx) Lanes() ([]*Lane, error) {
	rows, err := t.Query(waitingLanes)
	lanes, err := collect(rows, err, scanLane)
	if err != nil {
		return nil, fmt.Errorf("list lanes: %w", err)
	}
	return lanes, nil
}

// Head lists the next n tasks of a lane after the first skip: by priority, then
// by age.
func (t *Tx) Head(l *Lane, skip, n int) ([]*Task, error) {
	rows, err := t.Query("SELECT "+taskColumns+` FROM tasks WHERE key_id = $1 AND route = $2 AND status = 'queued' AND start_deadline > $3
		ORDER BY priority DESC, id LIMIT $4 OFFSET $5`, l.KeyID, l.Route, t.Now, n, skip)
	tasks, err := collect(rows, err, scanTask)
	if err != nil {
		return nil, fmt.Errorf("list next tasks: %w", err)
	}
	return tasks, nil
}

// Upstream is the admission state of a configured upstream.
type Upstream struct {
	Name         string
	Running      int
	Faults       int   // network faults in a row
	BenchedUntil int64 // 0 when it is not benched
	Reason       string
}

func scanUpstream(r row) (*Upstream, error) {
	var u Upstream
	return &u, r.Scan(&u.Name, &u.Running, &u.Faults, &u.BenchedUntil, &u.Reason)
}

const allUpstreams = "SELECT name, running, faults, benched_until, reason FROM upstreams"

// Upstreams lists the upstreams that have ever been used.
func (t *Tx) Upstreams() ([]*Upstream, error) {
	rows, err := t.Query(allUpstreams)
	upstreams, err := collect(rows, err, scanUpstream)
	if err != nil {
		return nil, fmt.Errorf("list upstreams: %w", err)
	}
	return upstreams, nil
}

// Bench keeps tasks away from an upstream until a moment and counts the fault.
func (t *Tx) Bench(name string, until int64, reason string) error {
	if _, err := t.Exec(`INSERT INTO upstreams (name, faults, benched_until, reason) VALUES ($1, 1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET faults = upstreams.faults + 1, benched_until = excluded.benched_until, reason = excluded.reason`,
		name, until, clean(reason)); err != nil {
		return fmt.Errorf("bench upstream %s: %w", name, err)
	}
	return nil
}

// Unbench lets tasks go to the upstream again. proven says that a submit has
// been answered, so that the next fault starts from a short pause again.
func (t *Tx) Unbench(name string, proven bool) error {
	query := "UPDATE upstreams SET benched_until = 0, reason = '' WHERE name = $1 AND benched_until <> 0"
	if proven {
		query = "UPDATE upstreams SET benched_until = 0, reason = '', faults = 0 WHERE name = $1 AND (benched_until <> 0 OR faults <> 0)"
	}
	if _, err := t.Exec(query, name); err != nil {
		return fmt.Errorf("unbench upstream %s: %w", name, err)
	}
	t.Wake()
	return nil
}

// A session that is no longer ready but past its time may have one attempt,
// which decides: the first that is sent after the pause. In the very millisecond
// in which the pause ends it has none yet, because nobody could tell afterwards
// that it was sent after the pause.
const freeSessions = "SELECT " + sessionColumns + ` FROM sessions WHERE upstream = $1 AND enabled AND running < slots
	AND (state = 'ready' OR (until > 0 AND until < $2 AND (running = 0 OR last_used_at <= until))) ORDER BY last_used_at, id LIMIT $3`

// FreeSessions lists up to limit sessions of an upstream that may take an
// attempt now, least recently used first.
func (t *Tx) FreeSessions(upstream string, limit int) ([]*Session, error) {
	rows, err := t.Query(freeSessions, upstream, t.Now, limit)
	sessions, err := collect(rows, err, scanSession)
	if err != nil {
		return nil, fmt.Errorf("list free sessions: %w", err)
	}
	return sessions, nil
}

// Benched lists upstreams whose pause is over and that have not been found to
// answer again.
func (s *Store) Benched(ctx context.Context) ([]*Upstream, error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT name, running, faults, benched_until, reason FROM upstreams
		WHERE benched_until > 0 AND benched_until <= $1`, now())
	upstreams, err := collect(rows, err, scanUpstream)
	if err != nil {
		return nil, fmt.Errorf("list benched upstreams: %w", err)
	}
	return upstreams, nil
}

// PauseEnded reports whether a task waits while a session's pause is over.
func (s *Store) PauseEnded(ctx context.Context) (bool, error) {
	var due bool
	err := s.readers.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM lanes WHERE queued > 0) AND EXISTS (
		SELECT 1 FROM sessions WHERE enabled AND state <> 'ready' AND until > 0 AND until < $1 AND (running = 0 OR last_used_at <= until))`, now()).Scan(&due)
	if err != nil {
		return false, fmt.Errorf("look for ended pauses: %w", err)
	}
	return due, nil
}

// WithoutJob lists running tasks whose job the engine no longer has.
func (s *Store) WithoutJob(ctx context.Context) ([]*Task, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+taskColumns+` FROM tasks
		WHERE status IN ('submitting', 'polling', 'downloading') AND NOT EXISTS (
			SELECT 1 FROM river_job j WHERE j.id = tasks.job_id AND j.state NOT IN ('completed', 'cancelled', 'discarded'))
		LIMIT 500`)
	tasks, err := collect(rows, err, scanTask)
	if err != nil {
		return nil, fmt.Errorf("list tasks without a job: %w", err)
	}
	return tasks, nil
}

// SetJob names the job that runs the task's attempt in place of the lost one.
func (t *Tx) SetJob(task *Task, jobID int64) error {
	return t.changeTask("set job", task.ID, "UPDATE tasks SET job_id = $3 WHERE id = $1 AND attempt = $2 AND job_id = $4",
		task.Attempt, jobID, task.JobID)
}
