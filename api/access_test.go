package api_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

var updateAccess = flag.Bool("update-access", false, "write testdata/access.txt anew")

// callers are one of every kind, with the scopes that make them what they are. A
// person is a role, and a role is its scopes.
func callers() map[string][]string {
	kinds := map[string][]string{"key": auth.DefaultScopes}
	for _, role := range auth.Roles {
		kinds[string(role)] = role.Scopes()
	}
	for _, scope := range auth.Scopes {
		if scope != auth.Admin {
			kinds["only "+scope] = []string{scope}
		}
	}
	return kinds
}

// Every route is called by every kind of caller. What they get is in
// testdata/access.txt, where a change of who may do what is seen.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	vault, err := store.OpenVault(t.TempDir(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	// A vault that opens nothing: nobody rotates the key that all tests share.
	g := serve(t, func(c *api.Config) { c.Vault = vault })
	allowed := map[string][]string{} // route → callers
	patterns := slices.Sorted(maps.Keys(api.Access))
	try := func(caller, secret string) {
		for _, pattern := range patterns {
			if g.mayCall(pattern, secret) {
				allowed[pattern] = append(allowed[pattern], caller)
			}
		}
	}
	try("stranger", "")
	for name, scopes := range callers() {
		try(name, g.newKey(&store.Key{Name: name, Scopes: scopes}))
	}
	// Keys that exist and do not hold any more are strangers' on every route.
	dead := map[string]string{
		"wrong":    "gw_" + strings.Repeat("0", 32),
		"disabled": g.newKey(&store.Key{Name: "disabled", Scopes: []string{auth.Admin}, ExpiresAt: -1}),
		"expired":  g.newKey(&store.Key{Name: "expired", Scopes: []string{auth.Admin}, ExpiresAt: time.Now().Add(-time.Hour).UnixMilli()}),
	}
	for name, secret := range dead {
		for _, pattern := range patterns {
			if g.mayCall(pattern, secret) && !slices.Contains(allowed[pattern], "stranger") {
				t.Errorf("%s lets a key in that is %s", pattern, name)
			}
		}
	}

	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, pattern := range patterns {
		fmt.Fprintf(table, "%s\t%s\n", pattern, g.summary(allowed[pattern]))
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "access.txt")
	if *updateAccess {
		if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("who may do what has changed (go test ./api -run TestWhoMayDoWhat -update-access, if it is meant):\n%s", diff)
	}
}

// summary names the kinds, with a word for all and all who have a key.
func (g *gateway) summary(names []string) string {
	everybody := len(callers()) + 1
	switch {
	case len(names) == everybody:
		return "everybody"
	case len(names) == everybody-1 && !slices.Contains(names, "stranger"):
		return "every key and person"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// newKey stores a key as it is, past the rules of the API, and returns its secret.
func (g *gateway) newKey(k *store.Key) (secret string) {
	g.t.Helper()
	secret, k.Hash, k.Prefix = auth.NewSecret()
	k.ID, k.Enabled, k.Weight = "access-"+store.NewID(""), k.ExpiresAt >= 0, 1
	k.ExpiresAt = max(k.ExpiresAt, 0)
	if err := shared.store.CreateKey(g.t.Context(), k); err != nil {
		g.t.Fatal(err)
	}
	return secret
}

var wildcard = regexp.MustCompile(`\{[a-z]+\}`)

// mayCall reports whether the caller gets past the question who it is. The
// request itself is a bad one, so that nothing happens.
func (g *gateway) mayCall(pattern, secret string) bool {
	g.t.Helper()
	method, path, _ := strings.Cut(pattern, " ")
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, g.url+wildcard.ReplaceAllString(path, "0"), strings.NewReader("["))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	response, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	if h := response.Header; h.Get("X-Frame-Options") != "DENY" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
		h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Access-Control-Allow-Origin") != "" {
		g.t.Errorf("%s: a page could use the answer: %v", pattern, h)
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusTooManyRequests:
		return false
	case http.StatusForbidden:
		text, err := io.ReadAll(response.Body) // its shape is the dialect's
		if err != nil {
			g.t.Fatal(err)
		}
		return !bytes.Contains(text, []byte("missing_scope"))
	}
	return true
}
