package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/health"
)

// slowWrite is how long a transaction may take before nothing can be written.
const slowWrite = 3 * time.Second

// Health tells whether the database answers, and whether it can be written: by what
// became of the last writes, which heartbeats make if nobody else does.
func (s *Store) Health(ctx context.Context) []health.Component {
	c := health.Component{Name: "database", State: health.OK}
	began := s.writing.Load()
	switch err := s.Ping(ctx); {
	case err != nil:
		c.State = health.Down
		// Not the error: it may tell strangers' logs where the database is, and all
		// kinds of it have the same cure.
		c.Reason = "The database does not answer."
		c.Advice = "See that the database runs and that database_url leads to it; the gateway goes on by itself when it is back."
	case began != 0 && time.Since(time.UnixMilli(began)) > slowWrite || s.writeFailed.Load():
		c.State = health.Down
		c.Reason = "The database can be read, but not written."
		c.Advice = "See that its disk has room and is writable, and that nothing else holds the database; the gateway goes on by itself."
	}
	return []health.Component{c}
}

// Kind names the kind of database.
func (s *Store) Kind() string {
	if s.pgx != nil {
		return "PostgreSQL"
	}
	return "SQLite"
}

// Size is how many bytes the database takes on its disk, by its own account.
func (s *Store) Size(ctx context.Context) (size int64, err error) {
	query := "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
	if s.pgx != nil {
		query = "SELECT pg_database_size(current_database())"
	}
	if err := s.readers.QueryRowContext(ctx, query).Scan(&size); err != nil {
		return 0, fmt.Errorf("ask for the size of the database: %w", err)
	}
	return size, nil
}
