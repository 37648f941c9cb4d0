package auth

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// soon is how long a test waits for what should take less than a second, on a
// machine that has other things to do.
const soon = 5 * time.Second

// node is an authenticator that looks for changes.
func node(t *testing.T, st *store.Store) *bundle {
	t.Helper()
	b := &bundle{store: st}
	keyring, err := NewKeyring(b, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	keyring.Start()
	t.Cleanup(func() {
		if err := keyring.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	b.Authenticator = New(Config{Keyring: keyring, SignIns: newSignIns(t, keyring), Enabled: true, Logger: zap.NewNop()})
	return b
}

// guarded serves a request with the key until it must end.
func (b *bundle) guarded(t *testing.T, secret string) context.Context {
	t.Helper()
	r := request("GET", "Bearer "+secret)
	age := b.Keyring().Age()
	p, err := b.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	ctx, release := b.Guard(r, age, p, func(p *Principal) error {
		if !p.Has(TaskRead) {
			return refuse(403, "missing_scope", "no")
		}
		return nil
	})
	t.Cleanup(release)
	return ctx
}

// ends waits for the end of a request and returns why it came.
func ends(t *testing.T, ctx context.Context) string {
	t.Helper()
	select {
	case <-ctx.Done():
		return refusedWith(context.Cause(ctx))
	case <-time.After(soon):
		t.Error("the request goes on")
		return ""
	}
}

// What one node changes, the other knows within a second, and its open requests
// end.
func TestAChangeIsKnownOnEveryNode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := storetest.Open(t, databaseURL)
		other := st
		if databaseURL[0] == 'p' { // SQLite has one node
			other = storetest.Open(t, databaseURL)
		}
		here, there := node(t, st), node(t, other)
		networks, err := ParseNetworks([]string{"203.0.113.0/24"})
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			change func(*store.Key)
			want   string
		}{
			"disabled":        {func(k *store.Key) { k.Enabled = false }, "disabled_key"},
			"expired":         {func(k *store.Key) { k.ExpiresAt = 1 }, "expired_key"},
			"new secret":      {func(k *store.Key) { k.OldHash, k.OldUntil, k.Hash = k.Hash, 1, Hash(k.ID) }, "rotated_key"},
			"another network": {func(k *store.Key) { k.Networks = networks }, "address_not_allowed"},
			"other scopes":    {func(k *store.Key) { k.Scopes = []string{VideoCreate} }, "missing_scope"},
			"deleted":         {nil, "invalid_key"},
		} {
			secret, key := here.newKey(t, nil)
			stays, _ := here.newKey(t, nil)
			open, same, kept := there.guarded(t, secret), here.guarded(t, secret), there.guarded(t, stays)
			start := time.Now()
			if test.change == nil {
				err = st.DeleteKey(t.Context(), key.ID)
			} else {
				_, err = st.UpdateKey(t.Context(), key.ID, func(k *store.Key) error { test.change(k); return nil })
			}
			if err != nil {
				t.Fatal(err)
			}
			here.Keyring().Invalidate()
			if got := ends(t, same); got != test.want {
				t.Errorf("%s: a request on this node ends with %s", name, got)
			}
			local := time.Since(start)
			if got := ends(t, open); got != test.want {
				t.Errorf("%s: a request on the other node ends with %s", name, got)
			}
			took := time.Since(start)
			if _, err := there.Authenticate(request("GET", "Bearer "+secret)); err == nil != (test.want == "missing_scope") || err != nil && refusedWith(err) != test.want {
				t.Errorf("%s: then %v", name, err)
			}
			if kept.Err() != nil {
				t.Errorf("%s: another key's request has ended, too", name)
			}
			if took > 3*time.Second {
				t.Errorf("%s: took %v", name, took)
			}
			t.Logf("%s: here after %v, there after %v", name, local.Round(time.Millisecond), took.Round(time.Millisecond))
		}
	})
}

