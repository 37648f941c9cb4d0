package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// What a cancel says about money.
const (
	NotStarted     = store.NotStarted   // nothing was sent, nothing is spent
	Stopped        = "stopped"          // the upstream stopped the work
	RunsOnUpstream = "runs_on_upstream" // money may be spent
)

// cancelTimeout bounds the call that tells the upstream of a cancel, while the
// client waits.
const cancelTimeout = 10 * time.Second

// Cancel ends a task for good and tells the upstream where that is possible. The
// task's Money says whether money may be spent. It returns [ErrEnded] if the
// task has ended before.
func (q *Queue) Cancel(ctx context.Context, keyID, id string) (*store.Task, error) {
	task, err := q.store.Task(ctx, keyID, id)
	if err != nil {
		return nil, err
	}
	task, accepted, err := q.stopTask(ctx, task.ID, func(*store.Task) (store.Ending, bool) {
		return store.Ending{Status: store.Cancelled}, true
	})
	if err == nil && accepted {
		// A client that hangs up now has cancelled all the same.
		q.stopUpstream(context.WithoutCancel(ctx), task)
	}
	if err == nil {
		q.tellStopped(ctx, task)
	}
	return task, err
}

// stopTask ends a task from outside its steps, wherever it is in its life, if
// ending agrees. Accepted says whether the upstream can be asked to stop.
func (q *Queue) stopTask(ctx context.Context, id string, ending func(*store.Task) (store.Ending, bool)) (task *store.Task, accepted bool, err error) {
	err = q.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		if task, err = tx.Task(id); err != nil {
			return err
		}
		if task.Status.Ended() {
			return ErrEnded
		}
		e, ok := ending(task)
		if !ok {
			return store.ErrConflict
		}
		if e.Money, accepted, err = spent(tx, task); err != nil {
			return err
		}
		if e.Status == store.Failed && task.Status == store.Submitting && e.Money == RunsOnUpstream {
			// The call that is on the wire ends at the same moment, and says the same.
			e.ErrorKind, e.ErrorMessage = string(upstream.InDoubt), doubtful+e.ErrorMessage
		}
		jobID, was := task.JobID, task.Status
		if err := tx.End(task, e); err != nil {
			return err
		}
		// A deadline has no actor, and leaves no line.
		if err := tx.Audit(store.Act{Action: "task.cancel", TargetKind: "task", TargetID: id, Was: store.Facts{"status": was},
			Became: store.Facts{"status": task.Status, "money": task.Money}}); err != nil {
			return err
		}
		if jobID == 0 {
			return nil
		}
		return q.engine.cancel(tx, jobID)
	})
	q.pollFaults.Delete(id)
	return task, accepted, err
}

// spent says what a stop of the task costs, and whether there is accepted work
// that the upstream can be asked to stop.
func spent(tx *store.Tx, task *store.Task) (money string, accepted bool, err error) {
	switch task.Status {
	case store.Queued:
		return NotStarted, false, nil
	case store.Submitting:
		attempt, err := tx.Attempt(task)
		if err != nil {
			return "", false, err
		}
		if attempt.State == store.Admitted {
			return NotStarted, false, nil
		}
		return RunsOnUpstream, false, nil
	case store.Polling:
		return RunsOnUpstream, true, nil
	default:
		return RunsOnUpstream, false, nil
	}
}

// stopUpstream asks the upstream to stop accepted work of an ended task, and
// notes it if it did.
func (q *Queue) stopUpstream(ctx context.Context, task *store.Task) {
	driver, session, err := q.open(ctx, task)
	if err != nil {
		return // the session or its upstream is gone; the answer stays "may be spent"
	}
	canceler, ok := driver.(upstream.Canceler)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, cancelTimeout)
	defer cancel()
	stopped, err := canceler.Cancel(ctx, session, task.Ref)
	if err != nil {
		q.log.Warn("cancel at upstream failed", q.about(ctx, task, zap.Error(err))...)
	}
	if !stopped {
		return
	}
	err = q.store.Write(context.WithoutCancel(ctx), store.Durable, func(tx *store.Tx) error {
		ended, err := tx.Task(task.ID) // a step may have read it before it ended
		if err != nil {
			return err
		}
		return tx.SetMoney(ended, Stopped)
	})
	switch {
	case err == nil:
		task.Money = Stopped
	case !errors.Is(err, store.ErrNotFound): // it may have been deleted meanwhile
		q.log.Error("note cancel at upstream", q.about(ctx, task, zap.Error(err))...)
	}
}

// lateGrace is how long a task whose time is over may still be asked for, or its
// result be fetched: the gateway may have been away when the upstream finished it,
// or the clock have jumped. It is paid for.
const lateGrace = time.Minute

// expire ends the tasks whose start deadline or deadline has passed. Accepted
// ones get a last look, counted from when this process has first seen that they
// are late.
func (q *Queue) expire(ctx context.Context) error {
	tasks, err := q.store.Overdue(ctx, 500)
	if err != nil {
		return err
	}
	late := make(map[string]time.Time, len(tasks))
	var errs []error
	for _, task := range tasks {
		since, seen := q.late[task.ID]
		if !seen {
			since = time.Now()
		}
		late[task.ID] = since
		grace := min(lateGrace, time.Duration(task.RunDeadline-task.StartedAt)*time.Millisecond)
		if (task.Status == store.Polling || task.Status == store.Downloading) && time.Since(since) < grace {
			continue
		}
		errs = append(errs, q.timeOut(ctx, task.ID))
	}
	q.late = late
	return errors.Join(errs...)
}

// timeOut ends a task if its time is over.
func (q *Queue) timeOut(ctx context.Context, id string) error {
	task, accepted, err := q.stopTask(ctx, id, func(t *store.Task) (store.Ending, bool) {
		e := store.Ending{Status: store.Failed, ErrorKind: string(upstream.Timeout)}
		now := time.Now().UnixMilli()
		if t.Status == store.Queued {
			e.ErrorMessage = fmt.Sprintf("the task did not start within %s", time.Duration(t.StartDeadline-t.CreatedAt)*time.Millisecond)
			return e, t.StartDeadline <= now
		}
		e.ErrorMessage = fmt.Sprintf("the task was not ready %s after its start, when its time was over",
			(time.Duration(t.RunDeadline-t.StartedAt) * time.Millisecond).Round(time.Second))
		if t.Status == store.Downloading && t.ErrorMessage != "" {
			// The upstream has made the result and could not deliver it.
			e.ErrorKind = string(upstream.FileTransfer)
			e.ErrorMessage += "; the result could not be fetched: " + t.ErrorMessage
		}
		return e, t.RunDeadline <= now
	})
	switch {
	case errors.Is(err, ErrEnded), errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound):
		return nil
	case err == nil:
		q.tellStopped(ctx, task)
	}
	if err == nil && accepted {
		// An upstream that does not answer must not delay the other deadlines.
		q.owned.Go(func() { q.stopUpstream(context.WithoutCancel(ctx), task) })
	}
	return err
}
