package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const oidcSecret = "the-client-secret-of-the-tests"

// signOn is a gateway with single sign-on.
type signOn struct {
	*gateway
	auth *auth.Authenticator
	logs *observer.ObservedLogs
}

// serveOIDC serves with a provider. The callback is told the gateway's address,
// which a provider may want to know before the gateway knows the provider.
func serveOIDC(t *testing.T, configure func(address string) auth.OIDCConfig) *signOn {
	t.Helper()
	var handler http.Handler
	var made sync.WaitGroup
	made.Add(1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made.Wait()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	core, logs := observer.New(zapcore.DebugLevel)
	log := zap.New(core)
	provider, err := auth.NewOIDC(configure(server.URL), shared.signIns, log)
	if err != nil {
		t.Fatal(err)
	}
	s := &signOn{logs: logs, auth: auth.New(auth.Config{Keyring: shared.keyring, SignIns: shared.signIns, Enabled: true, AdminToken: adminToken, OIDC: provider, Logger: log})}
	handler = newHandler(t, func(c *api.Config) { c.Auth, c.Logger = s.auth, log })
	made.Done()
	s.gateway = &gateway{t: t, url: server.URL, client: server.Client(), key: adminToken}
	return s
}

func (i *issuer) config(string) auth.OIDCConfig {
	return auth.OIDCConfig{Issuer: i.URL, ClientID: "gateway", ClientSecret: oidcSecret}
}

// browser is somebody's, with cookies of its own. It carries no key.
func (s *signOn) browser() *gateway {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	other := *s.gateway
	other.key = ""
	other.client = &http.Client{Jar: jar, Transport: s.client.Transport}
	return &other
}

// visit follows redirects from an address on and returns where that ends.
func (g *gateway) visit(address string) (at *url.URL, page string) {
	g.t.Helper()
	res, raw := g.do("GET", address, "", nil, "Accept", "text/html")
	return res.Request.URL, string(raw)
}

// me is who the browser is signed in as.
func (g *gateway) me() map[string]any {
	g.t.Helper()
	return g.json("GET", "/auth/me", "", http.StatusOK)
}

func (g *gateway) wantSignedIn(role string) {
	g.t.Helper()
	if me := g.me(); me["authenticated"] != true || me["role"] != role || me["kind"] != "person" {
		g.t.Fatalf("want a person with the role %s: %v", role, me)
	}
}

func (g *gateway) wantSignedOut() {
	g.t.Helper()
	if me := g.me(); me["authenticated"] != false {
		g.t.Fatalf("want nobody: %v", me)
	}
}

// stopping is the same browser that stops at the first redirect.
func (g *gateway) stopping() *gateway {
	other := *g
	client := *g.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	other.client = &client
	return &other
}

// wantRefused expects that the browser ends on the sign-in page with the code,
// signed in nowhere, and that the log has the cause.
func (s *signOn) wantRefused(b *gateway, at *url.URL, code, cause string) {
	s.t.Helper()
	if at.Path != "/signin" || at.RawQuery != "error="+code {
		s.t.Fatalf("the browser is at %s, want /signin?error=%s; log: %v", at, code, s.logged())
	}
	b.wantSignedOut()
	s.wantLogged(cause)
}

func (s *signOn) wantLogged(cause string) {
	s.t.Helper()
	if logged := s.logged(); !slices.ContainsFunc(logged, func(line string) bool { return strings.Contains(line, cause) }) {
		s.t.Fatalf("the log does not say %q: %q", cause, logged)
	}
}

// logged is everything in the log, but for what clients did wrong.
func (s *signOn) logged() (lines []string) {
	for _, entry := range s.logs.All() {
		if entry.Message == "request refused" {
			continue
		}
		fields, _ := json.Marshal(entry.ContextMap())
		lines = append(lines, entry.Message+" "+strings.ReplaceAll(string(fields), `\"`, `"`))
	}
	return lines
}

// age makes the sign-ins of a person older than they are.
func (s *signOn) age(person string, by int64) {
	s.t.Helper()
	err := shared.store.Write(s.t.Context(), store.Relaxed, func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE browser_sessions SET checked_at = checked_at - $2, busy_until = 0 WHERE key_id = $1", person, by)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.auth.ForgetSignIns()
}

// send posts a form.
func (g *gateway) send(address string, form url.Values) (*http.Response, string) {
	g.t.Helper()
	res, raw := g.do("POST", address, "application/x-www-form-urlencoded", io.Reader(strings.NewReader(form.Encode())))
	return res, string(raw)
}
