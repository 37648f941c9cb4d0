package queue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Retention is how long things are kept; 0 is for ever, or without a bound.
type Retention struct {
	Artifacts time.Duration // from the end of a task, unless its key has a time of its own
	Tasks     time.Duration // ended tasks with everything that belongs to them
	Audit     time.Duration // lines of the audit log
	Budget    int64         // bytes of all artifacts and materials together
}

// StorageState says whether there is room.
type StorageState string

const (
	StorageOK   StorageState = "ok"
	StorageNear StorageState = "near" // the budget or the disk is nearly used up
	StorageOver StorageState = "over" // the files of the oldest tasks are being deleted
)

// rank orders the states by how bad they are.
func (s StorageState) rank() int {
	switch s {
	case StorageOver:
		return 2
	case StorageNear:
		return 1
	default:
		return 0
	}
}

// Storage is how much room the files take, in bytes, and how much there is.
type Storage struct {
	Artifacts int64
	Materials int64
	Retention Retention
	DiskFree  int64
	DiskTotal int64 // 0 when the blob store cannot tell
	State     StorageState
	Message   string // for people, "" when all is well
}

// Used is what counts against the budget.
func (s *Storage) Used() int64 { return s.Artifacts + s.Materials }

const (
	// nearBudget of the budget is where warnings begin, in per cent.
	nearBudget = 90
	// A disk is nearly full with less than either of these left.
	scarceShare = 5 // per cent
	scarceBytes = 1 << 30
	// storageAge is how old an answer of [Queue.Storage] may be.
	storageAge = 10 * time.Second
)

// judge finds the state and the words for it.
func (s *Storage) judge() {
	s.State, s.Message = StorageOK, ""
	budget := s.Retention.Budget
	switch {
	case budget > 0 && s.Used() > budget:
		s.State = StorageOver
		s.Message = fmt.Sprintf("Files take %s, the budget is %s: unused materials and then the files of the tasks that ended first are deleted until they fit.",
			amount(s.Used()), amount(budget))
	case budget > 0 && s.Used() >= budget/100*nearBudget:
		s.State = StorageNear
		s.Message = fmt.Sprintf("Files take %s of the budget of %s; when they exceed it, unused materials and then the files of the tasks that ended first are deleted.",
			amount(s.Used()), amount(budget))
	}
	if s.DiskTotal > 0 && (s.DiskFree < scarceBytes || s.DiskFree < s.DiskTotal/100*scarceShare) {
		if s.State == StorageOK {
			s.State = StorageNear
		} else {
			s.Message += " "
		}
		s.Message += fmt.Sprintf("The disk is nearly full: %s of %s are left.", amount(s.DiskFree), amount(s.DiskTotal))
	}
}

// amount is a number of bytes for people.
func amount(n int64) string { return humanize.IBytes(uint64(max(0, n))) }

// storageWatch remembers what was measured last and what was said about it.
type storageWatch struct {
	measuring singleflight.Group

	mu   sync.Mutex
	at   time.Time
	last Storage
	said StorageState
}

// Storage tells how much room the files take; the answer is some seconds old at
// most.
func (q *Queue) Storage(ctx context.Context) (Storage, error) {
	retention := q.settings.Load().Retention
	q.storage.mu.Lock()
	last, at := q.storage.last, q.storage.at
	q.storage.mu.Unlock()
	if time.Since(at) < storageAge && last.Retention == retention {
		return last, nil
	}
	result := q.storage.measuring.DoChan("", func() (any, error) {
		s, err := q.measure(context.WithoutCancel(ctx), retention)
		if err == nil {
			q.storage.mu.Lock()
			defer q.storage.mu.Unlock()
			q.storage.last, q.storage.at = s, time.Now()
		}
		return s, err
	})
	select { // a disk that hangs keeps nobody waiting for ever
	case r := <-result:
		return r.Val.(Storage), r.Err
	case <-ctx.Done():
		return Storage{}, ctx.Err()
	}
}

