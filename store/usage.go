package store

import (
	"context"
	"fmt"
)

// Usage is what was used. Ends and seconds belong to the day of the end,
// everything else to the day of the submit or the request.
type Usage struct {
	Requests  int64
	Tasks     int64 // created
	Succeeded int64
	Failed    int64
	Cancelled int64
	Seconds   int64 // of finished video
	Credits   int64 // thousandths by the catalogue, less what was surely not spent
}

// usageRow names a counter: days are those of [Store.Day], and the model "" has
// the requests.
type usageRow struct{ key, day, model string }

// Add adds another one.
func (u *Usage) Add(o Usage) {
	u.Requests += o.Requests
	u.Tasks += o.Tasks
	u.Succeeded += o.Succeeded
	u.Failed += o.Failed
	u.Cancelled += o.Cancelled
	u.Seconds += o.Seconds
	u.Credits += o.Credits
}

func (d *deltas) used(row usageRow, u Usage) {
	if d.usage == nil {
		d.usage = make(map[usageRow]Usage)
	}
	u.Add(d.usage[row])
	d.usage[row] = u
}

// used counts what the task uses on the day of the moment.
func (t *Tx) used(task *Task, at int64, u Usage) {
	if u != (Usage{}) {
		t.pending.used(usageRow{task.KeyID, t.store.Day(at), task.Model}, u)
	}
}

// ended is what the end of a task counts for.
func ended(task *Task, status Status) (u Usage) {
	switch status {
	case Succeeded:
		u.Succeeded = 1
		if task.Kind == "video" {
			u.Seconds = int64(task.Duration)
		}
	case Failed:
		u.Failed = 1
	case Cancelled:
		u.Cancelled = 1
	}
	return u
}

// giveBack takes credits that were not spent from the day that they were counted
// on. Only what the task keeps is counted from then on, so nothing is given back
// twice.
func (t *Tx) giveBack(task *Task, keeps int64) {
	t.used(task, task.CreatedAt, Usage{Credits: keeps - task.Credits})
	task.Credits = keeps
}

const addUsage = `INSERT INTO usage_by_model (key_id, day, model, requests, tasks, succeeded, failed, cancelled, seconds, credits)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
	ON CONFLICT (key_id, day, model) DO UPDATE SET requests = usage_by_model.requests + excluded.requests,
		tasks = usage_by_model.tasks + excluded.tasks, succeeded = usage_by_model.succeeded + excluded.succeeded,
		failed = usage_by_model.failed + excluded.failed, cancelled = usage_by_model.cancelled + excluded.cancelled,
		seconds = usage_by_model.seconds + excluded.seconds, credits = usage_by_model.credits + excluded.credits`

func (t *Tx) addUsage(row usageRow, u Usage) error {
	_, err := t.Exec(addUsage, row.key, row.day, row.model, u.Requests, u.Tasks, u.Succeeded, u.Failed, u.Cancelled, u.Seconds, u.Credits)
	if err != nil {
		return fmt.Errorf("count usage: %w", err)
	}
	return nil
}

// AddRequests counts answered requests of the present day by key and notes when
// the keys were used last, in Unix milliseconds.
func (s *Store) AddRequests(ctx context.Context, counts map[string]int64, usedAt int64) error {
	return s.Write(ctx, Relaxed, func(tx *Tx) error {
		for key, n := range counts {
			if err := tx.addUsage(usageRow{key, s.Day(tx.Now), ""}, Usage{Requests: n}); err != nil {
				return err
			}
			if _, err := tx.Exec("UPDATE keys SET last_used_at = $2 WHERE id = $1", key, usedAt); err != nil {
				return fmt.Errorf("note use of key: %w", err)
			}
		}
		return nil
	})
}

// usageSums are the columns of a [Usage], added up.
const usageSums = `CAST(coalesce(sum(requests), 0) AS BIGINT), CAST(coalesce(sum(tasks), 0) AS BIGINT),
	CAST(coalesce(sum(succeeded), 0) AS BIGINT), CAST(coalesce(sum(failed), 0) AS BIGINT), CAST(coalesce(sum(cancelled), 0) AS BIGINT),
	CAST(coalesce(sum(seconds), 0) AS BIGINT), CAST(coalesce(sum(credits), 0) AS BIGINT)`

func (u *Usage) fields() []any {
	return []any{&u.Requests, &u.Tasks, &u.Succeeded, &u.Failed, &u.Cancelled, &u.Seconds, &u.Credits}
}

const selectDay = "SELECT " + usageSums + " FROM usage_by_model WHERE key_id = $1 AND day = $2"

// Today is what the key has used in the present day.
func (s *Store) Today(ctx context.Context, keyID string) (u Usage, err error) {
	if err := s.readers.QueryRowContext(ctx, selectDay, keyID, s.Day(now())).Scan(u.fields()...); err != nil {
		return u, fmt.Errorf("read usage: %w", err)
	}
	return u, nil
}

// TasksToday counts the tasks that the key has created in the present day, those
// of this batch included.
func (t *Tx) TasksToday(keyID string) (int64, error) {
	var u Usage
	day := t.store.Day(t.Now)
	if err := t.QueryRow(selectDay, keyID, day).Scan(u.fields()...); err != nil {
		return 0, fmt.Errorf("read usage: %w", err)
	}
	for _, d := range []*deltas{&t.batch, &t.pending} {
		for row, used := range d.usage {
			if row.key == keyID && row.day == day {
				u.Add(used)
			}
		}
	}
	return u.Tasks, nil
}
