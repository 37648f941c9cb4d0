package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// lookEvery is how often the keyring asks whether somebody may do something
	// else than before. It bounds how long another node's change goes unnoticed; a
	// change on this node is seen at once, see [Keyring.Invalidate].
	lookEvery = 500 * time.Millisecond
	// lookTimeout bounds one such question.
	lookTimeout = 2 * time.Second
	// blindFor is how long keys are trusted while nobody can say whether they were
	// changed.
	blindFor = 5 * time.Second
	// loadTimeout bounds the look-up of a key.
	loadTimeout = 5 * time.Second
	// cacheTTL is for keys that are no longer used.
	cacheTTL = time.Minute
	// cacheSize holds every key in use and the wrong keys that are tried; the
	// cache's admission policy keeps a flood of wrong ones from evicting others.
	cacheSize = 50_000
	// flushEvery is how long the counts of requests stay in memory only.
	flushEvery = 3 * time.Second
	// flushTimeout bounds one flush, so that a database that hangs cannot keep
	// the counts from the next try.
	flushTimeout = 10 * time.Second
)

// Keys is what a Keyring needs of the store.
type Keys interface {
	KeyByHash(ctx context.Context, hash string) (*store.Key, error)
	AccessVersion(ctx context.Context) (int64, error)
	AddRequests(ctx context.Context, counts map[string]int64, usedAt int64) error
}

// Keyring knows the API keys: it caches them, so that a request with a key costs
// no round trip to the database, and counts their requests. It is made once per
// database and outlives configurations; an [Authenticator] is made per
// configuration.
type Keyring struct {
	keys   Keys
	log    *zap.Logger
	cache  *otter.Cache[cached, *Principal] // nil for a key that does not exist
	age    atomic.Uint64                    // of what the cache says, see cached
	meter  *meter
	guards *guards
	wrong  *throttle

	stop context.CancelFunc
	done sync.WaitGroup
}

type hash [32]byte

// cached is what the cache finds a key by. With every change of any key the age
// goes up, so that what was known before is no longer found, even if it was only
// being read at that time.
type cached struct {
	sum hash
	age uint64
}

// NewKeyring returns a keyring over the store's keys.
func NewKeyring(keys Keys, log *zap.Logger) (*Keyring, error) {
	cache, err := otter.New(&otter.Options[cached, *Principal]{
		MaximumSize:      cacheSize,
		ExpiryCalculator: otter.ExpiryWriting[cached, *Principal](cacheTTL),
	})
	if err != nil {
		return nil, fmt.Errorf("make key cache: %w", err)
	}
	wrong, err := newThrottle(log)
	if err != nil {
		return nil, err
	}
	return &Keyring{keys: keys, log: log, cache: cache, meter: newMeter(), guards: newGuards(), wrong: wrong, stop: func() {}}, nil
}

// Start begins to look for changes, and to take the counts of requests to the
// store every few seconds.
func (k *Keyring) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	k.stop = cancel
	k.done.Go(func() { k.look(ctx) })
	k.done.Go(func() { k.guards.run(ctx) })
	k.done.Go(func() {
		ticker := time.NewTicker(flushEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
				if err := k.flush(ctx); err != nil {
					k.log.Warn("request counts could not be stored, they are kept for the next try", zap.Error(err))
				}
				cancel()
			}
		}
	})
}

// Stop ends what Start began, stores the last counts and returns when both is
// done. It is called once, before the store is closed.
func (k *Keyring) Stop(ctx context.Context) error {
	k.stop()
	k.done.Wait()
	k.cache.StopAllGoroutines()
	k.wrong.close()
	return k.flush(ctx)
}

// look notices what other nodes change. While the database does not say, keys are
// forgotten, so that a node which is cut off lets nobody in on old knowledge.
func (k *Keyring) look(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	version, seen := int64(-1), time.Now()
	for {
		asked := time.Now()
		limited, cancel := context.WithTimeout(ctx, lookTimeout)
		now, err := k.keys.AccessVersion(limited)
		cancel()
		switch {
		case err == nil:
			if now != version {
				version = now
				k.Invalidate()
			}
			seen = asked
		case time.Since(seen) >= blindFor:
			k.forget()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (k *Keyring) flush(ctx context.Context) error {
	counts, usedAt := k.meter.drain(time.Now())
	if len(counts) == 0 {
		return nil
	}
	if err := k.keys.AddRequests(ctx, counts, usedAt); err != nil {
		k.meter.restore(counts)
		return fmt.Errorf("store request counts: %w", err)
	}
	return nil
}

// Invalidate makes this node forget what it knows of keys, and look again whether
// the requests that it serves may go on. Whoever has changed keys calls it.
func (k *Keyring) Invalidate() {
	k.forget()
	k.guards.recheck()
}

func (k *Keyring) forget() {
	k.age.Add(1)
	k.cache.InvalidateAll() // makes room; nobody would find them again
}

// Age is another number than before when somebody may do something else than
// before, see [Authenticator.Guard].
func (k *Keyring) Age() uint64 { return k.age.Load() }

// Take counts one request and says whether the key's limit allows it.
func (k *Keyring) Take(p *Principal) Rate { return k.meter.take(p.Key, time.Now()) }

// find returns who a key belongs to, nil when there is no such key.
func (k *Keyring) find(ctx context.Context, sum hash) (*Principal, error) {
	at := cached{sum, k.age.Load()}
	if p, ok := k.cache.GetIfPresent(at); ok { // without the loader's closure
		return p, nil
	}
	// Everybody who waits for the key is served together, so the look-up does not
	// end with the request that happened to be the first.
	return k.cache.Get(context.WithoutCancel(ctx), at, otter.LoaderFunc[cached, *Principal](k.load))
}

func (k *Keyring) load(ctx context.Context, at cached) (*Principal, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	sum := hex.EncodeToString(at.sum[:])
	key, err := k.keys.KeyByHash(ctx, sum)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("look up key: %w", err)
	}
	p := &Principal{Key: key, Name: key.Name, Until: key.ExpiresAt}
	if key.Hash != sum {
		p.rotated = key.OldUntil
		if p.Until == 0 || p.rotated < p.Until {
			p.Until = p.rotated
		}
	}
	return p, nil
}
