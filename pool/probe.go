package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// probesAtOnce bounds the probes of [Pool.TestAll]: an upstream must not take
	// an admin for an attack.
	probesAtOnce = 8
	// testAllTimeout bounds [Pool.TestAll], because somebody waits for it.
	testAllTimeout = time.Minute
	// probeWell is how often a session that works is probed unless told otherwise.
	probeWell = 30 * time.Minute
	// illShare of that time is between the probes of sessions that are out of
	// service: they should come back soon.
	illShare = 3
)

// ProbeEvery sets the time between two probes of a session that works; one that
// is out of service is probed three times as often. 0 means 30 minutes.
func (p *Pool) ProbeEvery(interval time.Duration) { p.probeEvery.Store(int64(interval)) }

// due reports whether it is the session's turn to be probed.
func (p *Pool) due(s *store.Session) bool {
	every := time.Duration(p.probeEvery.Load())
	if every <= 0 {
		every = probeWell
	}
	if s.State != store.Ready {
		every /= illShare
	}
	return s.Enabled && time.Since(time.UnixMilli(max(s.ProbedAt, s.CreatedAt))) >= every
}

// Tested is a session after its probe.
type Tested struct {
	Session *store.Session
	TestResult
}

// TestAll probes the sessions with these ids now, or all if there are none, a
// few at once and for a minute at most. It returns [store.ErrNotFound] if an id
// is not a session's.
func (p *Pool) TestAll(ctx context.Context, ids []string) ([]Tested, error) {
	sessions, err := p.store.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(sessions, func(s *store.Session) bool { return s.ID == id }) {
			return nil, fmt.Errorf("probe session: %w", store.ErrNotFound)
		}
	}
	if len(ids) > 0 {
		sessions = slices.DeleteFunc(sessions, func(s *store.Session) bool { return !slices.Contains(ids, s.ID) })
	}
	ctx, cancel := context.WithTimeout(ctx, testAllTimeout)
	defer cancel()
	tested := make([]Tested, len(sessions))
	room := make(chan struct{}, probesAtOnce)
	var wg sync.WaitGroup
	for i, s := range sessions {
		wg.Go(func() {
			select {
			case room <- struct{}{}:
				tested[i] = p.testOne(ctx, s)
				<-room
			case <-ctx.Done():
				tested[i] = Tested{s, TestResult{Message: "not asked: the others took too long"}}
			}
		})
	}
	wg.Wait()
	return tested, nil
}

// testOne probes a session and reads what has become of it. A fault of one does
// not keep the answers of the others from whoever asked.
func (p *Pool) testOne(ctx context.Context, s *store.Session) Tested {
	result, err := p.Test(ctx, s.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Tested{s, TestResult{Message: "it was removed meanwhile"}}
	case err != nil:
		return Tested{s, TestResult{Message: "cannot tell: the gateway's database does not answer"}}
	}
	if now, err := p.store.Session(context.WithoutCancel(ctx), s.ID); err == nil {
		s = now
	}
	return Tested{s, result}
}
