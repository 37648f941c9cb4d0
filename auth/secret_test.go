package auth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

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
