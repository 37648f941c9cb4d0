package store

import (
	"context"
	"encoding/json"
	"fmt"
)

const taskColumns = `id, key_id, kind, status, model, route, prompt, duration, ratio, resolution, priority, retry_of,
	materials, upstream, session_id, attempt, failovers, job_id, ref, results, polls, queue_position, queue_total,
	queue_eta, error_kind, error_message, money, artifacts, created_at, updated_at, started_at, finished_at,
	start_deadline, deadline, run_deadline, options, artifact_bytes, artifacts_until, credits, request_id, trace`

func scanTask(r row) (*Task, error) {
	var t Task
	var materials, artifacts, options string
	err := r.Scan(&t.ID, &t.KeyID, &t.Kind, &t.Status, &t.Model, &t.Route, &t.Prompt, &t.Duration, &t.Ratio,
		&t.Resolution, &t.Priority, &t.RetryOf, &materials, &t.Upstream, &t.SessionID, &t.Attempt, &t.Failovers,
		&t.JobID, &t.Ref, &t.Results, &t.Polls, &t.QueuePosition, &t.QueueTotal, &t.QueueETA, &t.ErrorKind,
		&t.ErrorMessage, &t.Money, &artifacts, &t.CreatedAt, &t.UpdatedAt, &t.StartedAt, &t.FinishedAt,
		&t.StartDeadline, &t.Deadline, &t.RunDeadline, &options, &t.ArtifactBytes, &t.ArtifactsUntil, &t.Credits, &t.RequestID,
		&t.Trace)
	if err != nil {
		return nil, found(err)
	}
	if err := fromJSON(materials, &t.Materials); err != nil {
		return nil, fmt.Errorf("read materials of task %s: %w", t.ID, err)
	}
	if err := fromJSON(artifacts, &t.Artifacts); err != nil {
		return nil, fmt.Errorf("read artifacts of task %s: %w", t.ID, err)
	}
	if options != "" {
		if err := json.Unmarshal([]byte(options), &t.Options); err != nil {
			return nil, fmt.Errorf("read options of task %s: %w", t.ID, err)
		}
	}
	return &t, nil
}

// Task returns a task of the key, or of any key if keyID is "".
func (s *Store) Task(ctx context.Context, keyID, id string) (*Task, error) {
	t, err := scanTask(s.byID.QueryRowContext(ctx, id))
	if err != nil {
		return nil, fmt.Errorf("read task: %w", err)
	}
	if keyID != "" && t.KeyID != keyID {
		return nil, fmt.Errorf("read task: %w", ErrNotFound)
	}
	return t, nil
}

// Stats counts the tasks of the key by status, or of all keys if keyID is "".
func (s *Store) Stats(ctx context.Context, keyID string) (map[Status]int64, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT status, n FROM task_counts WHERE key_id = $1", keyID)
	if err != nil {
		return nil, fmt.Errorf("count tasks: %w", err)
	}
	defer rows.Close()
	counts := make(map[Status]int64, len(Statuses))
	for _, status := range Statuses {
		counts[status] = 0
	}
	for rows.Next() {
		var status Status
		var n int64
		if err := rows.Scan(&status, &n); err != nil {
			return nil, fmt.Errorf("count tasks: %w", err)
		}
		counts[status] = n
	}
	return counts, rows.Err()
}

// Task reads a task as the transaction sees it.
func (t *Tx) Task(id string) (*Task, error) {
	task, err := scanTask(t.QueryRow("SELECT "+taskColumns+" FROM tasks WHERE id = $1", id))
	if err != nil {
		return nil, fmt.Errorf("read task %s: %w", id, err)
	}
	return task, nil
}

// Overdue lists tasks that waited or ran for longer than they may, at most limit.
func (s *Store) Overdue(ctx context.Context, limit int) ([]*Task, error) {
	var all []*Task
	for _, condition := range []string{
		"status = 'queued' AND start_deadline <= $1",
		"status IN ('submitting', 'polling', 'downloading') AND run_deadline <= $1",
	} {
		rows, err := s.readers.QueryContext(ctx, "SELECT "+taskColumns+" FROM tasks WHERE "+condition+" LIMIT $2", now(), limit)
		tasks, err := collect(rows, err, scanTask)
		if err != nil {
			return nil, fmt.Errorf("list overdue tasks: %w", err)
		}
		all = append(all, tasks...)
	}
	return all, nil
}

// toJSON writes a list for a TEXT column, "" when it is empty.
func toJSON[T any](list []T) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	text, err := json.Marshal(list)
	return string(text), err
}

func fromJSON[T any](text string, list *[]T) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), list)
}

func optionsJSON(options map[string]any) (string, error) {
	if len(options) == 0 {
		return "", nil
	}
	text, err := json.Marshal(options)
	return string(text), err
}
