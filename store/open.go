package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"modernc.org/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// quiet keeps the migrators from writing to standard output; what goes wrong
// is in their errors.
var quiet = slog.New(slog.DiscardHandler)

// SQLitePath is the file that a sqlite:// URL names, absolute, so that two
// spellings of one database are recognised as the same.
func SQLitePath(databaseURL string) (string, error) {
	path := strings.TrimPrefix(databaseURL, "sqlite://")
	if path == "" || strings.ContainsAny(path, "?#") || path == ":memory:" {
		return "", errors.New("database URL must name a file: sqlite://data/gateway.db")
	}
	return filepath.Abs(path)
}

func (s *Store) openSQLite(ctx context.Context, path string) error {
	path, err := SQLitePath(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create the database's folder: %w", err)
	}
	// Two processes on one file would admit tasks twice; the lock goes with the
	// process, also after kill -9.
	s.lock, err = os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the database's lock file: %w", err)
	}
	if err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("the database %s is in use by another process", path)
	}

	// Prompts are nobody else's on this machine. SQLite gives the files beside it
	// the same mode.
	if file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err == nil {
		if err := file.Close(); err != nil {
			return err
		}
	} // else SQLite says why below

	// busy_timeout stands first: the pragmas after it may have to wait for a
	// lock. temp_store keeps what savepoints would undo out of files. NORMAL is what River's bookkeeping needs; the writer switches to
	// FULL for what somebody was promised.
	const pragmas = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
		"&_pragma=foreign_keys(ON)&_pragma=cache_size(-32000)&_pragma=journal_size_limit(67108864)&_pragma=temp_store(MEMORY)"
	file := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	if s.db, err = openFile(file + "?" + pragmas + "&_txlock=immediate"); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1)
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("open the database %s: %w", path, plain(err))
	}
	if err := s.migrate(ctx, goose.DialectSQLite3); err != nil {
		return fmt.Errorf("open the database %s: %w", path, plain(err))
	}
	river, err := rivermigrate.New(riversqlite.New(s.db), &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return err
	}
	if _, err := river.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("open the database %s: %w", path, plain(err))
	}
	if s.readers, err = openFile(file + "?" + pragmas + "&_pragma=query_only(ON)"); err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(max(4, runtime.NumCPU()))
	s.readers.SetMaxIdleConns(max(4, runtime.NumCPU()))
	s.peeks, err = newPeeks()
	return err
}

func openFile(dsn string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(preparing{connector}), nil
}

func (s *Store) openPostgres(ctx context.Context, databaseURL string) error {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		// The parser's error quotes the URL with its password.
		return errors.New("database URL is not a valid postgres:// URL")
	}
	config.MaxConns = max(config.MaxConns, 16)
	// A node that is frozen in the middle of a transaction must not keep the
	// writers of all others waiting. Ours never wait for anything but the database.
	config.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "5000"
	impatient := &impatience{dial: config.ConnConfig.DialFunc}
	config.ConnConfig.DialFunc = impatient.Dial
	if config.ConnConfig.ConnectTimeout <= 0 || config.ConnConfig.ConnectTimeout > connectWithin {
		config.ConnConfig.ConnectTimeout = connectWithin
	}
	if s.pgx, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	server := config.ConnConfig.Host
	if err := s.pgx.Ping(ctx); err != nil {
		return fmt.Errorf("connect to the database at %s: %w", server, plain(err))
	}
	s.db = sql.OpenDB(hurried{stdlib.GetPoolConnector(s.pgx)})
	s.db.SetMaxIdleConns(0) // the pool below has them
	s.readers = s.db
	if err := s.migratePostgres(ctx); err != nil {
		return fmt.Errorf("open the database at %s: %w", server, plain(err))
	}
	impatient.on.Store(true)
	return nil
}

// migratePostgres lets nodes that start together migrate one after the other, our
// tables and River's, whose migrator has no lock.
func (s *Store) migratePostgres(ctx context.Context) (err error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // asks every second for 5 minutes
	if err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := locker.SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	if err := s.migrate(ctx, goose.DialectPostgres); err != nil {
		return err
	}
	river, err := rivermigrate.New(riverpgxv5.New(s.pgx), &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return err
	}
	_, err = river.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// migrate brings our tables up to date, or refuses a database that a newer
// gateway has already changed in ways that this one does not know.
func (s *Store) migrate(ctx context.Context, dialect goose.Dialect) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, s.db, files, goose.WithSlog(quiet))
	if err != nil {
		return err
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > want {
		return fmt.Errorf("it is from a newer version of the gateway (schema %d, this one knows %d)", have, want)
	}
	_, err = provider.Up(ctx)
	return err
}

// plain gives the common causes a sentence in place of a driver's code.
func plain(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case 8: // SQLITE_READONLY
			return errors.New("no permission to write it")
		case 14: // SQLITE_CANTOPEN
			return errors.New("it cannot be opened or created; check the path and the permissions")
		case 26: // SQLITE_NOTADB
			return errors.New("it is not an SQLite database")
		}
	}
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
