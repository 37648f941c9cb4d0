package auth

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

const (
	// signInLifetime is how long a sign-in lasts, used or not.
	signInLifetime = 7 * 24 * time.Hour
	cookieName     = "jimeng_session"
	// keyField is where a session keeps the stored hash of the key that signed
	// in: a key that is deleted or replaced takes its sign-ins with it.
	keyField = "key"
)

// BrowserSessions is where sign-ins are kept. The store never sees a cookie's
// token, only its hash.
type BrowserSessions interface {
	BrowserSession(ctx context.Context, tokenHash string) (data []byte, found bool, err error)
	PutBrowserSession(ctx context.Context, tokenHash string, data []byte, expiry time.Time) error
	DeleteBrowserSession(ctx context.Context, tokenHash string) error
}

// browser is the sign-ins of browsers, once for requests over TLS and once for
// plain HTTP.
//
// Over TLS the cookie is Secure and its name begins with __Host-, so that
// neither a sibling domain nor somebody on the line can plant one. Browsers
// refuse such a cookie over plain HTTP, where people open http://localhost:5100,
// so there it has a plain name; that name is never looked at over TLS.
type browser struct {
	tls, plain *scs.SessionManager
}

func newBrowser(sessions BrowserSessions) *browser {
	manager := func(name string, secure bool) *scs.SessionManager {
		// Not scs.New: it starts a store in memory whose clean-up would stay for
		// good, one more with every reload.
		return &scs.SessionManager{
			Store:            sessionStore{sessions},
			Codec:            scs.GobCodec{},
			HashTokenInStore: true,
			Lifetime:         signInLifetime,
			Cookie: scs.SessionCookie{
				Name: name, Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, Persist: true,
			},
		}
	}
	return &browser{tls: manager("__Host-"+cookieName, true), plain: manager(cookieName, false)}
}

// manager returns the sessions for the way that the request came.
func (b *browser) manager(r *http.Request) *scs.SessionManager {
	if Secure(r) {
		return b.tls
	}
	return b.plain
}

// Secure reports whether the browser speaks TLS: with the gateway itself, or
// with a proxy before it that says so. Nobody checks who set the header, because
// a lie only gets the liar a cookie that its own browser refuses.
func Secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// key returns the hash of the key that signed in with the request's cookie.
func (b *browser) key(r *http.Request) (sum hash, found bool, err error) {
	manager := b.manager(r)
	cookie, err := r.Cookie(manager.Cookie.Name)
	if err != nil || cookie.Value == "" {
		return sum, false, nil
	}
	ctx, err := manager.Load(r.Context(), cookie.Value)
	if err != nil {
		return sum, false, fmt.Errorf("load browser session: %w", err)
	}
	raw, err := hex.DecodeString(manager.GetString(ctx, keyField))
	if err != nil || len(raw) != len(sum) {
		return sum, false, nil
	}
	return hash(raw), true, nil
}

// SignIn checks the key and gives the browser a session with a fresh token. The
// error is a [*Refusal] unless the store failed.
func (a *Authenticator) SignIn(w http.ResponseWriter, r *http.Request, secret string) (*Principal, error) {
	if !a.enabled {
		return a.Authenticate(r)
	}
	// A foreign page must not sign the browser in as somebody else either.
	if a.origin.Check(r) != nil {
		return nil, errOrigin
	}
	p, err := a.bySecret(r.Context(), secret)
	if err != nil {
		return nil, err
	}
	manager := a.browser.manager(r)
	ctx, err := manager.Load(r.Context(), "")
	if err != nil {
		return nil, fmt.Errorf("make browser session: %w", err)
	}
	manager.Put(ctx, keyField, Hash(secret))
	token, expiry, err := manager.Commit(ctx)
	if err != nil {
		return nil, fmt.Errorf("store browser session: %w", err)
	}
	manager.WriteSessionCookie(ctx, w, token, expiry)
	return p, nil
}

// SignOut ends the browser's session in the store and takes its cookie away.
func (a *Authenticator) SignOut(w http.ResponseWriter, r *http.Request) error {
	if a.origin.Check(r) != nil {
		return errOrigin
	}
	manager := a.browser.manager(r)
	if cookie, err := r.Cookie(manager.Cookie.Name); err == nil && cookie.Value != "" {
		ctx, err := manager.Load(r.Context(), cookie.Value)
		if err == nil {
			err = manager.Destroy(ctx)
		}
		if err != nil {
			return fmt.Errorf("end browser session: %w", err)
		}
	}
	manager.WriteSessionCookie(r.Context(), w, "", time.Time{})
	return nil
}

// sessionStore is the store in the words of scs, which hashes the tokens itself.
type sessionStore struct{ BrowserSessions }

func (s sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return s.BrowserSession(ctx, token)
}

func (s sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.PutBrowserSession(ctx, token, data, expiry)
}

func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.DeleteBrowserSession(ctx, token)
}

// scs asks for the methods without a context too, and never calls them here.

func (s sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

func (s sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

func (s sessionStore) Delete(token string) error {
	return s.DeleteCtx(context.Background(), token)
}

// Interface guard
var _ scs.CtxStore = sessionStore{}
