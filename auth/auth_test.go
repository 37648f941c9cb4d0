package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// bundle is an authenticator over a real database that counts the look-ups.
type bundle struct {
	*Authenticator
	store   *store.Store
	lookups atomic.Int64
	away    atomic.Bool // the database
}

var errAway = errors.New("the database is away")

func (b *bundle) KeyByHash(ctx context.Context, hash string) (*store.Key, error) {
	b.lookups.Add(1)
	if b.away.Load() {
		return nil, errAway
	}
	return b.store.KeyByHash(ctx, hash)
}

func (b *bundle) AccessVersion(ctx context.Context) (int64, error) {
	if b.away.Load() {
		return 0, errAway
	}
	return b.store.AccessVersion(ctx)
}

func (b *bundle) AddRequests(ctx context.Context, counts map[string]int64, usedAt int64) error {
	return b.store.AddRequests(ctx, counts, usedAt)
}

// The tests share one database, because opening one takes seconds under the race
// detector; each has keys of its own.
var shared *store.Store

var sharedVault *store.Vault

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "auth")
	if err == nil {
		shared, err = store.Open(context.Background(), "sqlite://"+filepath.Join(dir, "gateway.db"), zap.NewNop())
	}
	if err == nil {
		sharedVault, err = store.OpenVault(dir, "", "")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := errors.Join(shared.Close(), os.RemoveAll(dir), goleak.Find()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func setup(t testing.TB, change func(*Config)) *bundle {
	t.Helper()
	b := &bundle{store: shared}
	keyring, err := NewKeyring(b, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keyring.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	config := Config{Keyring: keyring, SignIns: newSignIns(t, keyring), Enabled: true, AdminToken: "a-long-admin-token", Logger: zap.NewNop()}
	if change != nil {
		change(&config)
	}
	b.Authenticator = New(config)
	return b
}

func newSignIns(t testing.TB, keyring *Keyring) *SignIns {
	t.Helper()
	signIns, err := NewSignIns(shared, sharedVault, keyring, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signIns.Close)
	return signIns
}

func (b *bundle) newKey(t testing.TB, change func(*store.Key)) (secret string, key *store.Key) {
	t.Helper()
	secret, hash, prefix := NewSecret()
	key = &store.Key{ID: "key-" + prefix, Name: "test", Hash: hash, Prefix: prefix, Scopes: slices.Clone(DefaultScopes), Enabled: true, Weight: 1}
	if change != nil {
		change(key)
	}
	if err := b.store.CreateKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	return secret, key
}

func request(method, authorization string) *http.Request {
	r := httptest.NewRequest(method, "http://gateway.example/api/v1/tasks", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func refusedWith(err error) string {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Code
	}
	return "not a refusal"
}

func TestBearer(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	good, key := b.newKey(t, nil)
	off, _ := b.newKey(t, func(k *store.Key) { k.Enabled = false })
	old, _ := b.newKey(t, func(k *store.Key) { k.ExpiresAt = time.Now().Add(-time.Second).UnixMilli() })
	unknown, _, _ := NewSecret()
	tests := map[string]struct{ header, id, code string }{
		"key":               {"Bearer " + good, key.ID, ""},
		"other letters":     {"bearer  " + good, key.ID, ""},
		"admin token":       {"Bearer a-long-admin-token", AdminKeyID, ""},
		"nothing":           {"", "", "missing_key"},
		"basic":             {"Basic Z3c6Z3c=", "", "missing_key"},
		"empty":             {"Bearer ", "", "invalid_key"},
		"unknown":           {"Bearer " + unknown, "", "invalid_key"},
		"malformed":         {"Bearer hello", "", "invalid_key"},
		"longer":            {"Bearer " + good + "0", "", "invalid_key"},
		"admin's beginning": {"Bearer a-long-admin-toke", "", "invalid_key"},
		"disabled":          {"Bearer " + off, "", "disabled_key"},
		"expired":           {"Bearer " + old, "", "expired_key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := b.Authenticate(request("GET", test.header))
			if test.code != "" {
				if refusedWith(err) != test.code {
					t.Errorf("got %v, want %s", err, test.code)
				}
			} else if err != nil || p.Key.ID != test.id {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	secret, key := b.newKey(t, nil)
	p, err := b.Authenticate(request("GET", "Bearer "+secret))
	if err != nil {
		t.Fatal(err)
	}
	if !p.Has(TaskRead) || p.Has(TaskRetry) || p.Has(Admin) || p.Owner() != key.ID {
		t.Errorf("principal %+v", p.Key)
	}
	admin, err := b.Authenticate(request("GET", "Bearer a-long-admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	if !admin.Has(TaskRetry) || admin.Owner() != "" {
		t.Error("admin does not include the other scopes")
	}
}

// Neither a good nor a wrong key costs a round trip to the database once it is
// known, and a change is seen at once.
func TestCache(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	secret, key := b.newKey(t, nil)
	unknown, unknownHash, _ := NewSecret()
	for range 10 {
		if _, err := b.Authenticate(request("GET", "Bearer "+secret)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Authenticate(request("GET", "Bearer "+unknown)); refusedWith(err) != "invalid_key" {
			t.Fatal(err)
		}
	}
	if n := b.lookups.Load(); n != 2 {
		t.Errorf("%d look-ups for 20 requests with two keys", n)
	}
	if _, err := b.store.UpdateKey(t.Context(), key.ID, func(k *store.Key) error { k.Enabled = false; return nil }); err != nil {
		t.Fatal(err)
	}
	b.Keyring().Invalidate()
	if _, err := b.Authenticate(request("GET", "Bearer "+secret)); refusedWith(err) != "disabled_key" {
		t.Errorf("after it was disabled: %v", err)
	}
	// A key that comes into being after somebody tried it works too.
	if err := b.store.CreateKey(t.Context(), &store.Key{ID: "late-" + unknownHash, Name: "late", Hash: unknownHash, Scopes: DefaultScopes, Enabled: true, Weight: 1}); err != nil {
		t.Fatal(err)
	}
	b.Keyring().Invalidate()
	if _, err := b.Authenticate(request("GET", "Bearer "+unknown)); err != nil {
		t.Error(err)
	}
}

// A database that is away is no reason to call a key wrong, and neither is a client
// that was the first to ask and has gone.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	secret, _ := b.newKey(t, nil)
	r := request("GET", "Bearer "+secret)
	b.away.Store(true)
	if _, err := b.Authenticate(r); err == nil || refusedWith(err) != "not a refusal" {
		t.Errorf("got %v, want an error that is no refusal", err)
	}
	b.away.Store(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Authenticate(r.WithContext(ctx)); err != nil {
		t.Errorf("the failure was remembered: %v", err)
	}
}

func TestLocalOnly(t *testing.T) {
	t.Parallel()
	loopback := func(r *http.Request) *http.Request {
		r.RemoteAddr, r.Host = "127.0.0.1:40000", "localhost:5100"
		addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5100}
		return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
	}
	tests := map[string]struct {
		change func(*http.Request) *http.Request
		code   string
	}{
		"direct":    {func(r *http.Request) *http.Request { return r }, ""},
		"IPv6":      {func(r *http.Request) *http.Request { r.RemoteAddr = "[::1]:40000"; r.Host = "[::1]:5100"; return r }, ""},
		"mapped":    {func(r *http.Request) *http.Request { r.RemoteAddr = "[::ffff:127.0.0.1]:40000"; return r }, ""},
		"remote":    {func(r *http.Request) *http.Request { r.RemoteAddr = "192.0.2.1:40000"; return r }, "loopback_only"},
		"forwarded": {func(r *http.Request) *http.Request { r.Header.Set("X-Forwarded-For", "127.0.0.1"); return r }, "loopback_only"},
		"RFC 7239":  {func(r *http.Request) *http.Request { r.Header.Set("Forwarded", "for=127.0.0.1"); return r }, "loopback_only"},
		"rebound":   {func(r *http.Request) *http.Request { r.Host = "evil.example:5100"; return r }, "loopback_only"},
		"no address": {func(r *http.Request) *http.Request {
			return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, nil))
		}, "loopback_only"},
		"outer interface": {func(r *http.Request) *http.Request {
			addr := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 5100}
			return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
		}, "loopback_only"},
		"foreign page": {func(r *http.Request) *http.Request { r.Header.Set("Sec-Fetch-Site", "cross-site"); return r }, "cross_origin"},
	}
	off := setup(t, func(c *Config) { c.Enabled = false })
	insecure := setup(t, func(c *Config) { c.Enabled, c.Insecure = false, true })
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := test.change(loopback(request("POST", "")))
			p, err := off.Authenticate(r)
			if test.code != "" && refusedWith(err) != test.code || test.code == "" && (err != nil || p.Key.ID != AnonymousKeyID || !p.Has(Admin)) {
				t.Errorf("got %v, want %q", err, test.code)
			}
			// Told twice, the gateway serves everybody, but no foreign page.
			if _, err := insecure.Authenticate(r); (err != nil) != (test.code == "cross_origin") {
				t.Errorf("insecure: %v", err)
			}
		})
	}
}

func TestCountsReachTheStore(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	secret, key := b.newKey(t, func(k *store.Key) { k.RateLimit = 2 })
	b.Keyring().Start()
	for range 3 {
		p, err := b.Authenticate(request("GET", "Bearer "+secret))
		if err != nil {
			t.Fatal(err)
		}
		b.Keyring().Take(p)
	}
	if err := b.Keyring().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	used, err := b.store.Today(t.Context(), key.ID)
	if err != nil || used.Requests != 3 {
		t.Errorf("%d requests, %v; want 3, the refused one included", used.Requests, err)
	}
}

// flaky is a store whose first flush fails.
type flaky struct {
	Keys
	fails  atomic.Int64
	counts chan map[string]int64
}

func (f *flaky) AccessVersion(context.Context) (int64, error) { return 0, nil }

func (f *flaky) AddRequests(_ context.Context, counts map[string]int64, _ int64) error {
	if f.fails.Add(-1) >= 0 {
		return errors.New("database is gone")
	}
	f.counts <- counts
	return nil
}

func TestFlushTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{counts: make(chan map[string]int64, 1)}
		f.fails.Store(2)
		keyring, err := NewKeyring(f, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		keyring.Start()
		keyring.Take(&Principal{Key: &store.Key{ID: "a"}})
		if counts := <-f.counts; counts["a"] != 1 || time.Since(start) != 3*flushEvery {
			t.Errorf("counts %v after %v", counts, time.Since(start))
		}
		if err := keyring.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
