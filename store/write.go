package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// maxBatch is the most writes in one transaction: enough to make the fsync
	// cheap, few enough that nobody waits long for the others' statements.
	maxBatch = 256
	// batchTimeout bounds a transaction on a database that does not answer.
	batchTimeout = 30 * time.Second
	// writerLock is the advisory lock that makes the writers of all nodes take
	// turns on PostgreSQL, as the one write connection does on SQLite.
	writerLock = 0x6a696d656e67 // "jimeng"
)

// Durability says what a write waits for.
type Durability bool

const (
	// Durable writes are on disk when Write returns.
	Durable Durability = true
	// Relaxed writes may be lost in a power cut (not in a crash of the
	// process), for what can be learnt again.
	Relaxed Durability = false
)

type write struct {
	fn      func(*Tx) error
	task    *Task // in place of fn: a task to insert and nothing else
	actor   *Actor
	durable Durability
	claimed atomic.Bool // by the writer, or by a caller that gave up
	done    chan error
}

// OnChange sets what runs at the end of every transaction in which something
// changed that may let a queued task start. It is part of the transaction; its
// error undoes its own statements only.
func (s *Store) OnChange(admit func(*Tx) error) {
	s.admit = admit
}

// Write runs fn in a transaction of its own making: many writes share one
// transaction and one fsync, each in a savepoint, one after the other. fn must
// only talk to the database, through tx. Its error undoes what it did and is
// returned as it is. An error that wraps [ErrUnavailable] may also mean that the
// commit happened and the answer was lost.
func (s *Store) Write(ctx context.Context, d Durability, fn func(tx *Tx) error) error {
	return s.write(ctx, &write{fn: fn, actor: actorOf(ctx), durable: d, done: make(chan error, 1)})
}

// InsertTask stores a new queued task, durably: what [Store.Write] with
// [Tx.InsertTask] does, but all such inserts of a transaction are one statement,
// unless they belong into the audit log.
func (s *Store) InsertTask(ctx context.Context, task *Task) error {
	if actorOf(ctx) != nil {
		return s.Write(ctx, Durable, func(tx *Tx) error { return tx.InsertTask(task) })
	}
	return s.write(ctx, &write{task: task, durable: Durable, done: make(chan error, 1)})
}

func (s *Store) write(ctx context.Context, w *write) error {
	select {
	case s.writes <- w:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return errClosed
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		if w.claimed.CompareAndSwap(false, true) {
			return ctx.Err()
		}
	case <-s.done:
		if w.claimed.CompareAndSwap(false, true) {
			return errClosed
		}
	}
	return <-w.done // fn is running; its caller must not go on beside it
}

var errClosed = fmt.Errorf("write: store closed: %w", ErrUnavailable)

// writer owns the write side of the database until Close.
func (s *Store) writer() {
	defer close(s.done)
	batch := make([]*write, 0, maxBatch)
	for {
		batch = batch[:0]
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		case <-s.stop:
			s.refuseRest()
			return
		}
		batch = s.gather(batch)
		if len(batch) > 0 {
			s.commit(batch)
		}
	}
}

// gather takes what else waits, without waiting for more.
func (s *Store) gather(batch []*write) []*write {
	claimed := batch[:0]
	for _, w := range batch {
		if w.claimed.CompareAndSwap(false, true) {
			claimed = append(claimed, w)
		}
	}
	for len(claimed) < maxBatch {
		select {
		case w := <-s.writes:
			if w.claimed.CompareAndSwap(false, true) {
				claimed = append(claimed, w)
			}
		default:
			return claimed
		}
	}
	return claimed
}

func (s *Store) refuseRest() {
	for {
		select {
		case w := <-s.writes:
			if w.claimed.CompareAndSwap(false, true) {
				w.done <- errClosed
			}
		default:
			return
		}
	}
}

func (s *Store) commit(batch []*write) {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	results := make([]error, len(batch))
	began, durable := time.Now(), Relaxed
	for _, w := range batch {
		durable = durable || w.durable
	}
	s.writing.Store(began.UnixMilli())
	err := s.transaction(ctx, batch, results, durable)
	s.writing.Store(0)
	s.writeFailed.Store(err != nil)
	s.metrics.committed(began, len(batch), durable, err)
	if err != nil {
		for i := range results {
			results[i] = fmt.Errorf("write: %w: %w", ErrUnavailable, err)
		}
	}
	for i, w := range batch {
		w.done <- results[i]
	}
}

