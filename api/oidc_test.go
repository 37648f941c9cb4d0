package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

// What a provider must not get away with. Whatever it says, there is one code for
// the person, the cause in the log, and no sign-in.
func TestForgedSignIns(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	g := serveOIDC(t, provider.config)
	foreign := newKey(t, provider.key.id)
	unknown := newKey(t, "unknown")
	set := func(name string, value any) func(*issuer) {
		return func(i *issuer) { i.change = func(_, claims map[string]any) { claims[name] = value } }
	}
	lose := func(name string) func(*issuer) {
		return func(i *issuer) { i.change = func(_, claims map[string]any) { delete(claims, name) } }
	}
	by := func(sign func(header, claims map[string]any) string) func(*issuer) {
		return func(i *issuer) { i.sign = sign }
	}
	fails := func(path string, status int) func(*issuer) {
		return func(i *issuer) {
			i.answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == path {
					respond(w, status, map[string]any{"error": "temporarily_unavailable"})
				}
				return r.URL.Path == path
			}
		}
	}
	tests := map[string]struct {
		change      func(*issuer)
		code, cause string
	}{
		"forged":                {by(func(h, c map[string]any) string { return foreign.sign(t, h, c) }), "token", "failed to verify"},
		"unknown key":           {by(func(h, c map[string]any) string { h["kid"] = unknown.id; return unknown.sign(t, h, c) }), "token", "failed to verify"},
		"alg none":              {by(unsigned), "token", "check the ID token"},
		"client secret as key":  {by(hs256), "token", "check the ID token"},
		"no token":              {by(func(_, _ map[string]any) string { return "" }), "token", "gave no ID token"},
		"nonsense":              {by(func(_, _ map[string]any) string { return "a.b.c" }), "token", "check the ID token"},
		"huge":                  {by(func(_, _ map[string]any) string { return strings.Repeat("a", 2<<20) }), "provider_unavailable", "too long"},
		"expired":               {set("exp", time.Now().Add(-time.Hour).Unix()), "token", "expired"},
		"no expiry":             {lose("exp"), "token", "expired"},
		"foreign audience":      {set("aud", "somebody else"), "token", "expected audience"},
		"foreign issuer":        {set("iss", "https://evil.example"), "token", "different provider"},
		"foreign party":         {set("azp", "somebody else"), "token", "was made for"},
		"foreign nonce":         {set("nonce", "of another session"), "token", "nonce is not"},
		"no nonce":              {lose("nonce"), "token", "nonce is not"},
		"foreign access token":  {set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "token", "access token hash"},
		"nobody":                {set("sub", ""), "token", "names nobody"},
		"no role":               {set("roles", []string{"dancer"}), "no_role", "no value of roles gives a role"},
		"no claim":              {lose("roles"), "no_role", "there is no claim roles"},
		"number for a role":     {set("roles", 5), "no_role", "not a string or an array of strings"},
		"object for a role":     {set("roles", map[string]any{"admin": true}), "no_role", "not a string or an array of strings"},
		"numbers beside a role": {set("roles", []any{"admin", 5}), "no_role", "not a string or an array of strings"},
		"null for a role":       {set("roles", nil), "no_role", "there is no claim roles"},
		"tokens fail":           {fails("/token", http.StatusInternalServerError), "provider_unavailable", "redeem the code"},
		"code refused":          {fails("/token", http.StatusBadRequest), "provider_refused", "the code was not taken"},
		"somebody else's claims": {func(i *issuer) {
			lose("roles")(i)
			i.userinfo = map[string]any{"sub": "eve", "roles": "admin"}
		}, "provider_unavailable", "somebody else"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g.logs.TakeAll()
			provider.with(func() { test.change(provider) })
			defer provider.with(func() { provider.change, provider.sign, provider.answer, provider.userinfo = nil, nil, nil, nil })
			g := *g
			g.gateway = &gateway{t: t, url: g.url, client: g.client, key: g.key}
			b := g.browser()
			at, _ := b.visit("/auth/login")
			g.wantRefused(b, at, test.code, test.cause)
		})
	}
	// The same provider when it behaves.
	b := g.browser()
	b.visit("/auth/login")
	b.wantSignedIn("operator")
}

