package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

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
