package caddymodule

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Where a key may be used from is told by the client's address, which a proxy names
// if Caddy trusts it, and nobody else can.
func TestNetworksOfAKeyBehindAProxy(t *testing.T) {
	g := newGateway(t)
	g.mustLoad("", "")
	secret, hash, prefix := auth.NewSecret()
	err := g.running().store.CreateKey(t.Context(), &store.Key{ID: "farm", Name: "farm", Hash: hash, Prefix: prefix, Scopes: auth.DefaultScopes,
		Enabled: true, Weight: 1, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(forwarded string) int {
		response, _ := g.get("/api/v1/me", "Authorization", "Bearer "+secret, "X-Forwarded-For", forwarded)
		return response.StatusCode
	}
	if got := ask("192.0.2.9"); got != http.StatusForbidden {
		t.Errorf("anybody can say to come from there: %d", got)
	}
	config := g.config("", "")
	servers := config["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)
	for _, server := range servers {
		server.(map[string]any)["trusted_proxies"] = map[string]any{"source": "static", "ranges": []string{"127.0.0.0/8"}}
		server.(map[string]any)["trusted_proxies_strict"] = 1
	}
	if err := g.load(config); err != nil {
		t.Fatal(err)
	}
	for forwarded, want := range map[string]int{
		"192.0.2.9": http.StatusOK, "192.0.3.9": http.StatusForbidden,
		"192.0.2.9, 203.0.113.5": http.StatusForbidden, // the first part is the client's own word
	} {
		if got := ask(forwarded); got != want {
			t.Errorf("from %s: %d, want %d", forwarded, got, want)
		}
	}
}
