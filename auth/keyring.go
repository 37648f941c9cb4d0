package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// cacheTTL bounds how long another node's change of a key goes unnoticed;
	// a change on this node is seen at once, see [Keyring.Invalidate].
	cacheTTL = 30 * time.Second
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
	AddRequests(ctx context.Context, counts map[string]int64, usedAt int64) error
}

// Keyring knows the API keys: it caches them, so that a request with a key costs
// no round trip to the database, and counts their requests. It is made once per
// database and outlives configurations; an [Authenticator] is made per
// configuration.
type Keyring struct {
	keys  Keys
	log   *zap.Logger
	cache *otter.Cache[hash, *Principal] // nil for a key that does not exist
	meter *meter

	stop chan struct{}
	done sync.WaitGroup
}

type hash [32]byte

// NewKeyring returns a keyring over the store's keys.
func NewKeyring(keys Keys, log *zap.Logger) (*Keyring, error) {
	cache, err := otter.New(&otter.Options[hash, *Principal]{
		MaximumSize:      cacheSize,
		ExpiryCalculator: otter.ExpiryWriting[hash, *Principal](cacheTTL),
	})
	if err != nil {
		return nil, fmt.Errorf("make key cache: %w", err)
	}
	return &Keyring{keys: keys, log: log, cache: cache, meter: newMeter(), stop: make(chan struct{})}, nil
}

// Start begins to take the counts of requests to the store every few seconds.
func (k *Keyring) Start() {
	k.done.Go(func() {
		ticker := time.NewTicker(flushEvery)
		defer ticker.Stop()
		for {
			select {
			case <-k.stop:
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
	close(k.stop)
	k.done.Wait()
	k.cache.StopAllGoroutines()
	return k.flush(ctx)
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

// Invalidate makes this node forget what it knows of the key with this stored
// hash. Whoever changed or deleted a key calls it, with the hash from before.
func (k *Keyring) Invalidate(keyHash string) {
	if sum, err := hex.DecodeString(keyHash); err == nil && len(sum) == len(hash{}) {
		k.cache.Invalidate(hash(sum))
	}
}

// Take counts one request and says whether the key's limit allows it.
func (k *Keyring) Take(p *Principal) Rate { return k.meter.take(p.Key, time.Now()) }

// find returns who a key belongs to, nil when there is no such key.
func (k *Keyring) find(ctx context.Context, sum hash) (*Principal, error) {
	if p, ok := k.cache.GetIfPresent(sum); ok { // without the loader's closure
		return p, nil
	}
	return k.cache.Get(ctx, sum, otter.LoaderFunc[hash, *Principal](k.load))
}

func (k *Keyring) load(ctx context.Context, sum hash) (*Principal, error) {
	key, err := k.keys.KeyByHash(ctx, hex.EncodeToString(sum[:]))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("look up key: %w", err)
	}
	return &Principal{Key: key, Name: key.Name}, nil
}