// transaction runs a batch. Its own error concerns all of the batch.
func (s *Store) transaction(ctx context.Context, batch []*write, results []error, durable Durability) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if s.pgx == nil && bool(durable) {
		if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = FULL"); err != nil {
			return err
		}
		defer func() {
			_, back := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous = NORMAL")
			err = errors.Join(err, back)
		}()
	}
	sqltx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	tx := &Tx{ctx: ctx, store: s, conn: conn, tx: sqltx, Now: now()}
	if err := tx.runAll(batch, results, durable); err != nil {
		return errors.Join(err, sqltx.Rollback())
	}
	err = sqltx.Commit()
	// Also after a commit that failed, because it may have happened all the same.
	s.peeks.forget(tx.touched)
	if err == nil {
		if s.written != nil && len(tx.events) > 0 {
			s.written(tx.events)
		}
		for _, fields := range tx.audited {
			s.log.Info("audit", fields...)
		}
	}
	if err == nil && s.pgx == nil {
		s.announce(tx.events)
	}
	return err
}

func (t *Tx) runAll(batch []*write, results []error, durable Durability) error {
	if t.store.pgx != nil {
		if _, err := t.Exec("SELECT pg_advisory_xact_lock($1)", int64(writerLock)); err != nil {
			return err
		}
		t.Now = now() // other nodes may have had their turn first
		if !durable {
			if _, err := t.Exec("SET LOCAL synchronous_commit = off"); err != nil {
				return err
			}
		}
	}
	if err := t.insertAll(batch, results); err != nil {
		return err
	}
	for i, w := range batch {
		var err error
		if w.fn == nil {
			continue
		}
		t.actor = w.actor
		if results[i], err = t.savepoint(w.fn); err != nil {
			return err
		}
	}
	t.actor = nil
	if err := t.flush(); err != nil {
		return err
	}
	if t.wake && t.store.admit != nil {
		failed, err := t.savepoint(t.store.admit)
		if err == nil && failed != nil {
			t.store.log.Error("admission failed", zap.Error(failed))
		}
		if err := errors.Join(err, t.flush()); err != nil {
			return err
		}
	}
	return t.notify()
}

// insertAll inserts the tasks of all writes that do nothing else. Should one of
// them be refused, each gets a savepoint of its own.
func (t *Tx) insertAll(batch []*write, results []error) error {
	var tasks []*Task
	var materials [][]Material // as they were, because inserting a task may change them
	for _, w := range batch {
		if w.task != nil {
			tasks = append(tasks, w.task)
			materials = append(materials, w.task.Materials)
		}
	}
	if len(tasks) == 0 {
		return nil
	}
	failed, lost := t.savepoint(func(t *Tx) error { return t.insertTasks(tasks) })
	if failed == nil || lost != nil {
		return lost
	}
	for i, task := range tasks {
		task.Materials = materials[i]
	}
	for i, w := range batch {
		if w.task == nil {
			continue
		}
		if results[i], lost = t.savepoint(func(t *Tx) error { return t.InsertTask(w.task) }); lost != nil {
			return lost
		}
	}
	return nil
}

// savepoint runs fn so that its error undoes only its own statements. The
// second error means that the transaction is lost: SQLite rolls all of it back
// by itself when the disk is full, and PostgreSQL when the connection breaks.
func (t *Tx) savepoint(fn func(*Tx) error) (failed, lost error) {
	if _, err := t.Exec("SAVEPOINT item"); err != nil {
		return nil, err
	}
	wake := t.wake
	t.pending = deltas{}
	if failed = fn(t); failed != nil {
		t.pending, t.wake = deltas{}, wake
		if _, err := t.Exec("ROLLBACK TO SAVEPOINT item"); err != nil {
			return nil, errors.Join(failed, err)
		}
	} else {
		t.batch.add(t.pending)
		t.pending = deltas{}
	}
	_, lost = t.Exec("RELEASE SAVEPOINT item")
	return failed, lost
}
