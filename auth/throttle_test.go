package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// from is a request from an address.
func from(address, authorization string) *http.Request {
	r := request("GET", authorization)
	return r.WithContext(WithClient(r.Context(), Client{Address: netip.MustParseAddr(address)}))
}

func (b *bundle) try(address, authorization string) error {
	_, err := b.Authenticate(from(address, authorization))
	return err
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
	for i := range 3 * wrongBurst { // always the same two
		if _, err := b.Authenticate(from("192.0.2.1", guess(i))); refusedWith(err) != "invalid_key" {
			t.Fatalf("the same wrong key, %d: %v", i, err)
		}
	}
	for i := 0; refusedWith(b.try("192.0.2.1", fmt.Sprint("Bearer guess", i))) == "invalid_key"; i++ {
		if i > wrongBurst {
			t.Fatal("nobody slows it down")
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
		_, _ = b.Authenticate(from(fmt.Sprintf("2001:db8:0:1::%x", i+1), fmt.Sprint("Bearer wrong", i)))
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