// A browser may bring back only the answer to its own question, and only once.
func TestSignInStates(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	g := serveOIDC(t, provider.config)

	// begin returns the answer of the provider before the browser takes it back.
	begin := func(b *gateway) string {
		t.Helper()
		res, _ := b.stopping().do("GET", "/auth/login", "", nil)
		question, err := url.Parse(res.Header.Get("Location"))
		if err != nil || question.Query().Get("code_challenge_method") != "S256" || question.Query().Get("scope") != "openid profile email" {
			t.Fatalf("%s, %v", question, err)
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if len(question.Query().Get(name)) < 43 {
				t.Errorf("%s is too short in %s", name, question)
			}
		}
		res, _ = b.stopping().do("GET", question.String(), "", nil)
		return res.Header.Get("Location")
	}
	ann, eve := g.browser(), g.browser()
	answer := begin(ann)
	at, _ := eve.visit(answer)
	g.wantRefused(eve, at, "state", "has begun no sign-in")
	other := begin(eve)
	at, _ = eve.visit(answer)
	g.wantRefused(eve, at, "state", "not the one of this browser")
	at, _ = eve.visit(other) // the cookie is used up by the try
	g.wantRefused(eve, at, "state", "has begun no sign-in")

	res, _ := g.browser().stopping().do("GET", "/auth/callback?code=x&state=", "", nil)
	if res.Header.Get("Location") != "/signin?error=state" {
		t.Errorf("an empty state: %v", res.Header)
	}

	// The cookie, kept and sent again with the same answer.
	root, _ := url.Parse(g.url)
	cookies := ann.client.Jar.Cookies(root)
	at, _ = ann.visit(answer)
	if at.Path != "/" {
		t.Fatalf("the browser is at %s; log: %q", at, g.logged())
	}
	ann.wantSignedIn("operator")
	again := g.browser()
	again.client.Jar.SetCookies(root, cookies)
	at, _ = again.visit(answer)
	g.wantRefused(again, at, "replayed", "used before")

	// A cookie that was changed, one sealed for something else, and much too much.
	for name, value := range map[string]string{"changed": "A" + cookies[0].Value[1:], "nonsense": "====", "empty": "", "huge": strings.Repeat("A", 100_000)} {
		b := g.browser()
		answer := begin(b)
		b.client.Jar.SetCookies(root, []*http.Cookie{{Name: "jimeng_signin", Value: value}})
		at, _ := b.visit(answer)
		if at.Path != "/signin" || at.RawQuery != "error=state" {
			t.Errorf("%s: at %s", name, at)
		}
		b.wantSignedOut()
	}

	// What the provider says instead of a code.
	for query, code := range map[string]string{
		"error=access_denied&error_description=no%0d%0aSet-Cookie:+x=y": "denied",
		"error=server_error":               "provider_refused",
		"code=" + strings.Repeat("a", 1e5): "provider_refused",
		"code=made-up":                     "provider_refused",
		"":                                 "provider_refused",
		"code=x&iss=https://evil.example":  "token",
	} {
		b := g.browser()
		answer, _ := url.Parse(begin(b))
		state := url.Values{"state": {answer.Query().Get("state")}}
		res, _ := b.stopping().do("GET", g.url+"/auth/callback?"+state.Encode()+"&"+query, "", nil)
		if res.Header.Get("Location") != "/signin?error="+code || res.Header.Get("X") != "" || len(res.Cookies()) != 1 {
			t.Errorf("%.60s: %v, want %s", query, res.Header, code)
		}
		b.wantSignedOut()
	}
}

