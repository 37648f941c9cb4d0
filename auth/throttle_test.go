package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// from is a request from an address.
func from(address, authorization string) *http.Request {
	r := request("GET", authorization)
	return r.WithContext(WithClient(r.Context(), Client{Address: netip.MustParseAddr(address)}))
}

func TestWrongKeysAreSlowed(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.WarnLevel)
	b := setup(t, func(c *Config) {
		c.AdminToken = "short"
		c.Keyring.wrong.log = zap.New(core)
	})
	logs.TakeAll() // of the short token
	good, key := b.newKey(t, nil)
	if _, err := b.Authenticate(from("192.0.2.1", "Bearer "+good)); err != nil {
		t.Fatal(err)
	}
	known, _, _ := NewSecret()
	guess := func(i int) string { return [...]string{"Bearer " + known, "Bearer shor"}[i%2] }
	for i := range wrongBurst {
		if _, err := b.Authenticate(from("192.0.2.1", guess(i))); refusedWith(err) != "invalid_key" {
			t.Fatalf("wrong key %d: %v", i, err)
		}
	}
	lookups := b.lookups.Load()
	for i := range 50 {
		_, err := b.Authenticate(from("192.0.2.1", guess(i)))
		refusal, _ := errors.AsType[*Refusal](err)
		if refusal == nil || refusal.Code != "too_many_wrong_keys" || refusal.Status != http.StatusTooManyRequests || refusal.RetryAfter <= 0 || refusal.RetryAfter > wrongEvery {
			t.Fatalf("one too many: %+v, %v", refusal, err)
		}
	}
	// The token may be short enough to be guessed, so now it is not even compared.
	if _, err := b.Authenticate(from("192.0.2.1", "Bearer short")); refusedWith(err) != "too_many_wrong_keys" {
		t.Errorf("the admin token after many guesses: %v", err)
	}
	if n := b.lookups.Load(); n != lookups {
		t.Errorf("%d look-ups for keys that are known to be wrong", n-lookups)
	}
	// Signing in is no way around.
	r := httptest.NewRequest("POST", "http://localhost:5100/auth/key", nil)
	r = r.WithContext(WithClient(r.Context(), Client{Address: netip.MustParseAddr("192.0.2.1")}))
	if _, err := b.SignIn(httptest.NewRecorder(), r, known); refusedWith(err) != "too_many_wrong_keys" {
		t.Errorf("sign-in: %v", err)
	}
	// Nobody else is locked out: not a right key from there, nor anybody from elsewhere.
	fresh, _ := b.newKey(t, nil) // which the cache does not have
	for _, secret := range []string{good, fresh} {
		if p, err := b.Authenticate(from("192.0.2.1", "Bearer "+secret)); err != nil || p.Key.ID == "" {
			t.Errorf("a right key from the same address: %v", err)
		}
	}
	if _, err := b.Authenticate(from("192.0.2.2", "Bearer short")); err != nil {
		t.Errorf("the admin from another address: %v", err)
	}
	if p, err := b.SignIn(httptest.NewRecorder(), r, good); err != nil || p.Key.ID != key.ID {
		t.Errorf("a right sign-in from the same address: %v", err)
	}
	lines := logs.All()
	if len(lines) != 1 || lines[0].ContextMap()["address"] != "192.0.2.1" || strings.Contains(fmt.Sprint(lines[0]), known[8:]) {
		t.Errorf("the log has %v", lines)
	}
}

