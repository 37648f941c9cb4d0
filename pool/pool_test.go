package pool_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
)

type bench struct {
	t     *testing.T
	store *store.Store
	pool  *pool.Pool
	dir   string
}

// setup gives a pool with the upstream "u", which nobody talks to.
func setup(t *testing.T, databaseURL string) *bench {
	t.Helper()
	b := &bench{t: t, store: storetest.Open(t, databaseURL), dir: t.TempDir()}
	vault, err := store.OpenVault(b.dir, "", "")
	if err != nil {
		t.Fatal(err)
	}
	b.pool = pool.New(b.store, vault, logs.NewSecrets(), zaptest.NewLogger(t))
	driver, err := freeapi.New(freeapi.Config{URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Close() })
	b.pool.Configure(map[string]upstream.Driver{"u": driver})
	return b
}

func (b *bench) add(secret string) *store.Session {
	b.t.Helper()
	s, err := b.pool.Add(b.t.Context(), pool.NewSession{Secret: secret})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) write(fn func(*store.Tx) error) {
	b.t.Helper()
	if err := b.store.Write(b.t.Context(), store.Durable, fn); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) fault(id string, kind upstream.Kind) *store.Session {
	b.t.Helper()
	b.write(func(tx *store.Tx) error {
		return b.pool.Fault(tx, id, "u", &upstream.Error{Kind: kind, Message: string(kind)})
	})
	return b.session(id)
}

func (b *bench) session(id string) *store.Session {
	b.t.Helper()
	s, err := b.pool.Session(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// set puts a session into a state, with a pause that ends after d.
func (b *bench) set(id string, state store.SessionState, d time.Duration) {
	b.t.Helper()
	b.write(func(tx *store.Tx) error {
		s, err := tx.Session(id)
		if err != nil {
			return err
		}
		s.State, s.Until, s.Faults = state, tx.Now+d.Milliseconds(), 1
		return tx.UpdateSession(s)
	})
}

func (b *bench) free() int {
	b.t.Helper()
	n := 0
	b.write(func(tx *store.Tx) error {
		free, err := b.pool.Free(tx, map[string]int{"u": 0})
		if err != nil {
			return err
		}
		for free.Take("u", tx.Now) != nil {
			n++
		}
		return nil
	})
	return n
}

func TestTheFaultTable(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	for kind, want := range map[upstream.Kind]store.SessionState{
		upstream.Auth: store.Dead, upstream.AccountBlocked: store.Dead, upstream.RiskControl: store.Cooling,
		upstream.RateLimited: store.Cooling, upstream.Quota: store.Exhausted, upstream.ContentRisk: store.Ready,
		upstream.BadInput: store.Ready, upstream.FileTransfer: store.Ready, upstream.Timeout: store.Ready,
		upstream.GenerationFailed: store.Ready, upstream.Unknown: store.Ready, upstream.InDoubt: store.Ready,
		upstream.Network: store.Ready,
	} {
		s := b.fault(b.add("account-of-"+string(kind)).ID, kind)
		if s.State != want {
			t.Errorf("%s: session is %s, want %s", kind, s.State, want)
		}
		if outForGood := s.State == store.Dead || s.State == store.Ready; outForGood != (s.Until == 0) {
			t.Errorf("%s: until %d", kind, s.Until)
		}
	}
}

func TestOneBurstIsOneFault(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	id := b.add("account-0000000001").ID
	first := b.fault(id, upstream.RateLimited)
	for range 9 {
		b.fault(id, upstream.RateLimited)
	}
	if s := b.session(id); s.Faults != 1 || s.Until != first.Until {
		t.Errorf("ten answers of one moment: %d faults, until %d, want %d", s.Faults, s.Until, first.Until)
	}
	b.set(id, store.Cooling, -time.Second) // the pause is over, and it is too much again
	if s := b.fault(id, upstream.RateLimited); s.Faults != 2 || s.Until-s.UpdatedAt != 60_000 {
		t.Errorf("a second burst: %d faults, pause %d ms", s.Faults, s.Until-s.UpdatedAt)
	}
	if s := b.fault(id, upstream.Auth); s.State != store.Dead {
		t.Errorf("an expired login during a pause: %s", s.State)
	}
	if s := b.fault(id, upstream.RateLimited); s.State != store.Dead {
		t.Errorf("a late burst revived a dead session: %s", s.State)
	}
}

func TestALateSuccessRevivesNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	works := func(id string) { b.write(func(tx *store.Tx) error { return b.pool.Works(tx, id, "u") }) }
	dead := b.add("account-0000000001").ID
	b.fault(dead, upstream.Auth)
	works(dead)
	if s := b.session(dead); s.State != store.Dead {
		t.Errorf("dead session became %s", s.State)
	}
	cooling := b.add("account-0000000002").ID
	b.set(cooling, store.Cooling, time.Hour)
	works(cooling)
	if s := b.session(cooling); s.State != store.Cooling {
		t.Errorf("cooling session became %s", s.State)
	}
	b.set(cooling, store.Cooling, -time.Second)
	works(cooling)
	if s := b.session(cooling); s.State != store.Ready || s.Faults != 0 {
		t.Errorf("half-open session became %s", s.State)
	}
	works("ses_removed") // must not keep the attempt from being settled
}

func TestHalfOpenIsOneAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	id := b.add("account-0000000001").ID
	if n := b.free(); n != pool.DefaultSlots {
		t.Errorf("ready: %d slots", n)
	}
	b.set(id, store.Cooling, time.Hour)
	if n := b.free(); n != 0 {
		t.Errorf("cooling: %d slots", n)
	}
	b.set(id, store.Cooling, -time.Second)
	if n := b.free(); n != 1 {
		t.Errorf("half-open: %d slots, want 1", n)
	}
	b.fault(id, upstream.Auth)
	if n := b.free(); n != 0 {
		t.Errorf("dead: %d slots", n)
	}
}

func TestABenchedUpstreamKeepsItsSessions(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	id := b.add("account-0000000001").ID
	if s := b.fault(id, upstream.Network); s.State != store.Ready {
		t.Errorf("session: %s", s.State)
	}
	if n := b.free(); n != 0 {
		t.Errorf("benched: %d slots", n)
	}
	b.write(func(tx *store.Tx) error { return tx.Unbench("u", false) })
	if n := b.free(); n != pool.DefaultSlots {
		t.Errorf("back: %d slots", n)
	}
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	b.add("account-0000000001")
	if _, err := b.pool.Add(t.Context(), pool.NewSession{Secret: " account-0000000001 "}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the same account again: %v", err)
	}
	for field, n := range map[string]pool.NewSession{
		"session_id": {Secret: "one,two"},
		"slots":      {Secret: "x", Slots: -1},
		"label":      {Secret: "x", Label: "a\x00b"},
		"upstream":   {Secret: "x", Upstream: "nobody"},
	} {
		_, err := b.pool.Add(t.Context(), n)
		if invalid, ok := errors.AsType[*upstream.InvalidError](err); !ok || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestSecretsAreSealedAndNeedTheirKey(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	s := b.add("account-0000000001")
	if opened, err := b.pool.Open(b.session(s.ID)); err != nil || opened.Secret != "account-0000000001" {
		t.Errorf("open: %v", err)
	}
	if err := b.pool.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	other, err := store.OpenVault(t.TempDir(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.New(b.store, other, logs.NewSecrets(), zaptest.NewLogger(t)).Verify(t.Context()); err == nil {
		t.Error("a vault with another key was taken")
	}
}