func TestReturnTo(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	g := serveOIDC(t, provider.config)
	for returnTo, want := range map[string]string{
		"/tasks?status=failed#top":      "/tasks?status=failed#top",
		"/tasks/a%20b":                  "/tasks/a%20b",
		"":                              "/",
		"https://evil.example/":         "/",
		"//evil.example/":               "/",
		"/\\evil.example/":              "/",
		"\\\\evil.example":              "/",
		"/\t/evil.example":              "/",
		"/x\r\nSet-Cookie: a=b":         "/",
		"/\u202etxt":                    "/",
		"javascript:alert(1)":           "/",
		"tasks":                         "/",
		"/auth/login":                   "/",
		"/x/../auth/login":              "/",
		"/%zz":                          "/",
		"/" + strings.Repeat("a", 5000): "/",
	} {
		b := g.browser()
		res, _ := b.stopping().do("GET", "/auth/login?"+url.Values{"return_to": {returnTo}}.Encode(), "", nil)
		res, _ = b.stopping().do("GET", res.Header.Get("Location"), "", nil)
		res, _ = b.stopping().do("GET", res.Header.Get("Location"), "", nil)
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != want {
			t.Errorf("%.40q: %s to %q, want %q", returnTo, res.Status, res.Header.Get("Location"), want)
		}
	}
}

// A provider may be down when the gateway starts, come later, and change.
func TestProviderComesAndGoes(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	down := func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	provider.with(func() { provider.answer = down })
	g := serveOIDC(t, provider.config)
	b := g.browser()
	if answer := b.json("GET", "/auth/login", "", http.StatusServiceUnavailable); answer["code"] != "provider_unavailable" {
		t.Errorf("answer %v", answer)
	}
	at, _ := b.visit("/auth/login") // a browser gets a page
	g.wantRefused(b, at, "provider_unavailable", "502 Bad Gateway")
	provider.with(func() {
		provider.answer = func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/.well-known/") {
				respond(w, http.StatusOK, map[string]any{"issuer": "https://evil.example", "authorization_endpoint": "https://evil.example/"})
				return true
			}
			return false
		}
	})
	until(t, "the provider was asked again", func() bool {
		b.json("GET", "/auth/login", "", http.StatusServiceUnavailable)
		return strings.Contains(strings.Join(g.logged(), "\n"), "did not match the issuer")
	})
	provider.with(func() { provider.answer = nil })
	until(t, "the provider is there", func() bool {
		res, _ := b.stopping().do("GET", "/auth/login", "", nil)
		return res.StatusCode == http.StatusSeeOther
	})
	b.visit("/auth/login")
	b.wantSignedIn("operator")

	// New keys, and those from before worth nothing any more.
	provider.with(func() { provider.key = newKey(t, "two") })
	until(t, "the new keys are known", func() bool {
		other := g.browser()
		other.visit("/auth/login")
		return other.me()["authenticated"] == true
	})
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("never came true: " + what)
		}
	}
}

