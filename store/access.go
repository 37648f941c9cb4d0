package store

import (
	"context"
	"fmt"
)

// AccessChanged tells all nodes that somebody may do something else than before.
// Every transaction that changes keys or sign-ins calls it.
func (t *Tx) AccessChanged() error {
	return t.one("note change of access", "UPDATE counters SET value = value + 1 WHERE name = 'access'")
}

// AccessVersion is another number than before when somebody may do something else
// than before.
func (s *Store) AccessVersion(ctx context.Context) (version int64, err error) {
	if err := s.readers.QueryRowContext(ctx, "SELECT value FROM counters WHERE name = 'access'").Scan(&version); err != nil {
		return 0, fmt.Errorf("read version of access: %w", err)
	}
	return version, nil
}
