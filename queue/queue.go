// Package queue is the life of tasks: admission, the one paid submit, polls,
// downloads, the end. Background steps run on River; the task's row is the
// truth, and a job carries nothing but its id.
package queue

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Config is what a queue works with.
type Config struct {
	Store   *store.Store
	Pool    *pool.Pool
	Blobs   blob.Store
	DataDir string // where the node keeps its identity
	Logger  *zap.Logger
	Slogger *slog.Logger // for River
}

// Settings are what a reload may change.
type Settings struct {
	Upstreams     map[string]Upstream
	Concurrency   int           // most running tasks in the whole gateway, 0 for no limit
	PollInterval  time.Duration // between polls of a task, unless the upstream asks for another
	StartDeadline time.Duration // most time in the queue
	Deadline      time.Duration // most time from submit to end
	RunDeadline   time.Duration // most time of one attempt, 0 for no limit of its own
	MaxFailovers  int           // times that another session takes over
	ProbeInterval time.Duration // see [pool.Pool.ProbeEvery]
	KeepMaterials time.Duration // how long materials that no task uses are kept, 0 for ever
	Retention     Retention
	Zone          *time.Location // whose days quotas and usage are counted by, nil for UTC

	Models map[string]ModelSettings // by ID; see [Settings.Check]
}

// Upstream is a configured upstream.
type Upstream struct {
	Driver      upstream.Driver
	Concurrency int // most running attempts, 0 for as many as its sessions have slots
}

// Queue runs tasks.
type Queue struct {
	store  *store.Store
	pool   *pool.Pool
	blobs  blob.Store
	log    *zap.Logger
	node   *node
	engine engine
	feed   *feed

	mu       sync.Mutex
	stack    []*Settings // the last one is in force
	settings atomic.Pointer[Settings]
	models   atomic.Pointer[catalogue] // the last that was made

	steady    atomic.Int64 // since when this node's heartbeats have been in time, Unix milliseconds; 0 when they are not
	stopping  atomic.Bool
	turned    atomic.Int64       // the last turn of maintenance, Unix milliseconds, 0 before the first
	clockBack atomic.Int64       // when the clock was last found to have gone back, Unix milliseconds
	halt      chan struct{}      // closed when steps are not waited for any longer
	cancel    context.CancelFunc // ends maintenance
	owned     sync.WaitGroup

	// unsent are attempts whose intent could not be written down for sure, and
	// that were therefore not sent: this process knows, the row may not.
	unsent sync.Map
	// sending are the attempts whose call is on the wire in this process.
	sending sync.Map
	// working are the ids of the jobs that this process runs.
	working sync.Map
	// late are tasks whose time is over, and since when that is known; only
	// maintenance uses it.
	late map[string]time.Time
	// pollFaults counts polls of a task in a row that learnt nothing.
	pollFaults sync.Map
	polls      sync.Map // upstream name → *pollRoom

	album   album
	mirrors mirrors
	storage storageWatch
	names   names
	audited atomic.Pointer[audit] // the last time that everything kept was looked at

	metrics metrics
	tracing tracing
}

// New prepares a queue; nothing runs before [Queue.Start].
func New(ctx context.Context, c Config) (*Queue, error) {
	q := &Queue{store: c.Store, pool: c.Pool, blobs: c.Blobs, log: c.Logger, halt: make(chan struct{}),
		metrics: newMetrics(), tracing: tracing{log: c.Logger}}
	q.settings.Store(&Settings{})
	var err error
	if q.node, err = claimNode(c.DataDir); err != nil {
		return nil, err
	}
	if q.engine, err = newEngine(q, c.Slogger); err != nil {
		return nil, errors.Join(err, q.node.release())
	}
	q.store.OnChange(q.admit)
	q.store.OnCommit(q.committed)
	q.feed = newFeed(q.store, c.Logger)
	return q, nil
}

// Start takes up what this node was doing when it stopped, and begins to work.
func (q *Queue) Start(ctx context.Context) error {
	if err := q.store.EnsureImplicitKeys(ctx); err != nil {
		return err
	}
	if err := q.store.Heartbeat(ctx, q.node.id); err != nil {
		return err
	}
	if err := q.reclaim(ctx, q.node.id); err != nil {
		return err
	}
	// The engine outlives the context of whoever starts it.
	if err := q.engine.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	q.turned.Store(time.Now().UnixMilli())
	q.steady.Store(time.Now().UnixMilli()) // the heartbeat above
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	q.cancel = cancel
	q.owned.Go(func() { q.stayAlive(background) })
	q.owned.Go(func() { q.maintain(background) })
	q.owned.Go(func() { q.askUpstreams(background) })
	q.owned.Go(func() { q.feed.run(background) })
	return nil
}

// Stop takes no new work, waits for calls on the wire until ctx ends, and leaves
// the rest to the next start or another node. It works once.
func (q *Queue) Stop(ctx context.Context) error {
	if q.stopping.Swap(true) {
		return nil
	}
	if q.cancel == nil {
		return q.node.release() // never started
	}
	err := q.engine.Stop(ctx)
	close(q.halt)
	if err != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		err = q.engine.StopAndCancel(last)
		cancel()
	}
	q.cancel()
	q.owned.Wait()
	q.tracing.stop()
	return errors.Join(err, q.node.release())
}

// Configure puts settings in force. The function that it returns takes them
// away again; the settings before them hold again if they were the last.
func (q *Queue) Configure(s Settings) (revert func()) {
	own := &s
	q.mu.Lock()
	q.stack = append(q.stack, own)
	q.use()
	q.mu.Unlock()
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.stack = slices.DeleteFunc(q.stack, func(other *Settings) bool { return other == own })
		q.use()
	}
}

// use puts the top of the stack in force. With nothing left, the last settings
// stay: the engine is about to stop, and running steps may still need a driver.
func (q *Queue) use() {
	if len(q.stack) == 0 {
		return
	}
	s := q.stack[len(q.stack)-1]
	drivers := make(map[string]upstream.Driver, len(s.Upstreams))
	for name, u := range s.Upstreams {
		drivers[name] = u.Driver
	}
	q.pool.Configure(drivers)
	q.pool.ProbeEvery(s.ProbeInterval)
	q.store.SetZone(s.Zone)
	q.settings.Store(s)
	q.metrics.expect(s)
}

// Kick runs admission, for when something changed that no write has told.
func (q *Queue) Kick(ctx context.Context) error {
	return q.store.Write(ctx, store.Relaxed, func(tx *store.Tx) error {
		tx.Wake()
		return nil
	})
}

// Task returns a task of the key, or of any key if keyID is "".
func (q *Queue) Task(ctx context.Context, keyID, id string) (*store.Task, error) {
	return q.store.Task(ctx, keyID, id)
}

// Stats counts the tasks of the key, or of all keys if keyID is "".
func (q *Queue) Stats(ctx context.Context, keyID string) (map[store.Status]int64, error) {
	return q.store.Stats(ctx, keyID)
}
