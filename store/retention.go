package store

import (
	"context"
	"errors"
	"fmt"
)

// ArtifactBytes is the size of all artifacts that are kept.
func (s *Store) ArtifactBytes(ctx context.Context) (n int64, err error) {
	err = s.readers.QueryRowContext(ctx, "SELECT value FROM counters WHERE name = 'artifact_bytes'").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read size of artifacts: %w", err)
	}
	return n, nil
}

// MaterialBytes is the size of all stored materials; a file that several keys
// have uploaded counts once.
func (s *Store) MaterialBytes(ctx context.Context) (n int64, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT)
		FROM (SELECT MAX(size) AS size FROM materials GROUP BY blob) AS files`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read size of materials: %w", err)
	}
	return n, nil
}

// countArtifacts keeps the sum of [Store.ArtifactBytes].
func (t *Tx) countArtifacts(by int64) error {
	if by == 0 {
		return nil
	}
	return t.one("count size of artifacts", "UPDATE counters SET value = value + $1 WHERE name = 'artifact_bytes'", by)
}

// Expired lists tasks whose artifacts have been kept for as long as they should
// by now, those first whose time ended first.
func (s *Store) Expired(ctx context.Context, limit int) ([]*Task, error) {
	return s.kept(ctx, "artifacts_until > 0 AND artifacts_until <= $1 ORDER BY artifacts_until, id LIMIT $2", now(), limit)
}

// Expiring lists the tasks whose artifacts go next for their age.
func (s *Store) Expiring(ctx context.Context, limit int) ([]*Task, error) {
	return s.kept(ctx, "artifacts_until > 0 ORDER BY artifacts_until, id LIMIT $1", limit)
}

// OldestArtifacts lists the tasks with artifacts that ended first.
func (s *Store) OldestArtifacts(ctx context.Context, limit int) ([]*Task, error) {
	return s.kept(ctx, "artifact_bytes > 0 ORDER BY finished_at, id LIMIT $1", limit)
}

// EndedBefore lists tasks that ended before a moment, the oldest first.
func (s *Store) EndedBefore(ctx context.Context, moment int64, limit int) ([]*Task, error) {
	return s.kept(ctx, "finished_at > 0 AND finished_at < $1 ORDER BY finished_at, id LIMIT $2", moment, limit)
}

// kept lists tasks. The conditions repeat those of the partial indexes word for
// word, without which neither database would use them.
func (s *Store) kept(ctx context.Context, condition string, args ...any) ([]*Task, error) {
	rows, err := s.readers.QueryContext(ctx, "SELECT "+taskColumns+" FROM tasks WHERE "+condition, args...)
	tasks, err := collect(rows, err, scanTask)
	if err != nil {
		return nil, fmt.Errorf("list kept tasks: %w", err)
	}
	return tasks, nil
}

// DropArtifacts notes that the files of an ended task are no longer kept; they
// may be deleted when the transaction is on disk. [ErrConflict] means that
// somebody else has done so.
func (t *Tx) DropArtifacts(task *Task) error {
	dropped := make([]Artifact, len(task.Artifacts))
	for i, artifact := range task.Artifacts {
		artifact.Blob = ""
		dropped[i] = artifact
	}
	text, err := toJSON(dropped)
	if err != nil {
		return fmt.Errorf("drop artifacts of task %s: %w", task.ID, err)
	}
	err = t.changeTask("drop artifacts", task.ID,
		`UPDATE tasks SET artifacts = $3, artifact_bytes = 0, artifacts_until = 0, updated_at = $4
		WHERE id = $1 AND artifact_bytes = $2 AND artifact_bytes > 0 AND finished_at > 0`, task.ArtifactBytes, text, t.Now)
	if err != nil {
		return err
	}
	if err := t.countArtifacts(-task.ArtifactBytes); err != nil {
		return err
	}
	task.Artifacts, task.ArtifactBytes, task.ArtifactsUntil, task.UpdatedAt = dropped, 0, 0, t.Now
	t.happened(task, TaskUpdated, FilesGone, nil)
	return nil
}

// Flow is how the sum of all artifacts changes.
type Flow struct {
	Added    int64 // bytes of the artifacts of tasks that ended after a moment
	First    int64 // when the first of these tasks ended, 0 when there is none
	Expiring int64 // bytes of artifacts whose time ends before another moment
}

// ArtifactFlow adds up what came after since and what goes for its age before
// until.
func (s *Store) ArtifactFlow(ctx context.Context, since, until int64) (f Flow, err error) {
	err = s.readers.QueryRowContext(ctx, `SELECT CAST(COALESCE(SUM(artifact_bytes), 0) AS BIGINT), COALESCE(MIN(finished_at), 0)
		FROM tasks WHERE artifact_bytes > 0 AND finished_at > $1`, since).Scan(&f.Added, &f.First)
	if err == nil {
		err = s.readers.QueryRowContext(ctx, `SELECT CAST(COALESCE(SUM(artifact_bytes), 0) AS BIGINT)
			FROM tasks WHERE artifacts_until > 0 AND artifacts_until < $1`, until).Scan(&f.Expiring)
	}
	if err != nil {
		return f, fmt.Errorf("add up artifacts: %w", err)
	}
	return f, nil
}

// untilByRule is when a task's artifacts go, by its key and what is configured.
const untilByRule = `CASE WHEN keys.retention > 0 THEN tasks.finished_at + keys.retention * 1000
	WHEN CAST($1 AS BIGINT) > 0 THEN tasks.finished_at + CAST($1 AS BIGINT) ELSE 0 END`

// Retain makes the time of all kept artifacts what the rule says now: that of
// the task's key, or else configured milliseconds after the end, 0 for always.
// It returns how many tasks it has changed.
func (s *Store) Retain(ctx context.Context, configured int64) (changed int, err error) {
	type due struct {
		id              string
		finished, until int64
	}
	const page = 500
	for after := int64(0); ; {
		rows, err := s.readers.QueryContext(ctx, "SELECT tasks.id, tasks.finished_at, "+untilByRule+` AS due
			FROM tasks LEFT JOIN keys ON keys.id = tasks.key_id AND keys.deleted_at = 0
			WHERE tasks.artifact_bytes > 0 AND tasks.finished_at >= $2 AND tasks.artifacts_until <> `+untilByRule+`
			ORDER BY tasks.finished_at LIMIT $3`, configured, after, page)
		tasks, err := collect(rows, err, func(r row) (d due, err error) { return d, r.Scan(&d.id, &d.finished, &d.until) })
		if err != nil {
			return changed, fmt.Errorf("find out how long artifacts are kept: %w", err)
		}
		err = s.Write(ctx, Relaxed, func(tx *Tx) error {
			for _, d := range tasks {
				err := tx.changeTask("set how long to keep artifacts", d.id,
					"UPDATE tasks SET artifacts_until = $2 WHERE id = $1 AND artifact_bytes > 0", d.until)
				if err != nil && !errors.Is(err, ErrConflict) { // they are gone
					return err
				}
			}
			return nil
		})
		if err != nil {
			return changed, err
		}
		changed += len(tasks)
		if len(tasks) < page {
			return changed, nil
		}
		after = tasks[page-1].finished
	}
}

// ArtifactsUntil is when the artifacts of a task of the key go that ends now,
// by the rule of [Store.Retain].
func (s *Store) ArtifactsUntil(ctx context.Context, keyID string, configured int64) (int64, error) {
	key, err := s.Key(ctx, keyID)
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return 0, err
	case key.Retention > 0:
		return now() + int64(key.Retention)*1000, nil
	}
	if configured <= 0 {
		return 0, nil
	}
	return now() + configured, nil
}
