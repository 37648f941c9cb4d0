package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

type attemptWorker struct {
	river.WorkerDefaults[attemptArgs]
	queue *Queue
}

// maxConflicts in a row can only be an inconsistent row; trying again without a
// pause would not end.
const maxConflicts = 5

// Work runs one step of an attempt after the other until there is something to
// wait for. A step starts from the task's row, so it can be run again.
func (w *attemptWorker) Work(ctx context.Context, job *river.Job[attemptArgs]) error {
	w.queue.working.Store(job.ID, true)
	defer w.queue.working.Delete(job.ID)
	conflicts := 0
	for {
		task, err := w.queue.store.Task(ctx, "", job.Args.TaskID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if task.Attempt != job.Args.Attempt {
			return nil // another attempt has taken over
		}
		var wait time.Duration
		switch task.Status {
		case store.Submitting:
			wait, err = w.queue.submitAttempt(ctx, task)
		case store.Polling:
			wait, err = w.queue.poll(ctx, task)
		case store.Downloading:
			wait, err = w.queue.download(ctx, task)
		default:
			w.queue.pollFaults.Delete(task.ID)
			return nil
		}
		if errors.Is(err, store.ErrConflict) && conflicts < maxConflicts {
			conflicts++
			continue // somebody else moved the task: look again
		}
		if err != nil {
			return err
		}
		if wait > 0 {
			return w.queue.snooze(ctx, task, wait)
		}
	}
}

// longestWait is the most that a step waits before the next, whatever an upstream
// asks for.
const longestWait = 10 * time.Minute

// snooze lets the next step run after the pause, or at the deadline, which is
// when the upstream is asked for the last time.
func (q *Queue) snooze(ctx context.Context, task *store.Task, wait time.Duration) error {
	left := time.Until(time.UnixMilli(task.RunDeadline))
	if task.Status == store.Polling && left <= 0 {
		return q.timeOut(ctx, task.ID)
	}
	if left > 0 {
		wait = min(wait, left)
	}
	return river.JobSnooze(min(wait, longestWait))
}

// submitAttempt sends the attempt, at most once. The intent is on disk before
// the first byte leaves and the outcome after; what lies between is a doubt.
func (q *Queue) submitAttempt(ctx context.Context, task *store.Task) (time.Duration, error) {
	driver, session, err := q.open(ctx, task)
	if fault, ok := errors.AsType[*upstream.Error](err); ok {
		return 0, q.settleFault(ctx, task, fault)
	}
	if err != nil {
		return 0, err
	}
	attempt, err := q.store.Attempt(ctx, task.ID, task.Attempt)
	if err != nil {
		return 0, err
	}
	if attempt.State == store.Sending {
		return q.interrupted(ctx, driver, session, task, attempt)
	}
	if err := q.checkMaterials(ctx, task); err != nil {
		return 0, q.settleFault(ctx, task, &upstream.Error{Kind: upstream.FileTransfer, NotAccepted: true, Message: err.Error(), Err: err})
	}
	if _, sending := q.sending.LoadOrStore(attemptKey(task), true); sending {
		return busyElsewhere, nil // a second job of the same attempt
	}
	defer q.sending.Delete(attemptKey(task))
	if err := q.store.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.Intend(task, q.node.id) }); err != nil {
		if errors.Is(err, store.ErrUnavailable) {
			// The commit may have happened. This process knows that nothing was sent.
			q.unsent.Store(attemptKey(task), true)
		}
		return 0, err
	}
	q.unsent.Delete(attemptKey(task))
	q.log.Info("attempt begun", q.about(ctx, task, zap.Duration("waited", time.Since(time.UnixMilli(task.CreatedAt))))...)
	call, cancel := context.WithDeadline(ctx, time.UnixMilli(task.RunDeadline))
	span := q.traceStep(ctx, task, "jimeng.attempt", time.Now())
	submission, err := driver.Submit(call, session, q.request(task))
	cancel()
	if err == nil && submission.State == upstream.Failed {
		err = failure(submission.Progress)
	}
	if err != nil {
		fault := asFault(err)
		endSpan(span, fault)
		return 0, q.settleFault(ctx, task, fault)
	}
	span.End()
	return q.settleAccepted(ctx, task, submission)
}

func attemptKey(task *store.Task) string { return fmt.Sprintf("%s/%d", task.ID, task.Attempt) }

// open finds the driver and the session that the attempt is bound to. That the
// configuration has no such upstream is an [*upstream.Error].
func (q *Queue) open(ctx context.Context, task *store.Task) (upstream.Driver, upstream.Session, error) {
	driver, ok := q.pool.Driver(task.Upstream)
	if !ok {
		message := fmt.Sprintf("the upstream %s is not configured", task.Upstream)
		return nil, upstream.Session{}, &upstream.Error{Kind: upstream.Network, NotAccepted: true, Message: message}
	}
	row, err := q.store.Session(ctx, task.SessionID)
	if err != nil {
		return nil, upstream.Session{}, err
	}
	session, err := q.pool.Open(row)
	return driver, session, err
}

// request is the task as a driver sees it, with stored materials that can be
// read as often as the driver needs to.
func (q *Queue) request(task *store.Task) *upstream.Request {
	r := request(task)
	q.catalogue().address(r, task.Upstream)
	for i, m := range task.Materials {
		if m.Blob != "" {
			r.Materials[i].Open = func(ctx context.Context) (io.ReadCloser, error) { return q.blobs.Open(ctx, m.Blob) }
		}
	}
	return r
}

// checkMaterials makes sure that every stored material is there and whole
// before anything is paid.
func (q *Queue) checkMaterials(ctx context.Context, task *store.Task) error {
	for i, m := range task.Materials {
		if m.Blob == "" {
			continue
		}
		file, err := q.blobs.Open(ctx, m.Blob)
		if err != nil {
			return fmt.Errorf("material %d cannot be read: %w", i+1, err)
		}
		size := file.Size()
		if err := file.Close(); err != nil {
			return fmt.Errorf("material %d cannot be read: %w", i+1, err)
		}
		if size != m.Size {
			return fmt.Errorf("material %d has %d bytes instead of %d: %w", i+1, size, m.Size, blob.ErrNotFound)
		}
	}
	return nil
}
