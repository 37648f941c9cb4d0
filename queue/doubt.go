package queue

import (
	"context"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

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
		err := q.settle(ctx, func(tx *store.Tx) error {
			if err := tx.Settle(task.ID, task.Attempt, store.Rejected, "", "", "the upstream never got the request"); err != nil {
				return err
			}
			return tx.Requeue(task, false, &store.Fault{Message: "the upstream never got the request"})
		})
		if err == nil {
			q.attempted(task, attemptPutBack)
		}
		return err
	default:
		_, err := q.settleAccepted(ctx, task, upstream.Submission{Ref: ref})
		return err
	}
}
