package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
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
			return river.JobSnooze(wait)
		}
	}
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
	attempts, err := q.store.Attempts(ctx, task.ID)
	if err != nil {
		return 0, err
	}
	if a := attempts[len(attempts)-1]; a.State == store.Sending {
		return q.interrupted(ctx, driver, session, task, a)
	}
	r := request(task, q.material)
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
	call, cancel := context.WithDeadline(ctx, time.UnixMilli(task.RunDeadline))
	submission, err := driver.Submit(call, session, r)
	cancel()
	if err != nil {
		return 0, q.settleFault(ctx, task, asFault(err))
	}
	return q.settleAccepted(ctx, task, submission)
}

func attemptKey(task *store.Task) string { return fmt.Sprintf("%s/%d", task.ID, task.Attempt) }

// busyElsewhere is the pause of a step that another run of it is busy with.
const busyElsewhere = 5 * time.Second

// interrupted goes on with an attempt that was being sent when its step ended,
// unless it still is: by another run in this process, or by a node that lives.
func (q *Queue) interrupted(ctx context.Context, driver upstream.Driver, session upstream.Session, task *store.Task, a *store.Attempt) (time.Duration, error) {
	if _, sending := q.sending.Load(attemptKey(task)); sending {
		return busyElsewhere, nil
	}
	if a.Node != q.node.id {
		alive, err := q.store.NodeAlive(ctx, a.Node, deadAfter)
		if err != nil || alive {
			return busyElsewhere, err
		}
		return 0, q.resolveDoubt(ctx, driver, session, task)
	}
	if _, known := q.unsent.Load(attemptKey(task)); !known {
		return 0, q.resolveDoubt(ctx, driver, session, task)
	}
	err := q.store.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.Unsend(task, q.node.id) })
	if err == nil {
		q.unsent.Delete(attemptKey(task))
	}
	return 0, err
}

// settle writes down what became of an attempt. The upstream's answer must not
// be lost because the node is stopping or the database is away for a moment:
// nobody could tell again what it was.
func (q *Queue) settle(ctx context.Context, fn func(*store.Tx) error) error {
	pause := 100 * time.Millisecond
	for {
		err := q.store.Write(context.WithoutCancel(ctx), store.Durable, fn)
		if !errors.Is(err, store.ErrUnavailable) || stopped(ctx) {
			return err
		}
		q.log.Error("the answer of an upstream cannot be written down yet", zap.Duration("again_in", pause), zap.Error(err))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(pause*2, 5*time.Second)
	}
}

// stopped reports whether the step's node stops, and not only the task.
func stopped(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), rivertype.ErrJobCancelledRemotely)
}

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
	if err != nil {
		return nil, upstream.Session{}, err // nothing is wrong with the session
	}
	return driver, session, nil
}

