package api_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

// Access tokens of the provider are for the API; its other tokens are not.
func TestBearerTokens(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	g := serveOIDC(t, func(address string) auth.OIDCConfig {
		c := provider.config(address)
		c.BearerAudience = "jimeng-api"
		return c
	})
	token := func(change func(header, claims map[string]any)) string {
		header := map[string]any{"alg": "RS256", "kid": provider.key.id, "typ": "at+jwt"}
		claims := map[string]any{"iss": provider.URL, "aud": "jimeng-api", "sub": provider.subject, "exp": time.Now().Add(time.Minute).Unix(), "roles": "viewer"}
		if change != nil {
			change(header, claims)
		}
		return provider.key.sign(t, header, claims)
	}
	as := func(token string) *gateway {
		other := *g.gateway
		other.key = token
		return &other
	}
	set := func(name string, value any) string {
		return token(func(_, claims map[string]any) { claims[name] = value })
	}
	good := token(nil)
	as(good).json("GET", "/api/v1/tasks", "", http.StatusOK)
	as(good).json("POST", "/api/v1/tasks", `{"prompt":"x"}`, http.StatusForbidden)
	as(good).json("GET", "/api/v1/keys", "", http.StatusForbidden)
	as(set("roles", "admin")).json("GET", "/api/v1/keys", "", http.StatusOK)
	plainType := func(header, claims map[string]any) { header["typ"] = "JWT"; claims["typ"] = "Bearer" }
	as(token(plainType)).json("GET", "/api/v1/tasks", "", http.StatusOK)

	// It is not asked for again, neither the provider nor the database.
	provider.with(func() {
		provider.answer = func(w http.ResponseWriter, r *http.Request) bool {
			t.Errorf("the provider was asked for %s", r.URL)
			return false
		}
	})
	as(good).json("GET", "/api/v1/tasks", "", http.StatusOK)
	provider.with(func() { provider.answer = nil })

	foreign := newKey(t, provider.key.id)
	sign := func(sign func(header, claims map[string]any) string) string {
		claims := map[string]any{"iss": provider.URL, "aud": "jimeng-api", "sub": "x", "exp": time.Now().Add(time.Minute).Unix(), "roles": "admin"}
		return sign(map[string]any{"alg": "RS256", "kid": provider.key.id, "typ": "at+jwt"}, claims)
	}
	idToken := func(header, claims map[string]any) {
		header["typ"] = "JWT"
		claims["aud"] = []string{"gateway", "jimeng-api"}
		claims["nonce"] = "x"
	}
	for name, bad := range map[string]string{
		"forged":        sign(func(h, c map[string]any) string { return foreign.sign(t, h, c) }),
		"none":          sign(unsigned),
		"HS256":         sign(hs256),
		"expired":       set("exp", time.Now().Add(-time.Minute).Unix()),
		"not yet":       set("nbf", time.Now().Add(time.Hour).Unix()),
		"ID token":      set("aud", "gateway"),
		"of two":        token(idToken),
		"other issuer":  set("iss", "https://evil.example"),
		"nobody":        set("sub", ""),
		"logout token":  token(func(h, _ map[string]any) { h["typ"] = "logout+jwt" }),
		"refresh token": token(func(h, c map[string]any) { h["typ"] = "JWT"; c["typ"] = "Refresh" }),
		"huge":          good + strings.Repeat("A", 100_000),
		"nonsense":      "eyJ.eyJ.x",
	} {
		res, raw := as(bad).do("GET", "/api/v1/tasks", "", nil)
		if answer := g.decode(res, raw, http.StatusUnauthorized); answer["code"] != "invalid_token" {
			t.Errorf("%s: %v", name, answer)
		}
	}
	res, _ := as(good).do("DELETE", "/api/v1/sign-ins?person=a%00b", "", nil)
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("an id that no database takes: %s", res.Status)
	}
	if answer := as(set("roles", 5)).json("GET", "/api/v1/tasks", "", http.StatusForbidden); answer["code"] != "no_role" {
		t.Errorf("answer %v", answer)
	}
	// Where they are not switched on, no token of the provider is a key.
	off := serveOIDC(t, provider.config)
	off.key = good
	if answer := off.json("GET", "/api/v1/tasks", "", http.StatusUnauthorized); answer["code"] != "invalid_key" {
		t.Errorf("answer %v", answer)
	}
}

func TestBackChannelLogout(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	g := serveOIDC(t, provider.config)
	const event = "http://schemas.openid.net/event/backchannel-logout"
	token := func(change map[string]any) string {
		claims := map[string]any{"iss": provider.URL, "aud": "gateway", "sub": provider.subject, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
			"jti": "jti " + t.Name() + time.Now().String(), "events": map[string]any{event: map[string]any{}}}
		maps.Copy(claims, change)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
		return provider.key.sign(t, map[string]any{"alg": "RS256", "kid": provider.key.id, "typ": "logout+jwt"}, claims)
	}
	b := g.browser()
	b.visit("/auth/login")
	foreign := newKey(t, provider.key.id)
	for name, bad := range map[string]string{
		"forged":         foreign.sign(t, map[string]any{"alg": "RS256", "kid": provider.key.id}, map[string]any{"iss": provider.URL, "aud": "gateway", "sub": provider.subject}),
		"none":           unsigned(map[string]any{}, map[string]any{"iss": provider.URL, "aud": "gateway", "sub": provider.subject}),
		"other audience": token(map[string]any{"aud": "somebody"}),
		"other issuer":   token(map[string]any{"iss": "https://evil.example"}),
		"an ID token":    token(map[string]any{"nonce": "x"}),
		"no event":       token(map[string]any{"events": nil}),
		"old":            token(map[string]any{"iat": time.Now().Add(-time.Hour).Unix()}),
		"no time":        token(map[string]any{"iat": nil}),
		"expired":        token(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}),
		"no name":        token(map[string]any{"jti": nil}),
		"nobody":         token(map[string]any{"sub": nil}),
		"empty":          "",
	} {
		res, text := b.send("/auth/backchannel-logout", url.Values{"logout_token": {bad}})
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(text, "invalid_logout_token") {
			t.Errorf("%s: %s %s", name, res.Status, text)
		}
	}
	if res, _ := b.do("POST", "/auth/backchannel-logout", "application/json", strings.NewReader("{}")); res.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %s", res.Status)
	}
	b.wantSignedIn("operator")

	good := token(nil)
	res, text := g.browser().send("/auth/backchannel-logout", url.Values{"logout_token": {good}})
	if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %s", res.Status, text)
	}
	b.wantSignedOut()
	b.visit("/auth/login")
	if res, _ := g.browser().send("/auth/backchannel-logout", url.Values{"logout_token": {good}}); res.StatusCode != http.StatusBadRequest {
		t.Errorf("the second time: %s", res.Status)
	}
	g.wantLogged("used before")
	b.wantSignedIn("operator")
}
