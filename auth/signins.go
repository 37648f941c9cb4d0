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
	"golang.org/x/sync/singleflight"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// signInTTL bounds how old what is known of a sign-in is, such as when the
	// provider was asked last. An end is seen at once, see [Keyring.Age].
	signInTTL = time.Second
	// bearerTTL is how long a checked access token is not checked again.
	bearerTTL = time.Minute
	// seenEvery is how often the use of a sign-in is written down.
	seenEvery = time.Minute
)

// SignIns knows the browsers that somebody has signed in with. Like a [Keyring] it
// is made once per database and outlives configurations.
type SignIns struct {
	store   *store.Store
	vault   *store.Vault
	keyring *Keyring
	log     *zap.Logger

	cache   *otter.Cache[cached, *store.SignIn] // nil for a cookie that is not known
	bearers *otter.Cache[hash, *bearer]
	checks  singleflight.Group

	ctx     context.Context // of the work below, ended by Close
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// NewSignIns returns the sign-ins of the store. The vault seals the tokens of
// OpenID providers, and the keyring tells when somebody may do something else than
// before.
func NewSignIns(st *store.Store, vault *store.Vault, keyring *Keyring, log *zap.Logger) (*SignIns, error) {
	s := &SignIns{store: st, vault: vault, keyring: keyring, log: log}
	var err error
	s.cache, err = otter.New(&otter.Options[cached, *store.SignIn]{
		MaximumSize:      cacheSize,
		ExpiryCalculator: otter.ExpiryWriting[cached, *store.SignIn](signInTTL),
	})
	if err != nil {
		return nil, fmt.Errorf("make cache of sign-ins: %w", err)
	}
	s.bearers, err = otter.New(&otter.Options[hash, *bearer]{
		MaximumSize:      cacheSize,
		ExpiryCalculator: otter.ExpiryWriting[hash, *bearer](bearerTTL),
	})
	if err != nil {
		return nil, fmt.Errorf("make cache of access tokens: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Close ends what the sign-ins still do, and waits for it. It is called once,
// before the store is closed.
func (s *SignIns) Close() {
	s.cancel()
	s.running.Wait()
	s.cache.StopAllGoroutines()
	s.bearers.StopAllGoroutines()
}

// find returns the sign-in of a cookie, nil for none.
func (s *SignIns) find(ctx context.Context, token string) (*store.SignIn, error) {
	if len(token) != tokenLength {
		return nil, nil
	}
	sum, err := parseHash(Hash(token))
	if err != nil {
		return nil, err
	}
	return s.byHash(ctx, sum)
}

func (s *SignIns) byHash(ctx context.Context, sum hash) (*store.SignIn, error) {
	at := cached{sum, s.keyring.Age()}
	if in, ok := s.cache.GetIfPresent(at); ok {
		return in, nil
	}
	return s.cache.Get(context.WithoutCancel(ctx), at, otter.LoaderFunc[cached, *store.SignIn](s.load)) // see [Keyring.find]
}

func (s *SignIns) load(ctx context.Context, at cached) (*store.SignIn, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	in, err := s.store.SignInByToken(ctx, hex.EncodeToString(at.sum[:]))
	if isNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if time.Since(time.UnixMilli(in.SeenAt)) > seenEvery {
		s.running.Go(func() { s.seen(in) })
	}
	return in, nil
}

// seen writes down that the sign-in is in use, beside the request that told.
func (s *SignIns) seen(in *store.SignIn) {
	ctx, cancel := context.WithTimeout(s.ctx, flushTimeout)
	defer cancel()
	if err := s.store.SeenSignIn(ctx, in); err != nil && s.ctx.Err() == nil {
		s.log.Warn("the use of a sign-in could not be stored", zap.String("sign_in", in.ID), zap.Error(err))
	}
}

// Forget makes this node look at the database again, and at whether what is open
// may go on. Whoever has ended or changed sign-ins calls it; other nodes see that
// within a second.
func (s *SignIns) Forget() { s.keyring.Invalidate() }

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
