package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

const providerFolder = "../auth/testdata/provider"

// providerInput keeps the certified provider running as long as it is open.
var providerInput io.WriteCloser

// startProvider starts the certified provider once for all tests; it ends with
// this process, which holds its standard input.
var startProvider = sync.OnceValues(func() (issuer string, err error) {
	if _, err := os.Stat(filepath.Join(providerFolder, "node_modules", "oidc-provider")); err != nil {
		return "", errors.New("its packages are not installed: npm ci in auth/testdata/provider, or scripts/test.sh")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return "", errors.New("there is no Node.js")
	}
	command := exec.Command(node, "server.mjs")
	command.Dir = providerFolder
	var said bytes.Buffer
	command.Stderr = &said
	if providerInput, err = command.StdinPipe(); err != nil {
		return "", err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://") {
			return lines.Text(), nil
		}
	}
	_ = command.Wait()
	return "", errors.New(said.String())
})

// certified is a gateway that is a client of the certified provider.
type certified struct {
	*signOn
	issuer, client string
}

func serveCertified(t *testing.T, change func(*auth.OIDCConfig)) *certified {
	t.Helper()
	issuer, err := startProvider()
	if err != nil {
		t.Skip("the certified OpenID provider cannot run:", err)
	}
	c := &certified{issuer: issuer}
	c.signOn = serveOIDC(t, func(address string) auth.OIDCConfig {
		registration, _ := json.Marshal(map[string]any{
			"redirect_uris": []string{address + "/auth/callback"}, "post_logout_redirect_uris": []string{address + "/"},
			"backchannel_logout_uri": address + "/auth/backchannel-logout", "backchannel_logout_session_required": true,
			"grant_types": []string{"authorization_code", "refresh_token", "client_credentials"}, "response_types": []string{"code"},
		})
		res, err := http.Post(issuer+"/reg", "application/json", bytes.NewReader(registration))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var client struct {
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
			Error  string `json:"error_description"`
		}
		if err := json.NewDecoder(res.Body).Decode(&client); err != nil || client.ID == "" {
			t.Fatalf("%s %s %v", res.Status, client.Error, err)
		}
		c.client = client.ID
		config := auth.OIDCConfig{Issuer: issuer, ClientID: client.ID, ClientSecret: client.Secret, Scopes: []string{"profile", "email", "roles"}}
		if change != nil {
			change(&config)
		}
		return config
	})
	return c
}

// put tells the provider of an account, or of what a client's access tokens say.
func (c *certified) put(path, claims string) {
	c.t.Helper()
	if res, raw := c.browser().do("PUT", c.issuer+path, "application/json", strings.NewReader(claims)); res.StatusCode != http.StatusNoContent {
		c.t.Fatalf("%s %s", res.Status, raw)
	}
}

// signIn takes the browser through the provider's page.
func (c *certified) signIn(b *gateway, name, returnTo string) *url.URL {
	c.t.Helper()
	at, page := b.visit("/auth/login?" + url.Values{"return_to": {returnTo}}.Encode())
	if !strings.HasPrefix(at.Path, "/interaction/") {
		return at // signed in at the provider already
	}
	if !strings.Contains(page, "<h1>Provider</h1>") {
		c.t.Fatalf("at %s: %s", at, page)
	}
	form := url.Values{"name": {name}}
	if name == "" {
		form.Set("deny", "yes")
	}
	res, _ := b.send(at.String(), form)
	return res.Request.URL
}

