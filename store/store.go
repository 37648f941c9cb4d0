// Package store is the truth: one schema and one set of hand-written statements
// over SQLite and PostgreSQL. Reads go through a pool of readers; every write
// goes through [Store.Write], which puts many of them into one transaction.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
)

var (
	// ErrNotFound is returned when a row does not exist or is not the caller's.
	ErrNotFound = errors.New("not found")
	// ErrConflict is returned when a row is no longer in the state that the
	// change started from, or exists already.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable is returned when the database cannot be reached for now.
	ErrUnavailable = errors.New("database unavailable")
)

// Store is an open database.
type Store struct {
	db      *sql.DB // SQLite: the one write connection. PostgreSQL: the pool.
	readers *sql.DB // PostgreSQL: the same as db
	pgx     *pgxpool.Pool
	byID    *sql.Stmt // reads a task, the most frequent question
	lock    *os.File  // SQLite: held as long as the database is open
	log     *zap.Logger

	writes  chan *write
	stop    chan struct{}
	done    chan struct{} // closed when the writer has ended
	running sync.WaitGroup
	admit   func(*Tx) error                // see [Store.OnChange]
	written func([]*Event)                 // see [Store.OnCommit]
	tell    atomic.Pointer[func([]*Event)] // see [Store.OnEvents]
	peeks   *peeks                         // SQLite: tasks that were read lately
	zone    atomic.Pointer[time.Location]  // see [Store.SetZone]
	metrics metrics

	writing     atomic.Int64 // since when a transaction of the writer runs, Unix milliseconds, 0 for none
	writeFailed atomic.Bool  // the last transaction of the writer did
}

// Open opens the database that databaseURL names (sqlite://PATH or
// postgres://…), brings its schema up to date and starts the writer. The error
// of a database that cannot be used is one line that says what is wrong, and
// never contains the URL's password.
func Open(ctx context.Context, databaseURL string, log *zap.Logger) (*Store, error) {
	s := &Store{
		log:    log,
		writes: make(chan *write, 1024),
		stop:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	s.metrics = newMetrics(s)
	scheme, rest, _ := strings.Cut(databaseURL, "://")
	var err error
	switch scheme {
	case "sqlite":
		err = s.openSQLite(ctx, rest)
	case "postgres", "postgresql":
		err = s.openPostgres(ctx, databaseURL)
	default:
		return nil, errors.New("database URL must begin with sqlite:// or postgres://")
	}
	if err == nil {
		s.byID, err = s.readers.PrepareContext(ctx, "SELECT "+taskColumns+" FROM tasks WHERE id = $1")
	}
	var last int64
	if err == nil {
		last, _, err = s.EventRange(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.closeDatabases())
	}
	s.running.Go(s.writer)
	if s.pgx != nil {
		s.running.Go(func() { s.listen(last) })
	}
	return s, nil
}

// Close waits for the writes that have begun and closes the database.
func (s *Store) Close() error {
	close(s.stop)
	s.running.Wait()
	return s.closeDatabases()
}

func (s *Store) closeDatabases() error {
	var errs []error
	if s.peeks != nil {
		s.peeks.tasks.StopAllGoroutines()
	}
	if s.byID != nil {
		errs = append(errs, s.byID.Close())
	}
	if s.readers != nil && s.readers != s.db {
		errs = append(errs, s.readers.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.pgx != nil {
		s.pgx.Close()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// SQL gives River the write side of the database.
func (s *Store) SQL() *sql.DB { return s.db }

// Pgx is the connection pool below [Store.SQL] on PostgreSQL, nil on SQLite.
func (s *Store) Pgx() *pgxpool.Pool { return s.pgx }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.readers.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return fmt.Errorf("ping database: %w: %w", ErrUnavailable, err)
	}
	return nil
}

// now is the clock of every row: Unix milliseconds.
func now() int64 { return time.Now().UnixMilli() }

// clean makes text of an upstream storable: PostgreSQL takes neither NUL nor
// broken UTF-8, and an answer must not keep a task from being settled.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

// row is what *sql.Row and *sql.Rows have in common.
type row interface{ Scan(dest ...any) error }

// found turns the driver's word for no row into ours.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// collect reads all rows with scan.
func collect[T any](rows *sql.Rows, err error, scan func(row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, rows.Err()
}
