package queue

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	// maxPolls is how many polls a node runs at once on one upstream.
	maxPolls = 64
	// slowAfter polls the pause grows, up to slowest times the interval: a task
	// that takes an hour need not be asked for every five seconds.
	slowAfter, slowest = 30, 4
	// maxWaiting is how many more wait for their turn. Beyond, polls are left out:
	// an upstream that hangs must not hold all workers.
	maxWaiting = 1000
	// maxPollPause bounds the pause after polls that failed.
	maxPollPause = 2 * time.Minute
	// maxAsked bounds the pause that an upstream may ask for: its generation goes
	// on meanwhile, and the links to its results do not live for ever.
	maxAsked = 5 * time.Minute
)

// poll asks the upstream for the state of the task and returns when to ask
// again. That a poll fails says nothing about the task.
func (q *Queue) poll(ctx context.Context, task *store.Task) (time.Duration, error) {
	driver, session, err := q.open(ctx, task)
	if err != nil {
		// Only a change of the configuration can help; until then the deadline runs.
		return q.pollFailed(ctx, task, err), nil
	}
	room := q.pollRoom(task.Upstream)
	last := time.Now().UnixMilli() >= task.RunDeadline
	if entered, err := room.enter(ctx, last); err != nil || !entered {
		return q.pollInterval(0, task.Polls), err
	}
	began := time.Now()
	progress, err := driver.Poll(ctx, session, task.Ref)
	room.leave()
	if ctx.Err() == nil {
		q.polled(task, err)
		q.tracePoll(ctx, task, began, progress, err)
	}
	if err != nil {
		return q.pollFault(ctx, task, err)
	}
	q.pollFaults.Delete(task.ID)
	switch progress.State {
	case upstream.Succeeded:
		results, err := json.Marshal(progress.Results)
		if err != nil {
			return 0, err
		}
		return 0, q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error { return tx.HasResults(task, task.Ref, string(results)) })
	case upstream.Failed:
		fault := failure(progress)
		err := q.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
			if err := q.pool.Fault(tx, task.SessionID, task.Upstream, fault); err != nil {
				return err
			}
			return q.fail(tx, task, fault, store.Accepted)
		})
		if err == nil {
			q.tellFailed(ctx, task, fault, store.Accepted)
		}
		return 0, err
	default:
		err := q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error {
			return tx.Progress(task, progress.QueuePosition, progress.QueueTotal, progress.QueueETA)
		})
		return q.pollInterval(progress.PollAfter, task.Polls), err
	}
}

// pollFault notes what an unanswered poll says of the session and the upstream.
func (q *Queue) pollFault(ctx context.Context, task *store.Task, cause error) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	fault := asFault(cause)
	if effect := pool.Faults[fault.Kind]; effect.Session != "" || effect.Bench || fault.Unreachable {
		err := q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error {
			return q.pool.Fault(tx, task.SessionID, task.Upstream, fault)
		})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
	}
	return max(q.pollFailed(ctx, task, cause), min(fault.RetryAfter, maxAsked)), nil
}

// pollFailed counts a poll that learnt nothing and returns the growing pause.
func (q *Queue) pollFailed(ctx context.Context, task *store.Task, cause error) time.Duration {
	faults, pause := q.pauseAfterFault(task.ID)
	if faults == 1 { // the rest of the row tells nothing new
		q.noteFault(ctx, task, cause)
	}
	q.log.Warn("poll failed", q.about(ctx, task, zap.Int("in_a_row", faults), zap.Duration("again_in", pause), zap.Error(cause))...)
	return pause
}

// pauseAfterFault counts a fault and returns how many there were in a row, and
// the pause that grows with them.
func (q *Queue) pauseAfterFault(taskID string) (faults int, pause time.Duration) {
	before, _ := q.pollFaults.LoadOrStore(taskID, 0)
	faults = before.(int) + 1
	q.pollFaults.Store(taskID, faults)
	pause = q.settings.Load().PollInterval
	for range min(faults, 10) {
		pause = min(pause*2, maxPollPause)
	}
	return faults, jitter(pause)
}

// noteFault writes into the task's history why its state or its result could not
// be fetched. The task goes on without it.
func (q *Queue) noteFault(ctx context.Context, task *store.Task, cause error) {
	what := store.PollFailed
	if task.Status == store.Downloading {
		what = store.MirrorFail
	}
	fault := &store.Fault{Message: cause.Error()}
	if e, ok := errors.AsType[*upstream.Error](cause); ok {
		fault = words(e)
	}
	err := q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error { return tx.Note(task, what, fault) })
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrConflict) { // it may have been cancelled meanwhile
		q.log.Warn("note in the history failed", q.about(ctx, task, zap.Error(err))...)
	}
}

// pollInterval is the pause before the next poll: the upstream's wish, or the
// configured interval that grows with the number of polls.
func (q *Queue) pollInterval(asked time.Duration, polls int) time.Duration {
	if asked > 0 {
		return jitter(min(asked, maxAsked))
	}
	interval := q.settings.Load().PollInterval
	if polls > slowAfter {
		interval *= time.Duration(min(1+(polls-slowAfter)/slowAfter, slowest))
	}
	return jitter(interval)
}

// jitter adds up to 2 %, so that tasks that were admitted together are not
// polled together for ever. More would make some sessions quicker than others.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/50+1) }

// pollRoom bounds the polls of an upstream. Those that wait do so in their steps,
// because to end a step and run it again costs more than a poll.
type pollRoom struct{ polling, waiting chan struct{} }

func (q *Queue) pollRoom(upstreamName string) *pollRoom {
	room, ok := q.polls.Load(upstreamName)
	if !ok {
		room, _ = q.polls.LoadOrStore(upstreamName, &pollRoom{make(chan struct{}, maxPolls), make(chan struct{}, maxWaiting)})
	}
	return room.(*pollRoom)
}

// enter waits for room, and says no if too many wait already, unless it must be.
func (r *pollRoom) enter(ctx context.Context, must bool) (bool, error) {
	select {
	case r.polling <- struct{}{}:
		return true, nil
	default:
	}
	if !must {
		select {
		case r.waiting <- struct{}{}:
			defer func() { <-r.waiting }()
		default:
			return false, nil
		}
	}
	select {
	case r.polling <- struct{}{}:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (r *pollRoom) leave() { <-r.polling }
