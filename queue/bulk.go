package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Delete removes a task that has ended, with its history and its artifacts.
func (q *Queue) Delete(ctx context.Context, keyID, id string) error {
	task, err := q.store.Task(ctx, keyID, id)
	if err != nil {
		return err
	}
	err = q.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		if task, err = tx.Task(id); err != nil {
			return err
		}
		if !task.Status.Ended() {
			return ErrNotEnded
		}
		if err := tx.DeleteTask(task); err != nil {
			return err
		}
		return tx.Audit(store.Act{Action: "task.delete", TargetKind: "task", TargetID: id,
			Was: store.Facts{"status": task.Status, "model": task.Model, "key": task.KeyID}})
	})
	if err == nil {
		q.log.Info("task deleted", q.about(ctx, task, zap.String("status", string(task.Status)))...)
		q.discard(ctx, task.Artifacts) // a crash before this leaves files for the sweep
	}
	return err
}

// Action is what can be done to many tasks at once.
type Action string

const (
	CancelAll Action = "cancel"
	RetryAll  Action = "retry"
	DeleteAll Action = "delete"
)

const (
	// bulkMost is how many tasks one call acts on.
	bulkMost = 10_000
	// bulkTime bounds one call; whoever asked calls again for the rest.
	bulkTime = time.Minute
	// bulkAtOnce is how many are on their way: enough to share the commits.
	bulkAtOnce = 64
	// bulkFailures is how many failures are told one by one.
	bulkFailures = 100
)

// Bulk is what became of many tasks.
type Bulk struct {
	Matched  int
	Done     int
	Skipped  int // moved on meanwhile, so that the action no longer fits
	Failed   int
	Failures []BulkFailure // the first of them
	More     bool          // there may be more tasks that match
	Running  int           // of the matched ones, tasks that an upstream has and may charge for
}

// BulkFailure is why one task was left as it is.
type BulkFailure struct {
	ID  string
	Err error
}

// suits lists the statuses that an action is possible in.
func (a Action) suits() []store.Status {
	if a == CancelAll {
		return []store.Status{store.Queued, store.Submitting, store.Polling, store.Downloading}
	}
	return []store.Status{store.Succeeded, store.Failed, store.Cancelled}
}

// Bulk does the action to all tasks that f chooses and that are in a status that
// it is possible in. With dryRun it only counts them. The tasks are chosen first,
// so those that a retry makes are not among them. Each is retried once: whoever
// calls again for the rest, or because the answer was lost, must not pay twice.
func (q *Queue) Bulk(ctx context.Context, action Action, f store.TaskFilter, dryRun bool) (*Bulk, error) {
	result := &Bulk{}
	wanted := f.Statuses
	f.Statuses = nil
	for _, status := range action.suits() {
		if len(wanted) == 0 || slices.Contains(wanted, status) {
			f.Statuses = append(f.Statuses, status)
		}
	}
	if len(f.Statuses) == 0 {
		return result, nil
	}
	f.NotRetried = action == RetryAll
	started := time.Now()
	ids, err := q.choose(ctx, f, result)
	if err != nil || dryRun {
		return result, err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bulkAtOnce)
	for _, id := range ids {
		if time.Since(started) > bulkTime {
			result.More = true
			break
		}
		group.Go(func() error {
			err := q.act(ctx, action, f.KeyID, id)
			mu.Lock()
			defer mu.Unlock()
			return result.note(id, err)
		})
	}
	return result, group.Wait()
}

// choose reads the ids first, a page at a time.
func (q *Queue) choose(ctx context.Context, f store.TaskFilter, result *Bulk) (ids []string, err error) {
	for next := ""; len(ids) < bulkMost; {
		var tasks []*store.Task
		if tasks, next, err = q.store.Tasks(ctx, f, next, min(500, bulkMost-len(ids))); err != nil {
			return nil, err
		}
		for _, task := range tasks {
			ids = append(ids, task.ID)
			if !task.Status.Ended() && task.Status != store.Queued {
				result.Running++
			}
		}
		result.Matched, result.More = len(ids), next != ""
		if next == "" {
			break
		}
	}
	return ids, nil
}

func (q *Queue) act(ctx context.Context, action Action, keyID, id string) error {
	switch action {
	case CancelAll:
		_, err := q.Cancel(ctx, keyID, id)
		return err
	case RetryAll:
		n, err := q.again(ctx, keyID, id)
		if err != nil {
			return err
		}
		n.firstOnly = true
		_, err = q.Submit(ctx, n)
		return err
	default:
		return q.Delete(ctx, keyID, id)
	}
}

// note counts what became of one task. It returns an error only if going on with
// the others makes no sense.
func (b *Bulk) note(id string, err error) error {
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.Canceled) {
		return err
	}
	switch {
	case err == nil:
		b.Done++
	case errors.Is(err, ErrEnded), errors.Is(err, ErrNotEnded), errors.Is(err, ErrRetried), errors.Is(err, store.ErrNotFound):
		b.Skipped++
	default:
		b.Failed++
		if len(b.Failures) < bulkFailures {
			b.Failures = append(b.Failures, BulkFailure{id, err})
		}
	}
	return nil
}