// With a refresh token the provider is asked again, and its word counts.
func TestRefresh(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	provider.refresh = "refresh token of the test"
	g := serveOIDC(t, provider.config)
	b := g.browser()
	b.visit("/auth/login")
	b.wantSignedIn("operator")
	person := auth.PersonID(provider.URL, provider.subject)
	const checkDue, trustOver = 6 * 60_000, 61 * 60_000

	provider.with(func() { provider.claims = map[string]any{"name": "Ann", "roles": "viewer"} })
	b.wantSignedIn("operator") // not asked yet
	g.age(person, checkDue)
	b.wantSignedIn("viewer")
	b.json("POST", "/api/v1/tasks", `{"prompt":"x"}`, http.StatusForbidden)
	if refreshed := g.logged(); len(refreshed) != 0 {
		t.Errorf("log %q", refreshed)
	}

	// While the provider is down its last word holds for an hour.
	down := func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	provider.with(func() { provider.answer = down })
	g.age(person, checkDue)
	b.wantSignedIn("viewer")
	g.wantLogged("could not be confirmed")
	g.age(person, trustOver)
	if answer := b.json("GET", "/api/v1/tasks", "", http.StatusServiceUnavailable); answer["code"] != "provider_unavailable" {
		t.Errorf("answer %v", answer)
	}
	provider.with(func() { provider.answer = nil })
	g.age(person, 0)
	b.wantSignedIn("viewer")

	// Many requests at once are one question, for a refresh token works once.
	g.age(person, checkDue)
	done := make(chan int)
	for range 20 {
		go func() { done <- b.ask("/api/v1/tasks") }()
	}
	for range 20 {
		if status := <-done; status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
	b.wantSignedIn("viewer")

	// Another person's token does not sign anybody in as them.
	provider.with(func() {
		provider.change = func(_, claims map[string]any) { claims["sub"] = "eve"; claims["roles"] = "admin" }
	})
	g.age(person, checkDue)
	b.wantSignedIn("viewer")
	g.wantLogged("of somebody else")
	provider.with(func() { provider.change = nil })

	// No role any more, and the person is out, also where they come back.
	other := g.browser()
	other.visit("/auth/login")
	other.wantSignedIn("viewer")
	provider.with(func() { provider.claims = map[string]any{"name": "Ann", "roles": "dancer"} })
	g.age(person, checkDue)
	b.wantSignedOut()
	other.wantSignedOut()
	at, _ := b.visit("/auth/login")
	g.wantRefused(b, at, "no_role", "no value of roles")

	// A refresh token whose time has not come is not used, however old the word is.
	provider.with(func() {
		provider.claims = map[string]any{"name": "Ann", "roles": "viewer"}
		provider.refresh = signed(map[string]any{"alg": "EdDSA"}, map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}) + ".x"
	})
	b.visit("/auth/login")
	provider.with(func() { provider.claims = map[string]any{"name": "Ann", "roles": "operator"} })
	g.age(person, trustOver)
	b.wantSignedIn("viewer")
	provider.with(func() { provider.refresh = "one that works at once" })

	// invalid_grant: the provider has ended it.
	provider.with(func() { provider.claims = map[string]any{"name": "Ann", "roles": "viewer"} })
	b.visit("/auth/login")
	b.wantSignedIn("viewer")
	provider.with(func() { provider.refresh = "another" })
	g.age(person, checkDue)
	if answer := b.json("GET", "/api/v1/tasks", "", http.StatusUnauthorized); answer["code"] != "signed_out" {
		t.Errorf("answer %v", answer)
	}
}

// ask is safe in goroutines of a test.
func (g *gateway) ask(path string) int {
	res, err := g.client.Get(g.url + path)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// Nobody who reads the log, the database or an answer learns a secret.
func TestSignInSecrets(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	provider.refresh = "refresh-planted-" + strings.Repeat("x", 20)
	g := serveOIDC(t, provider.config)
	var idToken string
	provider.with(func() {
		provider.sign = func(header, claims map[string]any) string {
			idToken = provider.key.sign(t, header, claims)
			return idToken
		}
	})
	b := g.browser()
	b.visit("/auth/login")
	b.wantSignedIn("operator")
	root, _ := url.Parse(g.url)
	cookie := b.client.Jar.Cookies(root)[0].Value
	secrets := []string{idToken, provider.refresh, oidcSecret, cookie}
	text := strings.Join(g.logged(), "\n")
	for _, path := range []string{"/auth/me", "/api/v1/sign-ins", "/api/v1/me"} {
		_, raw := b.do("GET", path, "", nil)
		text += string(raw)
	}
	rows, err := shared.store.SQL().QueryContext(t.Context(), "SELECT id || token_hash || key_id || sid || tokens FROM browser_sessions UNION ALL SELECT was || became FROM audit")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		text += row
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(text, secret) {
			t.Errorf("%.20q is in the log, the database or an answer, or was never made", secret)
		}
	}
}