func (q *Queue) measure(ctx context.Context, retention Retention) (s Storage, err error) {
	s.Retention = retention
	if s.Artifacts, err = q.store.ArtifactBytes(ctx); err != nil {
		return s, err
	}
	if s.Materials, err = q.store.MaterialBytes(ctx); err != nil {
		return s, err
	}
	if disk, ok := q.blobs.(interface {
		Space() (free, total int64, err error)
	}); ok {
		if s.DiskFree, s.DiskTotal, err = disk.Space(); err != nil {
			return s, err
		}
	}
	s.judge()
	return s, nil
}

// watchStorage measures anew and tells the operator when it has become worse,
// once each time. It reports whether what it found was said before: nothing is
// deleted for the budget without a warning before it.
func (q *Queue) watchStorage(ctx context.Context) (s Storage, warned bool, err error) {
	s, err = q.measure(ctx, q.settings.Load().Retention)
	if err != nil {
		return s, false, err
	}
	q.storage.mu.Lock()
	defer q.storage.mu.Unlock()
	q.storage.last, q.storage.at = s, time.Now()
	switch said := q.storage.said; {
	case s.State.rank() > said.rank():
		q.storage.said = s.State
		q.log.Warn("storage runs short", zap.String("state", string(s.State)), zap.String("reason", s.Message))
		return s, false, nil
	case s.State == StorageOK && said.rank() > 0:
		// Only now: a gateway that lives at the edge of its budget would warn for ever.
		q.storage.said = StorageOK
		q.log.Info("storage is well again", zap.String("used", amount(s.Used())))
	}
	return s, true, nil
}

// Leaving is a task whose files go next.
type Leaving struct {
	*store.Task
	ForBudget bool  // because it is the oldest, and not for its age
	At        int64 // Unix milliseconds, 0 when that cannot be told
}

// flowWindow is what the present rate is taken from.
const flowWindow = 24 * time.Hour

// Outlook tells which tasks lose their files next, at most limit for their age
// and as many for the budget, and when the budget is used up at the present rate,
// in Unix milliseconds, 0 when that cannot be told.
func (q *Queue) Outlook(ctx context.Context, s Storage, limit int) (next []Leaving, full int64, err error) {
	expiring, err := q.store.Expiring(ctx, limit)
	if err != nil {
		return nil, 0, err
	}
	for _, task := range expiring {
		next = append(next, Leaving{Task: task, At: task.ArtifactsUntil})
	}
	budget := s.Retention.Budget
	if budget == 0 {
		return next, 0, nil
	}
	now := time.Now()
	flow, err := q.store.ArtifactFlow(ctx, now.Add(-flowWindow).UnixMilli(), now.Add(flowWindow).UnixMilli())
	if err != nil {
		return nil, 0, err
	}
	// What comes less what goes by itself, in bytes per millisecond. A gateway
	// that has run for a minute knows little: take an hour at least.
	rate := -float64(flow.Expiring) / float64(flowWindow.Milliseconds())
	if flow.First > 0 {
		rate += float64(flow.Added) / float64(max(now.UnixMilli()-flow.First, time.Hour.Milliseconds()))
	}
	at := func(room int64) int64 {
		if room < 0 {
			return now.UnixMilli()
		}
		if wait := float64(room) / rate; rate > 0 && wait < float64(farFuture.Milliseconds()) {
			return now.UnixMilli() + int64(wait)
		}
		return 0
	}
	oldest, err := q.store.OldestArtifacts(ctx, limit)
	if err != nil {
		return nil, 0, err
	}
	room := budget - s.Used()
	full = at(room)
	for _, task := range oldest {
		next = append(next, Leaving{Task: task, ForBudget: true, At: at(room)})
		room += task.ArtifactBytes
	}
	return next, full, nil
}

// farFuture is beyond what a rate of today tells.
const farFuture = 10 * 365 * 24 * time.Hour