// material lets a driver read a stored material, as often as it needs to.
func (q *Queue) material(m store.Material) upstream.Material {
	material := upstream.Material{Kind: upstream.MediaKind(m.Kind), Name: m.Name, ContentType: m.ContentType, Size: m.Size, URL: m.URL}
	if m.Blob != "" {
		material.Open = func(ctx context.Context) (io.ReadCloser, error) { return q.blobs.Open(ctx, m.Blob) }
	}
	return material
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

// asFault makes sure that an error has a kind. One without says nothing about
// acceptance, so there is a doubt.
func asFault(err error) *upstream.Error {
	if fault, ok := errors.AsType[*upstream.Error](err); ok {
		return fault
	}
	return &upstream.Error{Kind: upstream.InDoubt, Message: err.Error(), Err: err}
}

// settleAccepted writes down that the upstream accepted the attempt.
func (q *Queue) settleAccepted(ctx context.Context, task *store.Task, s upstream.Submission) (time.Duration, error) {
	if s.State == upstream.Failed {
		return 0, q.settleFault(ctx, task, failure(s.Progress))
	}
	results, err := json.Marshal(s.Results)
	if err != nil {
		return 0, err
	}
	var orphan bool
	err = q.settle(ctx, func(tx *store.Tx) error {
		if err := tx.Settle(task.ID, task.Attempt, store.Accepted, s.Ref, "", ""); err != nil {
			return err
		}
		if err := q.pool.Works(tx, task.SessionID, task.Upstream); err != nil {
			return err
		}
		current, err := tx.Task(task.ID)
		if err != nil {
			return err
		}
		if orphan = current.Status != store.Submitting || current.Attempt != task.Attempt; orphan {
			return nil // it was cancelled meanwhile
		}
		if s.State == upstream.Succeeded {
			return tx.HasResults(current, s.Ref, string(results))
		}
		if err := tx.Accept(current, s.Ref); err != nil {
			return err
		}
		return tx.Progress(current, s.QueuePosition, s.QueueTotal, s.QueueETA)
	})
	if err != nil {
		return 0, err
	}
	if orphan {
		task.Ref = s.Ref
		q.stopUpstream(context.WithoutCancel(ctx), task)
		return 0, nil
	}
	if s.State == upstream.Succeeded {
		return 0, nil // download at once
	}
	return q.pollInterval(s.PollAfter, 0), nil
}

// settleFault writes down that the attempt failed and applies the fault table to
// its task and session, in one transaction.
func (q *Queue) settleFault(ctx context.Context, task *store.Task, fault *upstream.Error) error {
	if fault.Kind == upstream.InDoubt && stopped(ctx) {
		// The node stops with the call on the wire. The row says "sending", and
		// whoever runs this step next resolves the doubt.
		return ctx.Err()
	}
	state := store.InDoubt
	switch {
	case fault.NotAccepted:
		state = store.Rejected
	case fault.Kind == upstream.GenerationFailed || fault.Kind == upstream.ContentRisk:
		state = store.Accepted // tried and refused: that is an answer
	}
	effect := pool.Faults[fault.Kind]
	maxFailovers := q.settings.Load().MaxFailovers
	return q.settle(ctx, func(tx *store.Tx) error {
		if err := tx.Settle(task.ID, task.Attempt, state, "", string(fault.Kind), fault.Message); err != nil {
			return err
		}
		if state == store.Accepted {
			if err := q.pool.Works(tx, task.SessionID, task.Upstream); err != nil {
				return err
			}
		}
		if err := q.pool.Fault(tx, task.SessionID, task.Upstream, fault); err != nil {
			return err
		}
		current, err := tx.Task(task.ID)
		if err != nil {
			return err
		}
		if current.Attempt != task.Attempt {
			return nil
		}
		if current.Status.Ended() && fault.NotAccepted {
			return tx.SetMoney(task.ID, NotStarted) // the stop came in time after all
		}
		if current.Status != store.Submitting {
			return nil
		}
		if fault.NotAccepted && effect.Bench {
			return tx.Requeue(current, false)
		}
		if fault.NotAccepted && effect.Failover && current.Failovers < maxFailovers {
			q.log.Info("another session takes over", zap.String("task", task.ID), zap.String("session", task.SessionID),
				zap.String("kind", string(fault.Kind)), zap.String("reason", fault.Message))
			return tx.Requeue(current, true)
		}
		return q.fail(tx, current, fault, state == store.InDoubt)
	})
}

// failure is why a request failed, also if a driver does not say.
func failure(p upstream.Progress) *upstream.Error {
	if p.Failure == nil {
		return &upstream.Error{Kind: upstream.GenerationFailed, Message: "the upstream says that it failed, and not why"}
	}
	return p.Failure
}

// fail ends a task with the upstream's word, and says so if that leaves open
// whether it was paid.
func (q *Queue) fail(tx *store.Tx, task *store.Task, fault *upstream.Error, doubt bool) error {
	message := fault.Message
	if doubt {
		message = "The upstream may have accepted the task and may charge for it; that cannot be told. " +
			"It is not sent again by itself; retry it if you accept that it may be paid twice. Cause: " + message
	}
	if err := tx.CountOutcome(task.SessionID, false); err != nil {
		return err
	}
	q.log.Info("task failed", zap.String("task", task.ID), zap.String("kind", string(fault.Kind)), zap.String("reason", fault.Message))
	return tx.End(task, store.Ending{Status: store.Failed, ErrorKind: string(fault.Kind.Public()), ErrorMessage: message})
}

// resolveDoubt finds out what became of an attempt whose outcome was not written
// down: this node or another died while it was on the wire.
func (q *Queue) resolveDoubt(ctx context.Context, driver upstream.Driver, session upstream.Session, task *store.Task) error {
	lost := &upstream.Error{Kind: upstream.InDoubt, Message: "the gateway stopped while the request was on its way"}
	finder, ok := driver.(upstream.Finder)
	if !ok {
		return q.settleFault(ctx, task, lost)
	}
	ref, found, err := finder.Find(ctx, session, task.ID)
	switch {
	case err != nil && asFault(err).Unreachable:
		return err // asked again, until the deadline
	case err != nil:
		return q.settleFault(ctx, task, lost)
	case !found:
		return q.settle(ctx, func(tx *store.Tx) error {
			if err := tx.Settle(task.ID, task.Attempt, store.Rejected, "", "", "the upstream never got the request"); err != nil {
				return err
			}
			return tx.Requeue(task, false)
		})
	default:
		_, err := q.settleAccepted(ctx, task, upstream.Submission{Ref: ref})
		return err
	}
}