func TestSignInsListedAndEnded(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	g := serveOIDC(t, provider.config)
	person := auth.PersonID(provider.URL, provider.subject)
	one, two, three := g.browser(), g.browser(), g.browser()
	for _, b := range []*gateway{one, two, three} {
		b.visit("/auth/login")
		b.wantSignedIn("operator")
	}
	list := one.json("GET", "/api/v1/sign-ins", "", http.StatusOK)["sign_ins"].([]any)
	if len(list) != 3 {
		t.Fatalf("sign-ins %v", list)
	}
	ids := map[bool]string{}
	for _, item := range list {
		in := item.(map[string]any)
		if in["owner"] != person || in["role"] != "operator" || in["name"] != "Ann" || !strings.HasPrefix(in["address"].(string), "10.") {
			t.Errorf("sign-in %v", in)
		}
		ids[in["current"].(bool)] = in["id"].(string)
	}
	one.json("GET", "/api/v1/sign-ins?all=true", "", http.StatusForbidden)
	one.json("DELETE", "/api/v1/sign-ins?person=somebody", "", http.StatusForbidden)
	one.json("GET", "/api/v1/people", "", http.StatusForbidden)
	stranger := g.as("")
	stranger.json("DELETE", "/api/v1/sign-ins/"+ids[true], "", http.StatusNotFound)

	// By the person, by an admin, and all at once.
	one.json("DELETE", "/api/v1/sign-ins/"+ids[true], "", http.StatusOK)
	one.wantSignedOut()
	g.json("DELETE", "/api/v1/sign-ins/"+ids[false], "", http.StatusOK)
	left := 0
	for _, b := range []*gateway{two, three} {
		if b.me()["authenticated"] == true {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d are left, want 1", left)
	}
	if answer := g.json("DELETE", "/api/v1/sign-ins?person="+person, "", http.StatusOK); answer["ended"] != 1.0 {
		t.Errorf("answer %v", answer)
	}
	two.wantSignedOut()
	three.wantSignedOut()
	people := mustJSON(t, g.json("GET", "/api/v1/people", "", http.StatusOK))
	if !strings.Contains(people, person) {
		t.Errorf("people %s", people)
	}

	// Signing out says where to go on.
	one.visit("/auth/login")
	answer := one.json("POST", "/auth/logout", "", http.StatusOK)
	end, err := url.Parse(answer["redirect"].(string))
	if err != nil || !strings.HasPrefix(end.String(), provider.URL+"/end?") || end.Query().Get("post_logout_redirect_uri") != g.url+"/" || end.Query().Get("id_token_hint") == "" {
		t.Errorf("redirect %s, %v", end, err)
	}
	one.wantSignedOut()
}

func TestPreview(t *testing.T) {
	t.Parallel()
	provider := newIssuer(t)
	g := serveOIDC(t, func(address string) auth.OIDCConfig {
		c := provider.config(address)
		c.Roles = auth.RoleRules{Claim: "realm_access.roles"}
		c.Roles.Add(auth.Administrator, "chief")
		c.Roles.Add(auth.Viewer, "artist", "guest")
		return c
	})
	for claims, want := range map[string]string{
		`{"realm_access":{"roles":["guest","chief"]}}`: `"role":"admin"`,
		`{"realm_access":{"roles":"artist"}}`:          `"role":"viewer"`,
		`{"realm_access.roles":"artist"}`:              `"role":"viewer"`,
		`{"realm_access":{"roles":["admin"]}}`:         `"role":null`,
		`{"realm_access":"chief"}`:                     `there is no claim realm_access.roles`,
	} {
		answer := mustJSON(t, g.json("GET", "/api/v1/admin/oidc/preview?"+url.Values{"claims": {claims}}.Encode(), "", http.StatusOK))
		if !strings.Contains(answer, want) {
			t.Errorf("%s: %s", claims, answer)
		}
	}
	for _, bad := range []string{"[]", "null", "x"} {
		g.json("GET", "/api/v1/admin/oidc/preview?claims="+bad, "", http.StatusBadRequest)
	}
	plain := serve(t, nil)
	plain.json("GET", "/api/v1/admin/oidc/preview?claims={}", "", http.StatusNotFound)
	plain.json("GET", "/auth/login", "", http.StatusNotFound)
}