// With IPv6, whoever has an address has a whole network.
func TestNeighboursShareTheirTries(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i := range wrongBurst {
		_, _ = b.Authenticate(from(fmt.Sprintf("2001:db8:0:1::%x", i+1), "Bearer wrong"))
	}
	for address, want := range map[string]string{
		"2001:db8:0:1:ffff::1": "too_many_wrong_keys", "2001:db8:0:2::1": "invalid_key", "192.0.2.1": "invalid_key",
	} {
		if _, err := b.Authenticate(from(address, "Bearer wrong")); refusedWith(err) != want {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}

func TestManyAddressesDoNotFillTheMemory(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	good, _ := b.newKey(t, nil)
	address := netip.MustParseAddr("10.0.0.1")
	for range 5 * wrongAddresses {
		_, _ = b.Authenticate(from(address.String(), "Bearer wrong"))
		address = address.Next()
	}
	senders := b.keyring.wrong.senders
	senders.CleanUp()
	if n := senders.EstimatedSize(); n > wrongAddresses {
		t.Errorf("%d addresses are kept", n)
	}
	if _, err := b.Authenticate(from("10.0.0.1", "Bearer "+good)); err != nil {
		t.Error(err)
	}
}

// What looks like a key, or is far too long, gets one clear line and no look-up.
func TestOddKeys(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	good, _ := b.newKey(t, nil)
	for name, secret := range map[string]string{
		"look-alikes":     strings.NewReplacer("a", "а", "c", "с", "e", "е", "g", "ɡ", "0", "０").Replace(good), // Cyrillic, IPA, full width
		"a space within":  good[:10] + " " + good[10:],
		"two keys":        good + " " + good,
		"a quoted one":    `"` + good + `"`,
		"a no-break":      "\u00a0" + good,
		"100 kB":          strings.Repeat("x", 100_000),
		"100 kB of a key": good + strings.Repeat("0", 100_000),
		"a NUL":           good[:34] + "\x00",
		"not UTF-8":       "gw_\xff\xfe" + good[5:],
	} {
		start := time.Now()
		_, err := b.Authenticate(from("198.51.100.7", "Bearer "+secret))
		refusal, _ := errors.AsType[*Refusal](err)
		if refusal == nil || refusal.Code != "invalid_key" || strings.ContainsAny(refusal.Message, "\r\n") || len(refusal.Message) > 200 {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("%s took %v", name, took)
		}
	}
	if n := b.lookups.Load(); n != 0 {
		t.Errorf("%d look-ups", n)
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	networks, err := ParseNetworks([]string{"192.0.2.0/28", "203.0.113.9", "2001:db8::/48", "::ffff:198.51.100.1"})
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := b.newKey(t, func(k *store.Key) { k.Networks = networks })
	cookie := signInFrom(t, b, secret, "192.0.2.3")
	for address, allowed := range map[string]bool{
		"192.0.2.15": true, "192.0.2.16": false, "203.0.113.9": true, "203.0.113.8": false, "198.51.100.1": true,
		"2001:db8::1": true, "2001:db8:1::1": false, "::ffff:192.0.2.1": true,
	} {
		r := from(address, "Bearer "+secret)
		_, err := b.Authenticate(r)
		refusal, _ := errors.AsType[*Refusal](err)
		if allowed && err != nil || !allowed && (refusal == nil || refusal.Code != "address_not_allowed" || refusal.Limit != "networks" || !strings.Contains(refusal.Message, "192.0.2.0/28")) {
			t.Errorf("%s: %v", address, err)
		}
		r.Header.Del("Authorization")
		r.AddCookie(cookie)
		if _, err := b.Authenticate(r); (err == nil) != allowed {
			t.Errorf("%s with the cookie: %v", address, err)
		}
	}
	r := request("GET", "Bearer "+secret)
	r.RemoteAddr = "@" // a unix socket
	if _, err := b.Authenticate(r); refusedWith(err) != "address_not_allowed" {
		t.Errorf("from nowhere: %v", err)
	}
	if got := strings.Join(NetworkTexts(networks), " "); got != "192.0.2.0/28 203.0.113.9 2001:db8::/48 198.51.100.1" {
		t.Errorf("shown as %s", got)
	}
}

func signInFrom(t *testing.T, b *bundle, secret, address string) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "http://gateway.example/auth/key", nil)
	if _, err := b.SignIn(w, r.WithContext(WithClient(r.Context(), Client{Address: netip.MustParseAddr(address)})), secret); err != nil {
		t.Fatal(err)
	}
	return w.Result().Cookies()[0]
}

func TestParseNetworksRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "neither", "example.com": "neither", "10.0.0.0/33": "neither", "10.0.0.1/8": "the network is 10.0.0.0/8",
		"::ffff:10.0.0.0/104": "IPv4", "fe80::1%eth0": "neither", " 10.0.0.1": "neither", "10.0.0.0-10.0.0.9": "neither",
	} {
		if _, err := ParseNetworks([]string{text}); err == nil || !strings.HasPrefix(err.Error(), "networks: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ParseNetworks([]string{"10.0.0.1", "10.0.0.1/32"}); err == nil {
		t.Error("the same twice")
	}
}

// Both secrets of a key work until the grace is over, then the old one is told why.
func TestRotation(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	first, key := b.newKey(t, nil)
	rotate := func(grace time.Duration) string {
		secret, hash, prefix := NewSecret()
		_, err := b.store.UpdateKey(t.Context(), key.ID, func(k *store.Key) error {
			k.OldHash, k.OldUntil, k.Hash, k.Prefix = k.Hash, time.Now().Add(grace).UnixMilli(), hash, prefix
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Keyring().Invalidate()
		return secret
	}
	check := func(secret, want string) {
		t.Helper()
		p, err := b.Authenticate(request("GET", "Bearer "+secret))
		if want == "" && (err != nil || p.Key.ID != key.ID) || want != "" && refusedWith(err) != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	cookie := signIn(t, b, first, nil)
	second := rotate(time.Hour)
	check(first, "")
	check(second, "")
	if _, err := b.Authenticate(withCookie("GET", cookie)); err != nil {
		t.Errorf("a sign-in with the old secret: %v", err)
	}
	third := rotate(0)
	check(first, "invalid_key")
	check(second, "rotated_key")
	check(third, "")
	if _, err := b.Authenticate(withCookie("GET", cookie)); refusedWith(err) != "signed_out" {
		t.Errorf("a sign-in with a secret that is gone: %v", err)
	}
}
