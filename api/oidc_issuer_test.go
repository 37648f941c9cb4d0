package api_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// issuer is an OpenID provider that lets everybody in, and does wrong what a test
// wants it to. What a provider does right is tested with a certified one.
type issuer struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	key      signingKey // that signs, and is published
	begun    map[string]url.Values
	subject  string
	claims   map[string]any // of the ID token, beside what it must have
	userinfo map[string]any
	refresh  string // the token that works, "" for none
	change   func(header, claims map[string]any)
	sign     func(header, claims map[string]any) string // in place of the right way
	answer   func(w http.ResponseWriter, r *http.Request) bool
}

type signingKey struct {
	id string
	*rsa.PrivateKey
}

func newKey(t testing.TB, id string) signingKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{id, key}
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{t: t, key: newKey(t, "one"), begun: map[string]url.Values{}, subject: "ann " + rand.Text(), claims: map[string]any{"name": "Ann", "roles": []string{"operator"}}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"userinfo_endpoint": i.URL + "/userinfo", "end_session_endpoint": i.URL + "/end", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.key.id,
			"n": encode(i.key.N.Bytes()), "e": encode(big.NewInt(int64(i.key.E)).Bytes())}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		code := rand.Text()
		i.begun[code] = r.URL.Query()
		back := url.Values{"code": {code}, "state": {r.URL.Query().Get("state")}}
		http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, _ *http.Request) {
		claims := map[string]any{"sub": i.subject}
		maps.Copy(claims, i.userinfo)
		respond(w, http.StatusOK, claims)
	})
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.answer == nil || !i.answer(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(i.Close)
	return i
}

// with changes what the issuer does.
func (i *issuer) with(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != "gateway" || secret != oidcSecret {
		respond(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	nonce := any(nil)
	switch r.FormValue("grant_type") {
	case "authorization_code":
		begun, ok := i.begun[r.FormValue("code")]
		delete(i.begun, r.FormValue("code"))
		challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if !ok || begun.Get("code_challenge_method") != "S256" || begun.Get("code_challenge") != encode(challenge[:]) || begun.Get("redirect_uri") != r.FormValue("redirect_uri") {
			respond(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
			return
		}
		nonce = begun.Get("nonce")
	case "refresh_token":
		if i.refresh == "" || r.FormValue("refresh_token") != i.refresh {
			respond(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
			return
		}
		i.refresh = "refresh " + rand.Text()
	}
	answer := map[string]any{"access_token": "access " + rand.Text(), "token_type": "Bearer", "expires_in": 300}
	if i.refresh != "" {
		answer["refresh_token"] = i.refresh
	}
	claims := map[string]any{"iss": i.URL, "aud": "gateway", "sub": i.subject, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	if nonce != nil {
		claims["nonce"] = nonce
	}
	maps.Copy(claims, i.claims)
	if token := i.make(claims); token != "" {
		answer["id_token"] = token
	}
	respond(w, http.StatusOK, answer)
}

// make signs a token as the test wants it; the caller holds the lock.
func (i *issuer) make(claims map[string]any) string {
	header := map[string]any{"alg": "RS256", "kid": i.key.id, "typ": "JWT"}
	if i.change != nil {
		i.change(header, claims)
	}
	if i.sign != nil {
		return i.sign(header, claims)
	}
	return i.key.sign(i.t, header, claims)
}

func (k signingKey) sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	text := signed(header, claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.PrivateKey, crypto.SHA256, sum[:])
	if err != nil {
		t.Error(err)
	}
	return text + "." + encode(signature)
}

// hs256 signs with what the client knows as well.
func hs256(header, claims map[string]any) string {
	header["alg"] = "HS256"
	text := signed(header, claims)
	mac := hmac.New(sha256.New, []byte(oidcSecret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

func unsigned(header, claims map[string]any) string {
	header["alg"] = "none"
	return signed(header, claims) + "."
}

func signed(header, claims map[string]any) string {
	first, _ := json.Marshal(header)
	second, _ := json.Marshal(claims)
	return encode(first) + "." + encode(second)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