func TestCertifiedProvider(t *testing.T) {
	t.Parallel()
	c := serveCertified(t, nil)
	c.put("/accounts/ann", `{"name":"Ann Lee","email":"ann@example.com","email_verified":true,"roles":["operator"]}`)
	b := c.browser()
	if at := c.signIn(b, "", "/"); at.RawQuery != "error=denied" {
		t.Fatalf("denied: at %s; log %q", at, c.logged())
	}
	if at := c.signIn(b, "ann", "/tasks?status=failed"); at.String() != c.url+"/tasks?status=failed" {
		t.Fatalf("at %s; log %q", at, c.logged())
	}
	b.wantSignedIn("operator")
	if me := b.me(); me["name"] != "Ann Lee" {
		t.Errorf("me %v", me)
	}
	person := auth.PersonID(c.issuer, "ann")
	// What a person makes is theirs, and everybody's who may see it all.
	task := b.json("POST", "/api/v1/tasks", `{"model":"jimeng-video-3.0","prompt":"a paper boat","duration":5}`, http.StatusCreated)["task"].(map[string]any)["id"].(string)
	b.await(task, "succeeded")
	c.await(task, "succeeded")

	// Refresh, with rotated refresh tokens: twice, so that the new one is used.
	for _, role := range []string{"viewer", "admin"} {
		c.put("/accounts/ann", `{"name":"Ann Lee","roles":"`+role+`"}`)
		c.age(person, 6*60_000)
		b.wantSignedIn(role)
	}
	if people := mustJSON(t, b.json("GET", "/api/v1/people", "", http.StatusOK)); !strings.Contains(people, person) {
		t.Errorf("people %s", people)
	}

	// Signing out there signs out here: the provider says so behind the browser's back.
	other := c.browser()
	c.signIn(other, "ann", "/")
	other.wantSignedIn("admin")
	c.confirmEnd(b, c.issuer+"/session/end")
	b.wantSignedOut()
	other.wantSignedIn("admin") // another sign-in at the provider

	// Signing out here leads there and back, and then the provider asks who it is.
	c.signIn(b, "ann", "/")
	end := b.json("POST", "/auth/logout", "", http.StatusOK)["redirect"].(string)
	b.wantSignedOut()
	if at := c.confirmEnd(b, end); at.String() != c.url+"/" {
		t.Errorf("after the end the browser is at %s", at)
	}
	if at, _ := b.visit("/auth/login"); !strings.HasPrefix(at.Path, "/interaction/") {
		t.Errorf("the provider still knows the browser: at %s", at)
	}

	// The account is gone: the refresh token is worth nothing.
	c.put("/accounts/ann", `null`)
	c.age(person, 6*60_000)
	other.wantSignedOut()
	c.wantLogged("the provider has ended a sign-in")
}

var hidden = regexp.MustCompile(`name="xsrf" value="([^"]+)"`)

// confirmEnd answers the provider's question whether to sign out there.
func (c *certified) confirmEnd(b *gateway, address string) *url.URL {
	c.t.Helper()
	at, page := b.visit(address)
	found := hidden.FindStringSubmatch(page)
	if found == nil {
		c.t.Fatalf("at %s: %s", at, page)
	}
	res, _ := b.send(c.issuer+"/session/end/confirm", url.Values{"xsrf": {found[1]}, "logout": {"yes"}})
	return res.Request.URL
}

func TestCertifiedNoRole(t *testing.T) {
	t.Parallel()
	c := serveCertified(t, func(config *auth.OIDCConfig) { config.Roles = auth.RoleRules{Claim: "realm_access.roles"} })
	c.put("/accounts/bob", `{"name":"Bob","realm_access":{"roles":["dancer"]}}`)
	b := c.browser()
	c.wantRefused(b, c.signIn(b, "bob", "/"), "no_role", "no value of realm_access.roles")
	c.put("/accounts/bob", `{"name":"Bob","realm_access":{"roles":["dancer","viewer"]}}`)
	c.signIn(b, "bob", "/")
	b.wantSignedIn("viewer")
}

func TestCertifiedBearer(t *testing.T) {
	t.Parallel()
	var secret string
	c := serveCertified(t, func(config *auth.OIDCConfig) { config.BearerAudience, secret = "jimeng-api", config.ClientSecret })
	c.put("/clients/"+c.client, `{"roles":["viewer"],"name":"nightly job"}`)
	token := func(resource string) string {
		form := url.Values{"grant_type": {"client_credentials"}, "resource": {"https://" + resource}, "scope": {"api"}}
		r, err := http.NewRequestWithContext(t.Context(), "POST", c.issuer+"/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(c.client, secret)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var answer struct {
			Token string `json:"access_token"`
			Error string `json:"error_description"`
		}
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
			t.Fatalf("%s %s %v", res.Status, answer.Error, err)
		}
		return answer.Token
	}
	c.key = token("jimeng-api")
	c.json("GET", "/api/v1/tasks", "", http.StatusOK)
	c.json("GET", "/api/v1/keys", "", http.StatusForbidden)
	c.key = token("another-api")
	c.json("GET", "/api/v1/tasks", "", http.StatusUnauthorized)
}
