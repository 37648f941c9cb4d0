package store

import (
	"context"
	"fmt"
)

// AddRequests counts answered requests of the present UTC day by key and notes
// when the keys were used last, in Unix milliseconds.
func (s *Store) AddRequests(ctx context.Context, counts map[string]int64, usedAt int64) error {
	return s.Write(ctx, Relaxed, func(tx *Tx) error {
		for key, n := range counts {
			if _, err := tx.Exec(addUsage, key, Day(tx.Now), "", n, 0, 0); err != nil {
				return fmt.Errorf("count requests: %w", err)
			}
			if _, err := tx.Exec("UPDATE keys SET last_used_at = $2 WHERE id = $1", key, usedAt); err != nil {
				return fmt.Errorf("note use of key: %w", err)
			}
		}
		return nil
	})
}

const selectUsage = `SELECT CAST(coalesce(sum(requests), 0) AS BIGINT), CAST(coalesce(sum(tasks), 0) AS BIGINT)
	FROM usage_by_model WHERE key_id = $1 AND day = $2`

// Today is what the key has used in the present UTC day.
func (s *Store) Today(ctx context.Context, keyID string) (requests, tasks int64, err error) {
	err = s.readers.QueryRowContext(ctx, selectUsage, keyID, Day(now())).Scan(&requests, &tasks)
	if err != nil {
		return 0, 0, fmt.Errorf("read usage: %w", err)
	}
	return requests, tasks, nil
}

// TasksToday counts the tasks that the key has created in the present UTC day,
// those of this batch included.
func (t *Tx) TasksToday(keyID string) (int64, error) {
	var requests, tasks int64
	err := t.QueryRow(selectUsage, keyID, Day(t.Now)).Scan(&requests, &tasks)
	if err != nil {
		return 0, fmt.Errorf("read usage: %w", err)
	}
	for _, d := range []*deltas{&t.batch, &t.pending} {
		for of, n := range d.usage {
			if of[0] == keyID {
				tasks += n
			}
		}
	}
	return tasks, nil
}
