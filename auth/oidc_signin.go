package auth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"go.uber.org/zap"
	"golang.org/x/oauth2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	beginCookie = "jimeng_signin"
	// beginTTL is how long somebody may take at the provider.
	beginTTL = 10 * time.Minute
	// maxReturnTo bounds where to go back to, because it is in the cookie.
	maxReturnTo = 1500
	// maxCode bounds what a callback may bring, in bytes.
	maxCode = 4096
)

// begun is a sign-in that is under way. It is in a sealed cookie and not in the
// database, so that strangers make no rows.
type begun struct {
	State       string `json:"state"`
	Nonce       string `json:"nonce"`
	Verifier    string `json:"verifier"`
	Provider    string `json:"provider"` // and the client there
	RedirectURL string `json:"redirect_url"`
	ReturnTo    string `json:"return_to"`
	Until       int64  `json:"until"` // Unix milliseconds
}

// providerTokens is what of a provider's tokens is kept, sealed.
type providerTokens struct {
	Subject string `json:"sub"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token,omitempty"`
}

// What is sealed for one purpose cannot be passed off for another.
const (
	sealedBegin  = "sign-in"
	sealedTokens = "tokens"
)

func (s *SignIns) seal(purpose string, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // only for types that JSON does not have
	}
	return s.vault.Seal(append([]byte(purpose+"\n"), text...))
}

func (s *SignIns) open(purpose string, sealed []byte, value any) error {
	text, err := s.vault.Open(sealed)
	if err != nil {
		return err
	}
	text, ok := bytes.CutPrefix(text, []byte(purpose+"\n"))
	if !ok {
		return errors.New("it was sealed for something else")
	}
	return json.Unmarshal(text, value)
}

// BeginSignIn sends the browser to the provider, and afterwards back to the path.
// The error is a [*Refusal] that wraps the cause, for the log.
func (a *Authenticator) BeginSignIn(w http.ResponseWriter, r *http.Request, home, returnTo string) error {
	returnTo = localPath(returnTo)
	if a.oidc == nil {
		return errNoOIDC
	}
	if !a.enabled {
		http.Redirect(w, r, returnTo, http.StatusSeeOther)
		return nil
	}
	o := a.oidc
	p, err := o.provider(r.Context())
	if err != nil {
		o.log.Warn("nobody can sign in, the provider does not answer", zap.Error(err))
		return errProvider
	}
	b := begun{State: newToken(), Nonce: newToken(), Verifier: oauth2.GenerateVerifier(), Provider: o.name(), ReturnTo: returnTo,
		RedirectURL: cmp.Or(o.config.RedirectURL, home+"/auth/callback"), Until: time.Now().Add(beginTTL).UnixMilli()}
	setCookie(w, r, beginCookie, base64.RawURLEncoding.EncodeToString(a.signIns.seal(sealedBegin, b)), beginTTL)
	oauth := p.oauth
	oauth.RedirectURL = b.RedirectURL
	http.Redirect(w, r, oauth.AuthCodeURL(b.State, oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)), http.StatusSeeOther)
	return nil
}

// name tells the provider and the client there from others.
func (o *OIDC) name() string { return o.config.Issuer + " " + o.config.ClientID }

// localPath makes sure that a path leads to the gateway's own pages; anything
// else becomes the first page.
func localPath(text string) string {
	const first = "/"
	u, err := url.Parse(text)
	if err != nil || len(text) > maxReturnTo || !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") ||
		strings.ContainsRune(text, '\\') || strings.ContainsFunc(text, unprintable) || u.Scheme != "" || u.Host != "" || u.User != nil {
		return first
	}
	// Pages only: a way back to /auth/login would go round and round.
	switch root, _, _ := strings.Cut(path.Clean(u.Path)[1:], "/"); root {
	case "auth", "api", "v1":
		return first
	}
	return u.String()
}

// refusedSignIn is why a sign-in does not come about. The code is for the page
// that says so in the reader's language, the cause for the log.
type refusedSignIn struct {
	code  string
	cause error
}

func (r *refusedSignIn) Error() string { return r.code + ": " + r.cause.Error() }

// The codes of refused sign-ins, which docs/oidc.md explains.
const (
	SignInState       = "state"                // begun elsewhere, or too long ago
	SignInReplayed    = "replayed"             // the answer was used before
	SignInDenied      = "denied"               // by the person, at the provider
	SignInRefused     = "provider_refused"     // by the provider
	SignInUnavailable = "provider_unavailable" // the provider does not answer
	SignInToken       = "token"                // the provider's token cannot be trusted
	SignInNoRole      = "no_role"
	SignInInternal    = "unavailable" // the gateway's database does not answer
)

func refuseSignIn(code, format string, args ...any) *refusedSignIn {
	return &refusedSignIn{code, fmt.Errorf(format, args...)}
}

// FinishSignIn takes the provider's answer that a browser brings, and sends the
// browser where it wanted to go, or to the page that says why not.
func (a *Authenticator) FinishSignIn(w http.ResponseWriter, r *http.Request) error {
	if a.oidc == nil || !a.enabled {
		return errNoOIDC
	}
	sealed := cookieOf(r, beginCookie)
	setCookie(w, r, beginCookie, "", 0) // used up, whatever comes of it
	b, refused := a.finish(w, r, sealed)
	if refused != nil {
		a.oidc.log.Warn("a sign-in was refused", zap.String("code", refused.code), zap.String("cause", brief(refused.cause.Error())),
			zap.Stringer("address", ClientOf(r).Address))
		http.Redirect(w, r, "/signin?error="+refused.code, http.StatusSeeOther)
		return nil
	}
	http.Redirect(w, r, b.ReturnTo, http.StatusSeeOther)
	return nil
}

