package store

import (
	"context"
	"fmt"
	"time"
)

// Credits are counted in thousandths.
const selectCredits = `SELECT CAST(coalesce(sum(CASE WHEN day = $2 THEN credits ELSE 0 END), 0) AS BIGINT), CAST(coalesce(sum(credits), 0) AS BIGINT)
	FROM usage_by_model WHERE key_id = $1 AND day >= $3 AND day <= $2`

// CreditsUsed is what the key's tasks of the present day and of the present month
// cost, in thousandths of a credit, those of this batch included.
func (t *Tx) CreditsUsed(keyID string) (day, month int64, err error) {
	err = t.QueryRow(selectCredits, keyID, Day(t.Now), firstOfMonth(t.Now)).Scan(&day, &month)
	if err != nil {
		return 0, 0, fmt.Errorf("read credits used: %w", err)
	}
	for _, d := range []*deltas{&t.batch, &t.pending} {
		for of, n := range d.credits {
			if of[0] == keyID {
				day, month = day+n, month+n
			}
		}
	}
	return day, month, nil
}

// CreditsUsed is what the key's tasks of the present day and of the present month
// cost, in thousandths of a credit.
func (s *Store) CreditsUsed(ctx context.Context, keyID string) (day, month int64, err error) {
	at := now()
	err = s.readers.QueryRowContext(ctx, selectCredits, keyID, Day(at), firstOfMonth(at)).Scan(&day, &month)
	if err != nil {
		return 0, 0, fmt.Errorf("read credits used: %w", err)
	}
	return day, month, nil
}

// firstOfMonth is the first day of the month that a moment is in.
func firstOfMonth(ms int64) string { return Day(ms)[:len("2006-01")] + "-01" }

// DayEnds is when the [Day] of a moment ends, both in Unix milliseconds.
func DayEnds(ms int64) int64 {
	t := time.UnixMilli(ms).UTC()
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location()).UnixMilli()
}

// MonthEnds is when the month of a moment ends, both in Unix milliseconds.
func MonthEnds(ms int64) int64 {
	t := time.UnixMilli(ms).UTC()
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, t.Location()).UnixMilli()
}
