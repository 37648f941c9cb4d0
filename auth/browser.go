package auth

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// signInLifetime is how long a sign-in lasts, used or not.
	signInLifetime = 7 * 24 * time.Hour
	sessionCookie  = "jimeng_session"
	// tokenLength is that of 32 random bytes in base64.
	tokenLength = 43
	// maxUserAgent bounds what a browser may say of itself, in bytes.
	maxUserAgent = 300
)

// cookieName is the name of a cookie on the way that the request came.
//
// Over TLS the cookie is Secure and its name begins with __Host-, so that
// neither a sibling domain nor somebody on the line can plant one. Browsers
// refuse such a cookie over plain HTTP, where people open http://localhost:5100,
// so there it has a plain name; that name is never looked at over TLS.
func cookieName(r *http.Request, name string) string {
	if Secure(r) {
		return "__Host-" + name
	}
	return name
}

// cookieOf is the value of a request's cookie, "" for none.
func cookieOf(r *http.Request, name string) string {
	cookie, err := r.Cookie(cookieName(r, name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// setCookie gives the browser a cookie that scripts cannot read, or takes it away
// if the value is "".
func setCookie(w http.ResponseWriter, r *http.Request, name, value string, lifetime time.Duration) {
	cookie := &http.Cookie{
		Name: cookieName(r, name), Value: value, Path: "/", Secure: Secure(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(lifetime.Seconds()), Expires: time.Now().Add(lifetime),
	}
	if value == "" {
		cookie.MaxAge, cookie.Expires = -1, time.Unix(1, 0)
	}
	http.SetCookie(w, cookie)
}

// Secure reports whether the browser speaks TLS: with the gateway itself, or
// with a proxy before it that says so. Nobody checks who set the header, because
// a lie only gets the liar a cookie that its own browser refuses.
func Secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// SignIn checks the key and gives the browser a sign-in with a fresh token. The
// error is a [*Refusal] unless the store failed.
func (a *Authenticator) SignIn(w http.ResponseWriter, r *http.Request, secret string) (*Principal, error) {
	if !a.enabled {
		return a.Authenticate(r)
	}
	// A foreign page must not sign the browser in as somebody else either.
	if a.origin.Check(r) != nil {
		return nil, errOrigin
	}
	p, err := a.bySecret(r, secret)
	if err != nil {
		return nil, a.slowed(r, secret, err)
	}
	if rate := a.keyring.Take(p); rate.Exceeded {
		return nil, &Refusal{Status: http.StatusTooManyRequests, Code: "rate_limited", Limit: "rate_limit", Value: rate.Limit, RetryAfter: rate.Reset,
			Message: fmt.Sprintf("The key may send %d requests a minute, sign-ins included.", rate.Limit)}
	}
	in := &store.SignIn{OwnerID: p.Key.ID, KeyHash: Hash(secret)}
	if p == a.admin {
		in.KeyHash = a.adminMark()
	}
	if err := a.admit(w, r, in, nil, p.Name, signInLifetime); err != nil {
		return nil, err
	}
	signedIn := *p
	signedIn.SignIn = in.ID
	return &signedIn, nil
}

// admit stores a sign-in and gives the browser its cookie. The store never sees
// the token, only its hash.
func (a *Authenticator) admit(w http.ResponseWriter, r *http.Request, in *store.SignIn, person *store.Person, name string, lifetime time.Duration) error {
	token := newToken()
	client := ClientOf(r)
	kind := "key"
	if person != nil {
		kind = "person"
	}
	actor := client.Actor(kind, in.OwnerID, name)
	in.ID, in.TokenHash = store.NewID("sgn_"), Hash(token)
	in.Address, in.UserAgent = actor.Address, r.UserAgent()[:min(len(r.UserAgent()), maxUserAgent)]
	in.ExpiresAt = time.Now().Add(lifetime).UnixMilli()
	before := ""
	if old := cookieOf(r, sessionCookie); old != "" {
		before = Hash(old)
	}
	if err := a.signIns.store.AddSignIn(store.WithActor(r.Context(), actor), in, person, before); err != nil {
		return fmt.Errorf("store sign-in: %w", err)
	}
	if before != "" || person != nil { // one has ended, or a role may be another
		a.ForgetSignIns()
	}
	setCookie(w, r, sessionCookie, token, lifetime)
	return nil
}

// adminMark is what a sign-in with the admin token is known by. People choose the
// token, so that its plain hash in a stolen database could be guessed.
func (a *Authenticator) adminMark() string { return a.signIns.vault.Fingerprint(a.adminHash[:]) }

// newToken makes 256 random bits in letters that fit a cookie and a URL.
func newToken() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// SignOut ends the browser's sign-in and takes its cookie away. It returns where
// to send the browser so that the sign-in at the provider ends too, "" for
// nowhere; home is the gateway's own address, to come back to.
func (a *Authenticator) SignOut(w http.ResponseWriter, r *http.Request, home string) (redirect string, err error) {
	if a.origin.Check(r) != nil {
		return "", errOrigin
	}
	in, err := a.signIns.find(r.Context(), cookieOf(r, sessionCookie))
	if err != nil {
		return "", err
	}
	if in != nil {
		kind := "key"
		if in.Issuer != "" {
			kind = "person"
		}
		ctx := store.WithActor(r.Context(), ClientOf(r).Actor(kind, in.OwnerID, in.Name))
		if err := a.signIns.store.EndSignIn(ctx, in.ID, in.OwnerID, store.SignOut); err != nil && !isNotFound(err) {
			return "", err
		}
		a.ForgetSignIns()
		if a.oidc != nil && in.Issuer == a.oidc.config.Issuer {
			redirect = a.oidc.endSession(r.Context(), in, home)
		}
	}
	setCookie(w, r, sessionCookie, "", 0)
	return redirect, nil
}

// ForgetSignIns is [SignIns.Forget].
func (a *Authenticator) ForgetSignIns() { a.signIns.Forget() }

func parseHash(text string) (sum hash, err error) {
	raw, err := hex.DecodeString(text)
	if err == nil && len(raw) != len(sum) {
		err = hex.ErrLength
	}
	if err != nil {
		return sum, err
	}
	return hash(raw), nil
}