func (a *Authenticator) finish(w http.ResponseWriter, r *http.Request, sealed string) (*begun, *refusedSignIn) {
	o, query := a.oidc, r.URL.Query()
	var b begun
	if raw, err := base64.RawURLEncoding.DecodeString(sealed); err != nil || sealed == "" || a.signIns.open(sealedBegin, raw, &b) != nil {
		return nil, refuseSignIn(SignInState, "the browser has begun no sign-in here")
	}
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(b.State)) != 1 {
		return nil, refuseSignIn(SignInState, "the state is not the one of this browser")
	}
	if b.Provider != o.name() {
		return nil, refuseSignIn(SignInState, "the sign-in was begun at the provider that was configured before")
	}
	if time.Now().UnixMilli() > b.Until {
		return nil, refuseSignIn(SignInState, "the sign-in was begun more than %s ago", beginTTL)
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*providerTimeout)
	defer cancel()
	p, err := o.provider(ctx)
	if err != nil {
		return nil, refuseSignIn(SignInUnavailable, "%w", err)
	}
	// Says who answers, so that one provider's answer is no other's (RFC 9207).
	if issuer := query.Get("iss"); issuer != o.config.Issuer && (p.NamesItself || query.Has("iss")) {
		return nil, refuseSignIn(SignInToken, "the answer is of another issuer, %q", brief(issuer))
	}
	if fault := query.Get("error"); fault != "" {
		code := SignInRefused
		if fault == "access_denied" {
			code = SignInDenied
		}
		return nil, refuseSignIn(code, "the provider says %q: %q", brief(fault), brief(query.Get("error_description")))
	}
	code := query.Get("code")
	if code == "" || len(code) > maxCode {
		return nil, refuseSignIn(SignInRefused, "the provider's answer has no code")
	}
	switch err := a.signIns.store.TakeOnce(ctx, Hash("state "+b.State), b.Until+1); {
	case errors.Is(err, store.ErrConflict):
		return nil, refuseSignIn(SignInReplayed, "the state was used before")
	case err != nil:
		return nil, refuseSignIn(SignInInternal, "%w", err)
	}
	in, person, refused := o.redeem(ctx, p, code, &b)
	if refused != nil {
		return nil, refused
	}
	lifetime := o.config.Lifetime
	if in.refreshes {
		lifetime = signInLifetime
	}
	if err := a.admit(w, r, &in.SignIn, person, person.Name, lifetime); err != nil {
		return nil, refuseSignIn(SignInInternal, "%w", err)
	}
	return &b, nil
}

// redeemed is a sign-in before it is stored.
type redeemed struct {
	store.SignIn
	refreshes bool // the provider can be asked again
}

// redeem turns the code into who it is.
func (o *OIDC) redeem(ctx context.Context, p *provider, code string, b *begun) (*redeemed, *store.Person, *refusedSignIn) {
	oauth := p.oauth
	oauth.RedirectURL = b.RedirectURL
	token, err := oauth.Exchange(o.context(ctx), code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		if e, answered := errors.AsType[*oauth2.RetrieveError](err); answered && e.Response.StatusCode < http.StatusInternalServerError {
			return nil, nil, refuseSignIn(SignInRefused, "the code was not taken: %w", err)
		}
		return nil, nil, refuseSignIn(SignInUnavailable, "redeem the code: %w", err)
	}
	id, raw, err := o.idToken(ctx, p, token)
	switch {
	case err != nil:
		return nil, nil, refuseSignIn(SignInToken, "%w", err)
	case id == nil:
		return nil, nil, refuseSignIn(SignInToken, "the provider gave no ID token")
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(b.Nonce)) != 1:
		return nil, nil, refuseSignIn(SignInToken, "the nonce is not the one of this sign-in")
	}
	claims, err := o.claims(ctx, p, id.Subject, id, token)
	if err != nil {
		return nil, nil, refuseSignIn(SignInUnavailable, "%w", err)
	}
	person, why := o.personOf(id.Subject, claims)
	if person.Role == "" {
		return nil, nil, refuseSignIn(SignInNoRole, "%s has no role: %s", person.ID, why)
	}
	in := &redeemed{refreshes: token.RefreshToken != ""}
	in.OwnerID, in.SID = person.ID, textOf(claims, "sid")
	in.Tokens = o.signIns.seal(sealedTokens, providerTokens{id.Subject, raw, token.RefreshToken})
	return in, person, nil
}

// idToken checks the ID token of an answer, nil if there is none.
func (o *OIDC) idToken(ctx context.Context, p *provider, token *oauth2.Token) (id *oidc.IDToken, raw string, err error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok || raw == "" {
		return nil, "", nil
	}
	if id, err = p.idTokens.Verify(o.context(ctx), raw); err != nil {
		return nil, "", fmt.Errorf("check the ID token: %w", err)
	}
	var party struct {
		Authorized string `json:"azp"`
	}
	if err := id.Claims(&party); err != nil {
		return nil, "", fmt.Errorf("check the ID token: %w", err)
	}
	if party.Authorized != "" && party.Authorized != o.config.ClientID {
		return nil, "", fmt.Errorf("the ID token was made for %q", brief(party.Authorized))
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, "", fmt.Errorf("check the ID token: %w", err)
		}
	}
	if id.Subject == "" {
		return nil, "", errors.New("the ID token names nobody")
	}
	return id, raw, nil
}
