package queue

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// settle writes down what became of an attempt. The upstream's answer must not
// be lost because the node is stopping or the database is away for a moment:
// nobody could tell again what it was.
func (q *Queue) settle(ctx context.Context, fn func(*store.Tx) error) error {
	pause := 100 * time.Millisecond
	for {
		err := q.store.Write(context.WithoutCancel(ctx), store.Durable, fn)
		if !errors.Is(err, store.ErrUnavailable) || q.halted() {
			return err
		}
		q.log.Error("the answer of an upstream cannot be written down yet", zap.Duration("again_in", pause), zap.Error(err))
		// That the task was cancelled meanwhile does not end the wait.
		select {
		case <-time.After(pause):
		case <-q.halt:
		}
		pause = min(pause*2, 5*time.Second)
	}
}

// stopped reports whether the step's node stops, and not only the task.
func stopped(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), rivertype.ErrJobCancelledRemotely)
}

// halted reports whether this node waits for its steps no longer. The context of
// a step does not tell: it keeps the first cause of its end, which may be that the
// task was cancelled.
func (q *Queue) halted() bool {
	select {
	case <-q.halt:
		return true
	default:
		return false
	}
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
	results, err := json.Marshal(s.Results)
	if err != nil {
		return 0, err
	}
	var orphan bool
	err = q.settle(ctx, func(tx *store.Tx) error {
		current, err := tx.Task(task.ID)
		if orphan = errors.Is(err, store.ErrNotFound); orphan {
			return q.pool.Works(tx, task.SessionID, task.Upstream) // it was cancelled and deleted meanwhile
		}
		if err != nil {
			return err
		}
		orphan = current.Status == store.Cancelled || current.Status == store.Failed || current.Attempt != task.Attempt
		err = tx.Settle(task.ID, task.Attempt, store.Accepted, s.Ref, "", "")
		if orphan && errors.Is(err, store.ErrConflict) {
			return nil // settled by a write whose answer was lost
		}
		if err != nil {
			return err
		}
		if err := q.pool.Works(tx, task.SessionID, task.Upstream); err != nil || orphan {
			return err
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
	q.attempted(task, attemptAccepted)
	q.log.Info("attempt accepted", q.about(ctx, task, zap.String("upstream_task", s.Ref), zap.Bool("ended_meanwhile", orphan))...)
	switch {
	case s.State == upstream.Succeeded:
		return 0, nil // download at once, unless it was cancelled: there is nothing to stop
	case orphan:
		task.Ref = s.Ref
		q.stopUpstream(context.WithoutCancel(ctx), task)
		return 0, nil
	}
	return q.pollInterval(s.PollAfter, 0), nil
}

// settleFault writes down that the attempt failed and applies the fault table to
// its task and session, in one transaction.
func (q *Queue) settleFault(ctx context.Context, task *store.Task, fault *upstream.Error) error {
	switch {
	case !stopped(ctx):
	case fault.Kind == upstream.InDoubt:
		// The node stops with the call on the wire. The row says "sending", and
		// whoever runs this step next resolves the doubt.
		return ctx.Err()
	case fault.NotAccepted && (errors.Is(fault, context.Cause(ctx)) || errors.Is(fault, context.Canceled)):
		// The node stops and the request has not left: that is no fault of anybody,
		// and whoever runs this step next sends it.
		err := q.settle(ctx, func(tx *store.Tx) error { return tx.Unsend(task, q.node.id) })
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
		return ctx.Err()
	}
	state, outcome := store.InDoubt, attemptInDoubt
	switch {
	case fault.NotAccepted:
		state, outcome = store.Rejected, attemptRefused
	case fault.Kind == upstream.GenerationFailed || fault.Kind == upstream.ContentRisk:
		state, outcome = store.Accepted, attemptFailed // tried and refused: that is an answer
	}
	effect := pool.Faults[fault.Kind]
	maxFailovers := q.settings.Load().MaxFailovers
	// What came of it; the write may be tried more than once.
	became, tell := outcome, func() {}
	err := q.settle(ctx, func(tx *store.Tx) error {
		became, tell = outcome, func() {}
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
		if current.Status.Ended() && fault.NotAccepted && current.Money != NotStarted {
			return tx.SetMoney(current, NotStarted) // the stop came in time after all
		}
		if current.Status != store.Submitting {
			return nil
		}
		if fault.NotAccepted && effect.Bench {
			became = attemptPutBack
			tell = func() {
				q.log.Info("task put back", q.about(ctx, task, zap.String("kind", string(fault.Kind)), zap.String("reason", fault.Message))...)
			}
			return tx.Requeue(current, false, words(fault))
		}
		if fault.NotAccepted && effect.Failover && current.Failovers < maxFailovers {
			became = attemptFailedOver
			tell = func() {
				q.log.Info("another session takes over", q.about(ctx, task, zap.String("kind", string(fault.Kind)), zap.String("reason", fault.Message))...)
			}
			return tx.Requeue(current, true, words(fault))
		}
		tell = func() { q.tellFailed(ctx, task, fault, state) }
		return q.fail(tx, current, fault, state)
	})
	if err == nil {
		q.attempted(task, became)
		tell()
	}
	return err
}

// failure is why a request failed, also if a driver does not say.
func failure(p upstream.Progress) *upstream.Error {
	if p.Failure == nil {
		return &upstream.Error{Kind: upstream.GenerationFailed, Message: "the upstream says that it failed, and not why"}
	}
	return p.Failure
}

// doubtful goes before the reason why nobody can tell what became of an attempt.
const doubtful = "The upstream may have accepted the task and may charge for it; that cannot be told. " +
	"It is not sent again by itself; retry it if you accept that it may be paid twice. Cause: "

// fail ends a task with the upstream's word, and says so if that leaves open
// whether its last attempt was paid; those before were surely not accepted.
func (q *Queue) fail(tx *store.Tx, task *store.Task, fault *upstream.Error, last store.AttemptState) error {
	message := fault.Message
	if last == store.InDoubt {
		message = doubtful + message
	}
	if err := tx.CountOutcome(task.SessionID, false); err != nil {
		return err
	}
	return tx.End(task, store.Ending{Status: store.Failed, ErrorKind: string(fault.Kind.Public()), ErrorMessage: message, Fault: words(fault),
		Unspent: last == store.Rejected})
}

// words is a fault as the history of a task tells it.
func words(fault *upstream.Error) *store.Fault {
	message := fault.Message
	if message == "" && fault.Err != nil {
		message = fault.Err.Error()
	}
	return &store.Fault{Kind: string(fault.Kind.Public()), Code: fault.Code, Message: message}
}