// Ten thousand open streams of two hundred keys do not keep one from ending.
func TestManyOpenRequests(t *testing.T) {
	t.Parallel()
	b := node(t, shared)
	var open []context.Context
	var last *store.Key
	for range 200 {
		secret, key := b.newKey(t, nil)
		last = key
		for range 50 {
			open = append(open, b.guarded(t, secret))
		}
	}
	start := time.Now()
	if _, err := b.store.UpdateKey(t.Context(), last.ID, func(k *store.Key) error { k.Enabled = false; return nil }); err != nil {
		t.Fatal(err)
	}
	for i, ctx := range open {
		if i < len(open)-50 {
			continue
		}
		if got := ends(t, ctx); got != "disabled_key" {
			t.Errorf("ends with %s", got)
		}
	}
	took := time.Since(start)
	t.Logf("of %d requests, 50 have ended after %v", len(open), took.Round(time.Millisecond))
	if took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	for _, ctx := range open[:len(open)-50] {
		if ctx.Err() != nil {
			t.Fatalf("another key's request has ended: %v", context.Cause(ctx))
		}
	}
}

// Times that are over end a request as well, without anybody changing anything.
func TestTimesEndARequest(t *testing.T) {
	t.Parallel()
	b := node(t, shared)
	until := time.Now().Add(time.Second).UnixMilli()
	expires, _ := b.newKey(t, func(k *store.Key) { k.ExpiresAt = until })
	old, key := b.newKey(t, nil)
	if _, err := b.store.UpdateKey(t.Context(), key.ID, func(k *store.Key) error {
		k.OldHash, k.OldUntil, k.Hash = k.Hash, until, Hash(k.ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.Keyring().Invalidate()
	first, second := b.guarded(t, expires), b.guarded(t, old)
	for ctx, want := range map[context.Context]string{first: "expired_key", second: "rotated_key"} {
		if got := ends(t, ctx); got != want {
			t.Errorf("ends with %s, want %s", got, want)
		}
		if late := time.Since(time.UnixMilli(until)); late < 0 || late > 3*time.Second {
			t.Errorf("%s: %v late", want, late)
		}
	}
}

// A change between the look-up of the key and the guard goes unnoticed by nobody.
func TestChangeBeforeTheGuard(t *testing.T) {
	t.Parallel()
	b := setup(t, nil) // nothing runs that would notice later
	secret, key := b.newKey(t, nil)
	r := request("GET", "Bearer "+secret)
	age := b.Keyring().Age()
	p, err := b.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.DeleteKey(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	b.Keyring().Invalidate()
	ctx, release := b.Guard(r, age, p, func(*Principal) error { return nil })
	defer release()
	if got := refusedWith(context.Cause(ctx)); got != "invalid_key" {
		t.Errorf("the request ends with %s", got)
	}
}

// A database that is away for a moment ends no request and keeps known keys working;
// after some seconds nobody is let in on old knowledge.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	b := node(t, shared)
	secret, _ := b.newKey(t, nil)
	// Other tests change keys of the same database, so this node's own look first.
	open := b.guarded(t, secret)
	b.away.Store(true)
	began := time.Now()
	b.guards().recheck()
	deadline := time.After(2 * blindFor)
	for refused := false; !refused; {
		select {
		case <-open.Done():
			t.Fatalf("the request has ended: %v", context.Cause(open))
		case <-deadline:
			t.Fatal("the key is still trusted")
		case <-time.After(100 * time.Millisecond):
		}
		_, err := b.Authenticate(request("GET", "Bearer "+secret))
		refused = err != nil && time.Since(began) > blindFor-lookEvery
		if err != nil && refusedWith(err) != "not a refusal" {
			t.Fatalf("the key is called wrong: %v", err)
		}
	}
	b.away.Store(false)
	if _, err := b.Authenticate(request("GET", "Bearer "+secret)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if open.Err() != nil {
		t.Errorf("the request has ended: %v", context.Cause(open))
	}
}

func (b *bundle) guards() *guards { return b.keyring.guards }
