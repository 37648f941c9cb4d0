package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	benchPause    = time.Second
	maxBenchPause = 15 * time.Second
	probeTimeout  = 30 * time.Second
	// What an upstream asks for is honoured up to these: one that asks for ten
	// years may have lost its mind, and asking whether it is back costs nothing.
	maxAskedPause = time.Hour
	maxAskedBench = 5 * time.Minute
)

// Fault applies the fault table to the session and the upstream of an attempt.
// It is part of the transaction that settles the attempt.
func (p *Pool) Fault(tx *store.Tx, sessionID, upstreamName string, fault *upstream.Error) error {
	effect := Faults[fault.Kind]
	if effect.Bench || fault.Unreachable {
		if err := p.bench(tx, upstreamName, fault); err != nil {
			return err
		}
	}
	if effect.Session == "" {
		return nil
	}
	session, err := tx.Session(sessionID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // removed after the task was cancelled
	}
	if err != nil {
		return err
	}
	if outOfService := session.State == store.Dead || session.Until > tx.Now; outOfService && effect.Session != store.Dead {
		return nil // answers to calls of the same moment count once, and revive nobody
	}
	p.apply(tx.Now, session, fault)
	return tx.UpdateSession(session)
}

func (p *Pool) bench(tx *store.Tx, name string, fault *upstream.Error) error {
	upstreams, err := tx.Upstreams()
	if err != nil {
		return err
	}
	for _, u := range upstreams {
		if u.Name != name {
			continue
		}
		if u.BenchedUntil != 0 {
			return nil // tasks that were sent at the same moment count once
		}
		pause := max(backoff(benchPause, maxBenchPause, u.Faults), min(fault.RetryAfter, maxAskedBench))
		p.log.Warn("upstream benched", zap.String("upstream", name), zap.Duration("for", pause), zap.String("reason", fault.Error()))
		return tx.Bench(name, until(tx.Now, pause), fault.Error())
	}
	p.log.Warn("upstream benched", zap.String("upstream", name), zap.Duration("for", benchPause), zap.String("reason", fault.Error()))
	return tx.Bench(name, until(tx.Now, max(benchPause, min(fault.RetryAfter, maxAskedBench))), fault.Error())
}

// apply puts a session into the state of the fault table.
func (p *Pool) apply(now int64, s *store.Session, fault *upstream.Error) {
	effect := Faults[fault.Kind]
	s.State, s.Reason = effect.Session, fault.Message
	if s.Reason == "" {
		s.Reason = string(fault.Kind)
	}
	switch effect.Session {
	case store.Cooling:
		pause := backoff(effect.Pause, effect.MaxPause, s.Faults)
		if fault.RetryAfter > 0 {
			pause = min(fault.RetryAfter, maxAskedPause)
		}
		s.Until = until(now, pause)
		s.Faults++
	case store.Exhausted:
		s.Until = nextReset(time.UnixMilli(now)).UnixMilli()
		if fault.Kind == upstream.Quota {
			s.Credits = new(int64(0)) // which a probe may find changed
		}
	default:
		s.Until = 0
	}
	comesBack := zap.Skip() // a dead session does not, by itself
	if s.Until > 0 {
		comesBack = zap.Time("until", time.UnixMilli(s.Until))
	}
	p.log.Warn("session out of service", zap.String("upstream", s.Upstream), zap.String("session", s.ID), zap.String("session_label", s.Label),
		zap.String("state", string(s.State)), zap.String("reason", s.Reason), comesBack)
}

// Works notes that an upstream accepted an attempt of the session: a session
// that was half-open is ready again, and so is the upstream.
func (p *Pool) Works(tx *store.Tx, sessionID, upstreamName string) error {
	if err := tx.Unbench(upstreamName, true); err != nil {
		return err
	}
	session, err := tx.Session(sessionID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // removed after the task was cancelled
	}
	if err != nil {
		return err
	}
	if session.State == store.Ready && session.Faults == 0 {
		return nil
	}
	if session.State == store.Dead || session.Until > tx.Now {
		return nil // another attempt has found a fault since this one was sent
	}
	p.revived(session)
	return tx.UpdateSession(session)
}

