package auth

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// signIn returns the cookie that a browser gets for the key.
func signIn(t testing.TB, b *bundle, secret string, change func(*http.Request)) *http.Cookie {
	t.Helper()
	r := httptest.NewRequest("POST", "http://localhost:5100/auth/key", nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	if _, err := b.SignIn(w, r, secret); err != nil {
		t.Fatal(err)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	return cookies[0]
}

func withCookie(method string, cookie *http.Cookie) *http.Request {
	r := httptest.NewRequest(method, "http://localhost:5100/api/v1/tasks", nil)
	r.AddCookie(cookie)
	return r
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	secret, key := b.newKey(t, nil)
	cookie := signIn(t, b, secret, nil)
	if cookie.Name != "jimeng_session" || !cookie.HttpOnly || cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("cookie %+v", cookie)
	}
	if strings.Contains(cookie.Value, secret) || cookie.Value == key.Hash {
		t.Error("the cookie gives the key away")
	}
	p, err := b.Authenticate(withCookie("GET", cookie))
	if err != nil || p.Key.ID != key.ID {
		t.Fatalf("got %+v, %v", p, err)
	}
	// The database must not be enough to take over a session.
	if in, err := b.store.SignInByToken(t.Context(), cookie.Value); err == nil {
		t.Errorf("the token itself is in the database: %+v", in)
	}
	if again := signIn(t, b, secret, nil); again.Value == cookie.Value {
		t.Error("a second sign-in has the same token")
	}

	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "http://localhost:5100/auth/logout", nil)
	r.AddCookie(cookie)
	if redirect, err := b.SignOut(w, r, ""); err != nil || redirect != "" {
		t.Fatal(redirect, err)
	}
	if gone := w.Result().Cookies(); len(gone) != 1 || gone[0].MaxAge >= 0 {
		t.Errorf("cookies after sign-out: %v", gone)
	}
	if _, err := b.Authenticate(withCookie("GET", cookie)); refusedWith(err) != "missing_key" {
		t.Errorf("after sign-out: %v", err)
	}
}

