package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	tick = time.Second
	// safety is how often admission runs although nothing is known to have
	// changed, and how often lost jobs are looked for.
	safety = 15 * time.Second
	// pingTimeout bounds the question whether a benched upstream is back.
	pingTimeout = 5 * time.Second
)

// stayAlive beats apart from everything that may wait for an upstream: a node
// that is late is taken for dead.
func (q *Queue) stayAlive(ctx context.Context) {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	last := time.Now() // in Start
	for ; ctx.Err() == nil; wait(ctx, ticker) {
		q.try(ctx, "heartbeat", func(ctx context.Context) error {
			err := q.store.Heartbeat(ctx, q.node.id)
			if err != nil || time.Since(last) > 2*heartbeat {
				q.steady.Store(0)
			}
			if err == nil {
				last = time.Now()
				q.steady.CompareAndSwap(0, last.UnixMilli())
			}
			return err
		})
		q.try(ctx, "take over", q.takeOver)
	}
}

// maintain does what no step and no request does: it enforces deadlines and
// notices that a session's pause is over.
func (q *Queue) maintain(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var checked time.Time
	for ; ctx.Err() == nil; wait(ctx, ticker) {
		q.turned.Store(time.Now().UnixMilli())
		q.try(ctx, "end overdue tasks", q.expire)
		q.try(ctx, "notice the end of pauses", q.wake)
		if time.Since(checked) >= safety {
			checked = time.Now()
			q.try(ctx, "look for lost jobs", q.restoreJobs)
			q.try(ctx, "look for abandoned jobs", q.restoreAbandoned)
			q.try(ctx, "look for times that lie too far ahead", q.comeBack)
		}
	}
}

// askUpstreams notices that upstreams come into force and come back, apart from
// everything that must be in time: one may take its time not to answer.
func (q *Queue) askUpstreams(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var greeted *Settings
	for ; ctx.Err() == nil; wait(ctx, ticker) {
		if settings := q.settings.Load(); settings != greeted {
			greeted = settings
			q.try(ctx, "admit what new settings allow", q.Kick)
			q.greet(ctx, settings)
		}
		q.try(ctx, "ask benched upstreams", q.unbench)
	}
}

func wait(ctx context.Context, ticker *time.Ticker) {
	select {
	case <-ctx.Done():
	case <-ticker.C:
	}
}

// greet pings upstreams that have come into force, so that their drivers know
// early what they talk to and refuse what it cannot serve. One that does not
// answer is found out by the first task.
func (q *Queue) greet(ctx context.Context, s *Settings) {
	var all sync.WaitGroup
	defer all.Wait()
	for name, u := range s.Upstreams {
		all.Go(func() {
			if err := ping(ctx, u.Driver); err != nil && ctx.Err() == nil {
				q.log.Warn("upstream does not answer", zap.String("upstream", name), zap.Error(err))
			}
		})
	}
}

// ping asks an upstream whether it answers; one that cannot be asked may.
func ping(ctx context.Context, driver upstream.Driver) error {
	pinger, ok := driver.(upstream.Pinger)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return pinger.Ping(ctx)
}

func (q *Queue) try(ctx context.Context, what string, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		q.log.Error("maintenance failed", zap.String("of", what), zap.Error(err))
	}
}

// wake runs admission if tasks wait and a session's pause has ended.
func (q *Queue) wake(ctx context.Context) error {
	due, err := q.store.PauseEnded(ctx)
	if err != nil || !due {
		return err
	}
	return q.Kick(ctx)
}

// unbench asks upstreams whose pause is over whether they answer.
func (q *Queue) unbench(ctx context.Context) error {
	benched, err := q.store.Benched(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, len(benched))
	var all sync.WaitGroup
	for i, u := range benched {
		driver, ok := q.pool.Driver(u.Name)
		if !ok {
			continue
		}
		all.Go(func() {
			err := ping(ctx, driver)
			errs[i] = q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error {
				if err != nil {
					return q.pool.StillBenched(tx, u, err)
				}
				q.log.Info("upstream answers again", zap.String("upstream", u.Name))
				return tx.Unbench(u.Name, false)
			})
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// restoreJobs gives running tasks a job again that have lost theirs, whatever
// the reason: a task must not be stuck because of the engine's bookkeeping.
func (q *Queue) restoreJobs(ctx context.Context) error {
	tasks, err := q.store.WithoutJob(ctx)
	if err != nil || len(tasks) == 0 {
		return errors.Join(err, q.kickIfWaiting(ctx))
	}
	q.log.Warn("running tasks had lost their job", zap.Int("tasks", len(tasks)))
	var errs []error
	for _, task := range tasks {
		err := q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error {
			ids, err := q.engine.insert(tx, []attemptArgs{{TaskID: task.ID, Attempt: task.Attempt}})
			if err != nil {
				return err
			}
			return tx.SetJob(task, ids[0])
		})
		if !errors.Is(err, store.ErrConflict) { // another node was quicker
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// abandonedAfter is how old a running job must be before it is asked whether
// somebody runs it.
const abandonedAfter = time.Minute

// restoreAbandoned puts jobs back that River has marked as running here although
// nobody runs them, as when the answer to its fetch was lost.
func (q *Queue) restoreAbandoned(ctx context.Context) error {
	jobs, err := q.store.RunningJobs(ctx, q.node.id, abandonedAfter)
	if err != nil {
		return err
	}
	for _, id := range jobs {
		if _, working := q.working.Load(id); working {
			continue
		}
		q.log.Warn("a job was marked as running and is not", zap.Int64("job", id))
		if err := q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error { return tx.PutBack(id, q.node.id) }); err != nil {
			return err
		}
	}
	return nil
}

// comeBack mends what a clock has left behind that went back, perhaps while the
// gateway was not running: steps and pauses that would end an hour late.
func (q *Queue) comeBack(ctx context.Context) error {
	ahead, err := q.store.TooFarAhead(ctx, longestWait)
	if err != nil || !ahead {
		return err
	}
	q.clockBack.Store(time.Now().UnixMilli())
	q.log.Warn("the clock has gone back; what was to happen at times far ahead happens now")
	return q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error { return tx.ComeBack(longestWait) })
}

// kickIfWaiting is the safety net below all the events that run admission.
func (q *Queue) kickIfWaiting(ctx context.Context) error {
	counts, err := q.store.Stats(ctx, "")
	if err != nil || counts[store.Queued] == 0 {
		return err
	}
	return q.Kick(ctx)
}

type probeWorker struct {
	river.WorkerDefaults[probeArgs]
	queue *Queue
}

// Work probes the sessions whose turn it is.
func (w *probeWorker) Work(ctx context.Context, job *river.Job[probeArgs]) error {
	w.queue.working.Store(job.ID, true)
	defer w.queue.working.Delete(job.ID)
	return w.queue.pool.ProbeDue(ctx)
}
