package auth

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// checksAtOnce is how many requests are looked at at the same time, so that many
// streams of many keys are through in a moment.
const checksAtOnce = 16

// guards are the requests that go on only for as long as their caller would be let
// in again.
type guards struct {
	mu   sync.Mutex
	all  map[*guarded]struct{}
	wake chan struct{} // somebody may do something else than before
}

// guarded is one of these requests.
type guarded struct {
	check func(context.Context) (until int64, err error) // a *Refusal if it must end
	until int64                                          // when to look in any case, 0 for never
	end   context.CancelCauseFunc
}

func newGuards() *guards {
	return &guards{all: map[*guarded]struct{}{}, wake: make(chan struct{}, 1)}
}

func (g *guards) add(one *guarded) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all[one] = struct{}{}
}

func (g *guards) remove(one *guarded) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.all, one)
}

// recheck has every request looked at again, soon.
func (g *guards) recheck() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// due lists the requests whose time is over, or all of them.
func (g *guards) due(all bool) (list []*guarded) {
	now := time.Now().UnixMilli()
	g.mu.Lock()
	defer g.mu.Unlock()
	for one := range g.all {
		if all || one.until != 0 && one.until <= now {
			list = append(list, one)
		}
	}
	return list
}

func (g *guards) run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	again := false // not all could be looked at
	for {
		all := again
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
			all = true
		case <-ticker.C:
		}
		again = !g.look(ctx, g.due(all))
	}
}

// look ends the requests that must end. It reports whether all could be asked
// about: a database that is away for a moment ends none.
func (g *guards) look(ctx context.Context, list []*guarded) bool {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(checksAtOnce)
	for _, one := range list {
		group.Go(func() error {
			until, err := one.look(ctx)
			if err == nil {
				g.mu.Lock()
				one.until = until
				g.mu.Unlock()
			}
			return err
		})
	}
	return group.Wait() == nil
}

func (one *guarded) look(ctx context.Context) (until int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	until, err = one.check(ctx)
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		one.end(refusal)
		return 0, nil
	}
	return until, err
}

// goesOn marks the context of a check that must not wait for anybody: others are
// behind it.
type goesOn struct{}

// Guard returns the request's context, which now also ends, with a [*Refusal] as
// its cause, as soon as the caller would be refused: its key is disabled, deleted,
// expired or rotated away, here or on another node, or still does not want who the
// caller has become. Age is that of the keyring before p was authenticated, so that
// no change goes unnoticed in between. Whoever serves the request calls release at
// its end.
func (a *Authenticator) Guard(r *http.Request, age uint64, p *Principal, still func(*Principal) error) (ctx context.Context, release func()) {
	if p == a.admin || p == a.anonymous || p == inside { // they change with the configuration
		return r.Context(), func() {}
	}
	r = r.WithContext(r.Context()) // a copy: whoever serves the request may still change its own, as by wrapping the body
	ctx, end := context.WithCancelCause(r.Context())
	one := &guarded{until: p.Until, end: end, check: func(limit context.Context) (int64, error) {
		ctx, cancel := context.WithCancel(context.WithValue(r.Context(), goesOn{}, true))
		defer cancel()
		defer context.AfterFunc(limit, cancel)()
		p, err := a.identify(r.WithContext(ctx))
		if err == nil {
			err = still(p)
		}
		if r.Context().Err() != nil { // it has ended by itself
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		return p.Until, nil
	}}
	guards := a.keyring.guards
	guards.add(one)
	if a.keyring.Age() != age {
		_, _ = one.look(ctx)
	}
	return ctx, func() {
		guards.remove(one)
		end(nil)
	}
}
