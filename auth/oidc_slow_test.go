package auth

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/zap"
)

// A provider that takes the call and then says nothing must not hold anybody up,
// and is not asked again by everybody who comes.
func TestSlowProvider(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	defer slow.Close()
	defer close(release)
	provider, err := NewOIDC(OIDCConfig{Issuer: slow.URL, ClientID: "gateway"}, setup(t, nil).signIns, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	provider.client.Timeout = 200 * time.Millisecond
	b := setup(t, func(c *Config) { c.OIDC = provider })
	start := time.Now()
	for range 20 {
		r := httptest.NewRequest("GET", "http://localhost:5100/auth/login", nil)
		if err := b.BeginSignIn(httptest.NewRecorder(), r, "http://localhost:5100", "/"); refusedWith(err) != "provider_unavailable" {
			t.Errorf("got %v", err)
		}
	}
	if took := time.Since(start); took > firstPause {
		t.Errorf("20 people waited %s", took)
	}
	if n := len(asked); n != 1 {
		t.Errorf("the provider was asked %d times, want 1", n)
	}
}

func TestCheckIssuer(t *testing.T) {
	t.Parallel()
	for issuer, ok := range map[string]bool{
		"https://id.example.com":          true,
		"https://id.example.com/realms/x": true,
		"http://localhost:8080":           true,
		"http://127.0.0.1:8080":           true,
		"http://[::1]:8080":               true,
		"http://id.example.com":           false,
		"http://127.0.0.1.example.com":    false,
		"ftp://id.example.com":            false,
		"https://u:p@id.example.com":      false,
		"https://id.example.com?x=y":      false,
		"id.example.com":                  false,
		"":                                false,
	} {
		if err := CheckIssuer(issuer); (err == nil) != ok {
			t.Errorf("%q: %v", issuer, err)
		}
	}
}

// An email address decides only if it is known to be the person's.
func TestRoleByEmail(t *testing.T) {
	t.Parallel()
	rules := RoleRules{Claim: "email"}
	rules.Add(Administrator, "ann@example.com")
	for _, verified := range []any{nil, false, "true", 1.0} {
		if role, why := rules.Of(map[string]any{"email": "ann@example.com", "email_verified": verified}); role != "" {
			t.Errorf("verified %v: %s, %s", verified, role, why)
		}
	}
	if role, why := rules.Of(map[string]any{"email": "ann@example.com", "email_verified": true}); role != Administrator {
		t.Errorf("verified: %q, %s", role, why)
	}
	urls := RoleRules{Claim: "https://example.com/claims.roles"}
	if role, why := urls.Of(map[string]any{"https://example.com/claims.roles": []any{"viewer", "operator"}}); role != Operator {
		t.Errorf("a name with dots: %q, %s", role, why)
	}
	rules.Default = Viewer
	if role, _ := rules.Of(map[string]any{}); role != Viewer {
		t.Errorf("default: %q", role)
	}
}
