package auth

import (
	"fmt"
	"hash/maphash"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

const (
	// wrongBurst is how many different wrong keys an address may send at once:
	// people who mistype stay below.
	wrongBurst = 20
	// wrongEvery is when an address may send the next one after that.
	wrongEvery = 3 * time.Second
	// guessCost is what a wrong key costs that the address has not sent lately. The
	// same one again costs 1: a program that was not told of a rotation guesses
	// nothing.
	guessCost = 10
	// guessesKnown is how many wrong keys of an address are known again.
	guessesKnown = 8
	// wrongAddresses bounds the memory. With more addresses than that, some begin
	// anew, which is no worse than what so many may try anyway.
	wrongAddresses = 10_000
	// wrongLogEvery is how often the log tells of one address.
	wrongLogEvery = time.Minute
)

// throttle slows down who sends wrong keys, by address. It never stands in the way
// of a right key: nobody can lock others out, from the same address either.
type throttle struct {
	log     *zap.Logger
	seed    maphash.Seed
	senders *otter.Cache[netip.Prefix, *sender]
}

// sender is an address that has sent wrong keys.
type sender struct {
	bucket *rate.Limiter
	told   atomic.Int64 // when the log told of it, Unix nanoseconds

	mu    sync.Mutex
	sent  [guessesKnown]uint64 // hashes of the last different wrong keys
	first int                  // the oldest of them
}

// cost is what one more wrong key costs the sender.
func (s *sender) cost(secret uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.sent[:], secret) {
		return 1
	}
	s.sent[s.first] = secret
	s.first = (s.first + 1) % guessesKnown
	return guessCost
}

func newThrottle(log *zap.Logger) (*throttle, error) {
	senders, err := otter.New(&otter.Options[netip.Prefix, *sender]{
		MaximumSize: wrongAddresses,
		// By then the bucket is full again.
		ExpiryCalculator: otter.ExpiryAccessing[netip.Prefix, *sender](max(wrongBurst*wrongEvery, wrongLogEvery)),
	})
	if err != nil {
		return nil, fmt.Errorf("make cache of addresses: %w", err)
	}
	return &throttle{Bounded(log), maphash.MakeSeed(), senders}, nil
}

func (t *throttle) close() { t.senders.StopAllGoroutines() }

// neighbours is whose wrong keys are counted together: of IPv6, everybody has a
// whole network of addresses to choose from.
func neighbours(address netip.Addr) netip.Prefix {
	bits := 32
	if address.Is6() {
		bits = 64
	}
	prefix, _ := address.Prefix(bits) // of no address, none, which all such share
	return prefix
}

// spent reports whether the address may try no more for the moment.
func (t *throttle) spent(address netip.Addr) bool {
	s, ok := t.senders.GetIfPresent(neighbours(address))
	return ok && s.bucket.Tokens() < guessCost
}

// count notes a wrong key and returns when the address may send the next one, 0 if
// this one was not too many.
func (t *throttle) count(address netip.Addr, secret string) time.Duration {
	s, _ := t.senders.ComputeIfAbsent(neighbours(address), func() (*sender, bool) {
		return &sender{bucket: rate.NewLimiter(rate.Every(wrongEvery/guessCost), wrongBurst*guessCost)}, false
	})
	now := time.Now()
	if s.bucket.TokensAt(now) >= guessCost && s.bucket.AllowN(now, s.cost(maphash.String(t.seed, secret))) {
		return 0
	}
	if told := s.told.Load(); now.UnixNano()-told >= int64(wrongLogEvery) && s.told.CompareAndSwap(told, now.UnixNano()) {
		t.log.Warn("an address keeps sending wrong API keys and is slowed down", zap.Stringer("address", address))
	}
	missing := max(guessCost-s.bucket.TokensAt(now), 0)
	return time.Duration(missing/guessCost*float64(wrongEvery)) + 1 // never 0, which would mean that it was not too many
}

// slowed counts a wrong key and makes the error that its sender gets.
func (a *Authenticator) slowed(r *http.Request, secret string, err error) error {
	if err != errWrongKey && err != errMalformed {
		return err
	}
	wait := a.keyring.wrong.count(ClientOf(r).Address, secret)
	if wait == 0 {
		return err
	}
	return &Refusal{Status: http.StatusTooManyRequests, Code: "too_many_wrong_keys", RetryAfter: wait,
		Message: fmt.Sprintf("The API key is not valid, and this address has sent many such keys; the next try is possible in %d seconds.",
			int((wait+time.Second-1)/time.Second))}
}
