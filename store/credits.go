package store

import (
	"context"
	"fmt"
	"strings"
)

// Credits are counted in thousandths.
const selectCredits = `SELECT CAST(coalesce(sum(CASE WHEN day = $2 THEN credits ELSE 0 END), 0) AS BIGINT), CAST(coalesce(sum(credits), 0) AS BIGINT)
	FROM usage_by_model WHERE key_id = $1 AND day >= $3 AND day <= $2`

// CreditsUsed is what the key's tasks of the present day and of the present month
// cost, in thousandths of a credit, those of this batch included.
func (t *Tx) CreditsUsed(keyID string) (day, month int64, err error) {
	today := t.store.Day(t.Now)
	err = t.QueryRow(selectCredits, keyID, today, firstOfMonth(today)).Scan(&day, &month)
	if err != nil {
		return 0, 0, fmt.Errorf("read credits used: %w", err)
	}
	for _, d := range []*deltas{&t.batch, &t.pending} {
		for row, used := range d.usage {
			if row.key != keyID || !strings.HasPrefix(row.day, monthOf(today)) {
				continue
			}
			month += used.Credits
			if row.day == today {
				day += used.Credits
			}
		}
	}
	return day, month, nil
}

// CreditsUsed is what the key's tasks of the present day and of the present month
// cost, in thousandths of a credit.
func (s *Store) CreditsUsed(ctx context.Context, keyID string) (day, month int64, err error) {
	today := s.Day(now())
	err = s.readers.QueryRowContext(ctx, selectCredits, keyID, today, firstOfMonth(today)).Scan(&day, &month)
	if err != nil {
		return 0, 0, fmt.Errorf("read credits used: %w", err)
	}
	return day, month, nil
}

func monthOf(day string) string { return day[:len("2006-01")] }

func firstOfMonth(day string) string { return monthOf(day) + "-01" }