func TestSignInOverTLS(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	secret, _ := b.newKey(t, nil)
	overTLS := func(r *http.Request) { r.TLS = &tls.ConnectionState{} }
	for name, change := range map[string]func(*http.Request){
		"own TLS": overTLS,
		"proxy":   func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") },
	} {
		cookie := signIn(t, b, secret, change)
		if cookie.Name != "__Host-jimeng_session" || !cookie.Secure {
			t.Errorf("%s: cookie %+v", name, cookie)
		}
	}
	// A cookie that came over plain HTTP, where anybody on the line could have
	// set it, counts for nothing over TLS.
	r := withCookie("GET", signIn(t, b, secret, nil))
	overTLS(r)
	if _, err := b.Authenticate(r); refusedWith(err) != "missing_key" {
		t.Errorf("plain cookie over TLS: %v", err)
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	secret, _ := b.newKey(t, nil)
	cookie := signIn(t, b, secret, nil)
	write := func(header, value string) error {
		r := withCookie("POST", cookie)
		r.Header.Set(header, value)
		_, err := b.Authenticate(r)
		return err
	}
	if err := write("Sec-Fetch-Site", "same-origin"); err != nil {
		t.Errorf("own page: %v", err)
	}
	for _, site := range []string{"cross-site", "same-site"} {
		if err := write("Sec-Fetch-Site", site); refusedWith(err) != "cross_origin" {
			t.Errorf("%s: %v", site, err)
		}
	}
	if err := write("Origin", "http://evil.example"); refusedWith(err) != "cross_origin" {
		t.Errorf("foreign origin: %v", err)
	}
	// A key in a header needs no such check.
	r := request("POST", "Bearer "+secret)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if _, err := b.Authenticate(r); err != nil {
		t.Errorf("key: %v", err)
	}
	// No foreign page signs anybody in or out.
	r = httptest.NewRequest("POST", "http://localhost:5100/auth/key", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if _, err := b.SignIn(httptest.NewRecorder(), r, secret); refusedWith(err) != "cross_origin" {
		t.Errorf("sign-in: %v", err)
	}
	if _, err := b.SignOut(httptest.NewRecorder(), r, ""); refusedWith(err) != "cross_origin" {
		t.Errorf("sign-out: %v", err)
	}
}

// Sign-ins end with their key.
func TestSignInEndsWithKey(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	secret, key := b.newKey(t, nil)
	cookie := signIn(t, b, secret, nil)
	_, newHash, _ := NewSecret()
	if _, err := b.store.UpdateKey(t.Context(), key.ID, func(k *store.Key) error { k.Hash = newHash; return nil }); err != nil {
		t.Fatal(err)
	}
	b.Keyring().Invalidate()
	if _, err := b.Authenticate(withCookie("GET", cookie)); refusedWith(err) != "signed_out" {
		t.Errorf("got %v, want signed_out", err)
	}
	admin := signIn(t, b, "a-long-admin-token", nil)
	if p, err := b.Authenticate(withCookie("GET", admin)); err != nil || p.Key.ID != AdminKeyID {
		t.Errorf("admin token: %+v, %v", p, err)
	}
	if _, err := b.SignIn(httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/auth/key", nil), secret); refusedWith(err) != "invalid_key" {
		t.Errorf("sign-in with the old key: %v", err)
	}
	for _, token := range []string{"x", strings.Repeat("A", tokenLength), strings.Repeat("A", 100_000), "../../etc"} {
		if _, err := b.Authenticate(withCookie("GET", &http.Cookie{Name: "jimeng_session", Value: token})); refusedWith(err) != "missing_key" {
			t.Errorf("made-up token: %v", err)
		}
	}
}

// An ended sign-in stops on every node within a second, whatever that node has in
// its cache.
func TestSignInEndsOnEveryNode(t *testing.T) {
	t.Parallel()
	one, two := setup(t, nil), node(t, shared)
	secret, key := one.newKey(t, nil)
	cookie := signIn(t, one, secret, nil)
	p, err := two.Authenticate(withCookie("GET", cookie))
	if err != nil || p.Key.ID != key.ID || p.SignIn == "" {
		t.Fatalf("got %+v, %v", p, err)
	}
	r := withCookie("GET", cookie)
	open, release := two.Guard(r, two.Keyring().Age(), p, func(*Principal) error { return nil })
	defer release()
	if err := shared.EndSignIn(t.Context(), p.SignIn, "", store.SignInEnded); err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		_, err := two.Authenticate(withCookie("GET", cookie))
		if refusedWith(err) == "missing_key" {
			t.Logf("it stopped after %s", time.Since(ended))
			break
		}
		if err != nil || time.Since(ended) > soon {
			t.Fatalf("after %s: %v", time.Since(ended), err)
		}
		<-ticker.C
	}
	// So does what it has open.
	select {
	case <-open.Done():
		t.Logf("what was open ended after %s", time.Since(ended))
	case <-time.After(soon):
		t.Error("what the sign-in had open goes on")
	}
}

// A request with a cookie does not ask the database each time, and its use is
// written down a minute later at the soonest.
func TestSignInIsSeen(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	secret, _ := b.newKey(t, nil)
	cookie := signIn(t, b, secret, nil)
	p, err := b.Authenticate(withCookie("GET", cookie))
	if err != nil {
		t.Fatal(err)
	}
	seen := func() int64 {
		t.Helper()
		in, err := shared.SignInByToken(t.Context(), Hash(cookie.Value))
		if err != nil {
			t.Fatal(err)
		}
		return in.SeenAt
	}
	long := seen() - 2*seenEvery.Milliseconds()
	err = shared.Write(t.Context(), store.Relaxed, func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE browser_sessions SET seen_at = $2 WHERE id = $1", p.SignIn, long)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.ForgetSignIns()
	if _, err := b.Authenticate(withCookie("GET", cookie)); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for seen() == long {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("the use of the sign-in was never written down")
		}
	}
}

// Signing in again ends the sign-in before, with what it has open on other nodes.
func TestSignInAgainEndsTheOneBefore(t *testing.T) {
	t.Parallel()
	one, two := setup(t, nil), node(t, shared)
	first, _ := one.newKey(t, nil)
	second, _ := one.newKey(t, nil)
	cookie := signIn(t, one, first, nil)
	r := withCookie("GET", cookie)
	p, err := two.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	open, release := two.Guard(r, two.Keyring().Age(), p, func(*Principal) error { return nil })
	defer release()
	signIn(t, one, second, func(r *http.Request) { r.AddCookie(cookie) })
	select {
	case <-open.Done():
	case <-time.After(soon):
		t.Error("what the sign-in before had open goes on")
	}
}

// Sign-ins count as requests of their key, keep nobody else's key out of the cache,
// and are not kept without end.
func TestSignInsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	limited, _ := b.newKey(t, func(k *store.Key) { k.RateLimit = 1 })
	signIn(t, b, limited, nil)
	if _, err := b.SignIn(httptest.NewRecorder(), httptest.NewRequest("POST", "http://localhost/auth/key", nil), limited); refusedWith(err) != "rate_limited" {
		t.Errorf("one sign-in too many: %v", err)
	}
	busy, key := b.newKey(t, nil)
	age := b.Keyring().Age()
	var oldest *http.Cookie
	for i := range 55 {
		if cookie := signIn(t, b, busy, nil); i == 0 {
			oldest = cookie
		}
	}
	if b.Keyring().Age() != age {
		t.Error("a sign-in makes the node forget all keys")
	}
	list, err := shared.SignIns(t.Context(), key.ID)
	if err != nil || len(list) != 50 {
		t.Errorf("%d sign-ins are kept, %v", len(list), err)
	}
	b.ForgetSignIns() // as other nodes do
	if _, err := b.Authenticate(withCookie("GET", oldest)); err == nil {
		t.Error("the oldest sign-in goes on")
	}
}

// Nobody learns a token that people have chosen from a stolen database.
func TestAdminTokenLeavesNoHash(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	cookie := signIn(t, b, "a-long-admin-token", nil)
	p, err := b.Authenticate(withCookie("GET", cookie))
	if err != nil {
		t.Fatal(err)
	}
	list, err := shared.SignIns(t.Context(), AdminKeyID)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range list {
		if in.ID == p.SignIn && (in.KeyHash == Hash("a-long-admin-token") || in.KeyHash == "") {
			t.Errorf("the database has %q", in.KeyHash)
		}
	}
	other := setup(t, func(c *Config) { c.AdminToken = "another-admin-token" })
	if _, err := other.Authenticate(withCookie("GET", cookie)); refusedWith(err) != "signed_out" {
		t.Errorf("after the token was changed: %v", err)
	}
}
