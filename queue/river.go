package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// engine is River behind our own words; it is the same on both databases.
type engine interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
	// insert adds a job per attempt in the transaction and returns their ids.
	insert(tx *store.Tx, jobs []attemptArgs) ([]int64, error)
	// cancel ends a job on whichever node it runs.
	cancel(tx *store.Tx, jobID int64) error
}

// attemptArgs is the job that runs one attempt of a task to its end.
type attemptArgs struct {
	TaskID  string `json:"task_id"`
	Attempt int    `json:"attempt"`
}

// Kind is the job's name in River's table.
func (attemptArgs) Kind() string { return "attempt" }

// probeArgs is the periodic job that probes sessions.
type probeArgs struct{}

// Kind is the job's name in River's table.
func (probeArgs) Kind() string { return "probe" }

const (
	// maxWorkers bounds the steps that a node runs at once. A step that waits
	// for an upstream costs a goroutine; admission is what limits the work.
	maxWorkers = 5000
	// maxAttempts is never reached: what ends a task is its deadline.
	maxAttempts = 10_000
	// keepJobs is how long River keeps finished jobs; nobody reads them.
	keepJobs = 10 * time.Minute
)

func newEngine(q *Queue, logger *slog.Logger) (engine, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &attemptWorker{queue: q})
	river.AddWorker(workers, &probeWorker{queue: q})
	river.AddWorker(workers, &sweepWorker{queue: q})
	config := &river.Config{
		ID:                          q.node.id,
		Logger:                      logger,
		Workers:                     workers,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxWorkers}},
		MaxAttempts:                 maxAttempts,
		RetryPolicy:                 retryPolicy{},
		JobTimeout:                  -1, // deadlines are the task's
		CompletedJobRetentionPeriod: keepJobs,
		CancelledJobRetentionPeriod: keepJobs,
		PeriodicJobs:                []*river.PeriodicJob{everyMinute(probeArgs{}), everyMinute(sweepArgs{})},
	}
	if pool := q.store.Pgx(); pool != nil {
		// A notification wakes the fetch at once, but River sends one per
		// cooldown at most; the poll finds what came within it.
		config.FetchCooldown, config.FetchPollInterval = 5*time.Millisecond, 100*time.Millisecond
		client, err := river.NewClient(riverpgxv5.New(pool), config)
		return &riverEngine[pgx.Tx]{client, borrow}, err
	}
	// SQLite has no notifications: River polls for them every 50 ms. Polling for
	// the jobs themselves is as cheap and quicker.
	config.FetchCooldown, config.FetchPollInterval = 5*time.Millisecond, 20*time.Millisecond
	client, err := river.NewClient(riversqlite.New(q.store.SQL()), config)
	return &riverEngine[*sql.Tx]{client, func(_ *sql.Conn, tx *sql.Tx) (*sql.Tx, error) { return tx, nil }}, err
}

// everyMinute is a job that is never there twice.
func everyMinute(args river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(time.Minute), func() (river.JobArgs, *river.InsertOpts) {
		return args, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled}}}
	}, nil)
}

// retryPolicy is for steps that failed inside the gateway, as when the database
// was away: soon again, but not at once.
type retryPolicy struct{}

func (retryPolicy) NextRetry(*rivertype.JobRow) time.Time { return time.Now().Add(3 * time.Second) }

// riverEngine lets River take part in our transactions, whichever type the
// driver's are.
type riverEngine[TTx any] struct {
	*river.Client[TTx]
	as func(*sql.Conn, *sql.Tx) (TTx, error)
}

func (e *riverEngine[TTx]) insert(tx *store.Tx, jobs []attemptArgs) ([]int64, error) {
	own, err := e.as(tx.SQL())
	if err != nil {
		return nil, err
	}
	params := make([]river.InsertManyParams, len(jobs))
	for i, job := range jobs {
		params[i] = river.InsertManyParams{Args: job}
	}
	results, err := e.InsertManyTx(tx.Context(), own, params)
	if err != nil {
		return nil, fmt.Errorf("insert jobs: %w", err)
	}
	ids := make([]int64, len(results))
	for i, result := range results {
		ids[i] = result.Job.ID
	}
	return ids, nil
}

func (e *riverEngine[TTx]) cancel(tx *store.Tx, jobID int64) error {
	own, err := e.as(tx.SQL())
	if err != nil {
		return err
	}
	if _, err := e.JobCancelTx(tx.Context(), own, jobID); err != nil && !errors.Is(err, rivertype.ErrNotFound) {
		return fmt.Errorf("cancel job: %w", err)
	}
	return nil
}

// borrow takes the pgx connection out of a database/sql transaction, since
// River speaks pgx on PostgreSQL and must commit together with us.
func borrow(conn *sql.Conn, _ *sql.Tx) (tx pgx.Tx, err error) {
	err = conn.Raw(func(driverConn any) error {
		tx = borrowedTx{driverConn.(*stdlib.Conn).Conn()}
		return nil
	})
	return tx, err
}

// borrowedTx lends River the transaction that the *sql.Tx has begun on the
// connection. Only the *sql.Tx may end it.
type borrowedTx struct{ *connection }

// connection gives the embedded field another name than that of the method
// Conn, which pgx.Tx asks for.
type connection = pgx.Conn

var errBorrowed = errors.New("the transaction is borrowed")

func (borrowedTx) Begin(context.Context) (pgx.Tx, error) { return nil, errBorrowed }
func (borrowedTx) Commit(context.Context) error          { return errBorrowed }
func (borrowedTx) Rollback(context.Context) error        { return errBorrowed }
func (borrowedTx) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (t borrowedTx) Conn() *pgx.Conn                     { return t.connection }
