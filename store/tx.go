package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"go.uber.org/zap"
)

// Tx is the transaction of one batch of writes, see [Store.Write].
type Tx struct {
	// Now is the time of every row that the batch writes, in Unix milliseconds.
	Now int64

	ctx     context.Context
	store   *Store
	conn    *sql.Conn
	tx      *sql.Tx
	batch   deltas // of the items that are done
	pending deltas // of the item that runs
	wake    bool
	actor   *Actor // of the item that runs

	events  []*Event // that were written
	touched []string // tasks whose rows were changed
	audited [][]zap.Field
}

// deltas are counters that are written once at the end of a batch.
type deltas struct {
	counts map[[2]string]int64 // key, status
	lanes  map[[2]string]int64 // key, route
	usage  map[usageRow]Usage
	events []*Event
	gone   []string // tasks that were deleted

	audited [][]zap.Field // for the log, once they are on disk
}

func (d *deltas) add(other deltas) {
	d.counts = sum(d.counts, other.counts)
	d.lanes = sum(d.lanes, other.lanes)
	for row, used := range other.usage {
		d.used(row, used)
	}
	for _, id := range other.gone {
		d.forget(id)
	}
	d.events = append(d.events, other.events...)
	d.audited = append(d.audited, other.audited...)
}

// forget drops the events of a deleted task that were not written yet: nobody
// would ever remove them.
func (d *deltas) forget(id string) {
	d.events = slices.DeleteFunc(d.events, func(e *Event) bool { return e.TaskID == id })
}

func sum[K comparable](into, from map[K]int64) map[K]int64 {
	if into == nil {
		return from
	}
	for k, v := range from {
		into[k] += v
	}
	return into
}

func bump[K comparable](m *map[K]int64, k K, by int64) {
	if *m == nil {
		*m = make(map[K]int64)
	}
	(*m)[k] += by
}

// Context is the batch's, for calls that take part in the transaction.
func (t *Tx) Context() context.Context { return t.ctx }

// SQL is the transaction and its connection, for River.
func (t *Tx) SQL() (*sql.Conn, *sql.Tx) { return t.conn, t.tx }

// Wake lets admission run at the end of the batch.
func (t *Tx) Wake() { t.wake = true }

// Exec runs a statement of the transaction.
func (t *Tx) Exec(query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(t.ctx, query, args...)
}

// Query runs a query of the transaction.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(t.ctx, query, args...)
}

// QueryRow runs a query of the transaction that gives at most one row.
func (t *Tx) QueryRow(query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.ctx, query, args...)
}

// changeTask is [Tx.one] for a statement whose first parameter is the id of the
// task that it changes. All changes of tasks go through it, because readers may
// have a copy, see [Store.PeekTask].
func (t *Tx) changeTask(what, id, query string, args ...any) error {
	t.touched = append(t.touched, id)
	return t.one(what+" of task "+id, query, append([]any{id}, args...)...)
}

// one runs a statement that must change exactly one row; none means that the
// row was not in the state that the statement asks for.
func (t *Tx) one(what, query string, args ...any) error {
	result, err := t.Exec(query, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n != 1 {
		return fmt.Errorf("%s: %w", what, ErrConflict)
	}
	return nil
}

const (
	addCount = `INSERT INTO task_counts (key_id, status, n) VALUES ($1, $2, $3)
		ON CONFLICT (key_id, status) DO UPDATE SET n = task_counts.n + excluded.n`
	addLane = `INSERT INTO lanes (key_id, route, queued) VALUES ($1, $2, $3)
		ON CONFLICT (key_id, route) DO UPDATE SET queued = lanes.queued + excluded.queued`
)

// flush writes the counters of the items that are done.
func (t *Tx) flush() error {
	pending := t.batch
	t.batch = deltas{}
	t.audited = append(t.audited, pending.audited...)
	total := make(map[[2]string]int64, len(pending.counts))
	for k, n := range pending.counts {
		total[k] += n
		total[[2]string{"", k[1]}] += n
	}
	for k, n := range total {
		if n == 0 {
			continue
		}
		if _, err := t.Exec(addCount, k[0], k[1], n); err != nil {
			return fmt.Errorf("count tasks: %w", err)
		}
	}
	for k, n := range pending.lanes {
		if n == 0 {
			continue
		}
		if _, err := t.Exec(addLane, k[0], k[1], n); err != nil {
			return fmt.Errorf("count queued tasks: %w", err)
		}
	}
	for row, used := range pending.usage {
		if err := t.addUsage(row, used); err != nil {
			return err
		}
	}
	return t.insertEvents(pending.events)
}
