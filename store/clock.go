package store

import (
	"context"
	"fmt"
	"time"
)

// A clock that goes back leaves rows whose times lie ahead. Sessions that were
// used in the future come last in every choice and cool for too long; jobs sleep
// for too long. Two nodes' clocks may differ by less than aMinute without harm.
const aMinute = 60_000

// aheadOf are the conditions on rows whose times cannot be right, with the
// present moment as $1. No job waits for longer than the longest pause.
func (s *Store) aheadOf(longest time.Duration) (sessions, upstreams, keys, jobs string) {
	sessions = fmt.Sprintf("last_used_at - %d > $1", aMinute)
	upstreams = fmt.Sprintf("benched_until - %d > $1", 60*aMinute)
	keys = fmt.Sprintf("served_at - %d > $1", aMinute)
	jobs = "state IN ('available', 'scheduled', 'retryable') AND kind = 'attempt' AND scheduled_at > "
	if s.pgx != nil {
		return sessions, upstreams, keys, jobs + fmt.Sprintf("now() + interval '%d seconds'", int(longest.Seconds()))
	}
	return sessions, upstreams, keys, jobs + fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '%d seconds')", int(longest.Seconds()))
}

// TooFarAhead reports whether times lie ahead that cannot be right.
func (s *Store) TooFarAhead(ctx context.Context, longest time.Duration) (ahead bool, err error) {
	sessions, upstreams, keys, jobs := s.aheadOf(longest)
	err = s.readers.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sessions WHERE "+sessions+") OR EXISTS (SELECT 1 FROM upstreams WHERE "+
		upstreams+") OR EXISTS (SELECT 1 FROM keys WHERE "+keys+") OR EXISTS (SELECT 1 FROM river_job WHERE "+jobs+")", now()).Scan(&ahead)
	if err != nil {
		return false, fmt.Errorf("look for times far ahead: %w", err)
	}
	return ahead, nil
}

// ComeBack brings times that lie ahead back to the present.
func (t *Tx) ComeBack(longest time.Duration) error {
	sessions, upstreams, keys, jobs := t.store.aheadOf(longest)
	for _, query := range []string{
		// A pause keeps the length that it had.
		"UPDATE sessions SET until = CASE WHEN until > 0 THEN until - (last_used_at - $1) ELSE 0 END, last_used_at = $1 WHERE " + sessions,
		"UPDATE upstreams SET benched_until = $1 WHERE " + upstreams,
		"UPDATE keys SET served_at = $1 WHERE " + keys,
	} {
		if _, err := t.Exec(query, t.Now); err != nil {
			return fmt.Errorf("bring times back: %w", err)
		}
	}
	at := "strftime('%Y-%m-%d %H:%M:%f', 'now')"
	if t.store.pgx != nil {
		at = "now()"
	}
	if _, err := t.Exec("UPDATE river_job SET scheduled_at = " + at + " WHERE " + jobs); err != nil {
		return fmt.Errorf("bring times back: %w", err)
	}
	t.Wake()
	return nil
}