// TestResult is what a probe says to an admin.
type TestResult struct {
	OK      bool
	Message string

	silent bool // the upstream does not answer, whichever session asks
}

// Test probes a session now, and applies what the probe says. A probe that
// cannot tell says so and changes nothing.
func (p *Pool) Test(ctx context.Context, id string) (TestResult, error) {
	session, err := p.store.Session(ctx, id)
	if err != nil {
		return TestResult{}, err
	}
	driver, ok := p.Driver(session.Upstream)
	if !ok {
		return TestResult{Message: fmt.Sprintf("the upstream %s is not configured", session.Upstream)}, nil
	}
	opened, err := p.Open(session)
	if err != nil {
		return TestResult{Message: err.Error()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	probe, probeErr := driver.Probe(ctx, opened)
	_, err = p.update(context.WithoutCancel(ctx), "session.test", id, func(tx *store.Tx, s *store.Session) error {
		s.ProbedAt = tx.Now
		if probeErr == nil {
			p.learn(tx.Now, s, probe)
		}
		return nil
	})
	switch {
	case err != nil:
		return TestResult{}, err
	case probeErr != nil:
		fault, ok := errors.AsType[*upstream.Error](probeErr)
		return TestResult{Message: "cannot tell: " + probeErr.Error(), silent: ok && fault.Unreachable}, nil
	case probe.Verdict != "":
		return TestResult{Message: fmt.Sprintf("%s: %s", probe.Verdict.Public(), probe.Message)}, nil
	case probe.Credits != nil:
		return TestResult{OK: true, Message: fmt.Sprintf("works, %d credits", *probe.Credits)}, nil
	default:
		return TestResult{OK: true, Message: "works"}, nil
	}
}

// learn applies what a probe could tell. Neither a working login nor a lack of
// credits ends a pause that a burst or risk control has asked for, and credits
// say nothing about the day's quota.
func (p *Pool) learn(now int64, s *store.Session, probe upstream.Probe) {
	hadNone := s.Credits != nil && *s.Credits <= 0
	s.Credits = probe.Credits
	s.CreditsExpire = 0
	if !probe.CreditsExpire.IsZero() {
		s.CreditsExpire = probe.CreditsExpire.UnixMilli()
	}
	rests := s.State == store.Cooling && s.Until > now
	switch {
	case probe.Verdict != "":
		if !rests || Faults[probe.Verdict].Session == store.Dead {
			p.apply(now, s, &upstream.Error{Kind: probe.Verdict, Message: probe.Message})
		}
	case s.State == store.Dead, s.State == store.Exhausted && hadNone && s.Credits != nil:
		p.revived(s)
	}
}

// ProbeDue probes the sessions whose turn it is, one after the other. When an
// upstream does not answer, its other sessions wait for the next time: each would
// only keep those of other upstreams waiting as well.
func (p *Pool) ProbeDue(ctx context.Context) error {
	sessions, err := p.store.Sessions(ctx)
	if err != nil {
		return err
	}
	var errs []error
	silent := map[string]bool{}
	for _, s := range sessions {
		if !p.due(s) || silent[s.Upstream] {
			continue
		}
		if _, ok := p.Driver(s.Upstream); !ok {
			continue
		}
		result, err := p.Test(ctx, s.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			errs = append(errs, err)
		}
		silent[s.Upstream] = result.silent
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// StillBenched makes the pause of an upstream longer that does not answer yet,
// unless another node or an attempt has learnt something since.
func (p *Pool) StillBenched(tx *store.Tx, u *store.Upstream, cause error) error {
	upstreams, err := tx.Upstreams()
	if err != nil {
		return err
	}
	asKnown := func(now *store.Upstream) bool { return now.Name == u.Name && now.BenchedUntil == u.BenchedUntil }
	if !slices.ContainsFunc(upstreams, asKnown) {
		return nil
	}
	return tx.Bench(u.Name, until(tx.Now, backoff(benchPause, maxBenchPause, u.Faults)), cause.Error())
}
