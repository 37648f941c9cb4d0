package api

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

func (a *api) signInRoutes(r *router) {
	r.HandleFunc("POST /auth/key", a.signIn)
	r.HandleFunc("GET /auth/me", a.getSignedIn)
	r.HandleFunc("POST /auth/logout", a.signOut)
	r.HandleFunc("GET /auth/login", a.beginSignIn)
	r.HandleFunc("GET /auth/callback", func(w http.ResponseWriter, r *http.Request) {
		if err := a.Auth.FinishSignIn(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
	r.HandleFunc("POST /auth/backchannel-logout", a.providerSignOut)
}

// signedIn is what the dashboard knows of its user.
type signedIn struct {
	Authenticated bool     `json:"authenticated"`
	AuthEnabled   bool     `json:"auth_enabled"`
	Kind          *string  `json:"kind" doc:"What has signed in: key or person; everybody without authentication, null for strangers."`
	Role          *string  `json:"role" enum:"admin,operator,viewer" doc:"Of a person: admin, operator or viewer; null for everything else."`
	Name          string   `json:"name"`
	Prefix        string   `json:"key_prefix"`
	Scopes        []string `json:"scopes" nullable:"false"`
	SingleSignOn  *string  `json:"single_sign_on" doc:"What to call the provider that GET /auth/login leads to, null for none."`
	FirstStart    bool     `json:"first_start" doc:"Nobody can be an admin yet: the command line makes the first key."`
}

func (a *api) signedIn(r *http.Request, p *auth.Principal) (*signedIn, error) {
	answer := &signedIn{AuthEnabled: a.Auth.Enabled(), Scopes: []string{}, SingleSignOn: textOf(a.Auth.SignInLabel())}
	if p == nil {
		first, err := a.admins.missing(r, a)
		answer.FirstStart = first
		return answer, err
	}
	answer.Authenticated, answer.Role = true, textOf(string(p.Role))
	answer.Name, answer.Prefix, answer.Scopes = p.Name, p.Key.Prefix, p.Key.Scopes
	switch {
	case !answer.AuthEnabled:
		answer.Kind = new("everybody")
	case p.Role != "":
		answer.Kind = new("person")
	default:
		answer.Kind = new("key")
	}
	return answer, nil
}

// adminSearch remembers that somebody can be an admin, so that strangers who ask
// for the sign-in page cost no look at the database.
type adminSearch struct{ found atomic.Bool }

func (s *adminSearch) missing(r *http.Request, a *api) (bool, error) {
	if s.found.Load() || !a.Auth.Enabled() || a.Auth.HasAdmin() {
		return false, nil
	}
	has, err := a.Store.HasAdminKey(r.Context())
	if has {
		s.found.Store(true)
	}
	return !has, err
}

func (a *api) getSignedIn(w http.ResponseWriter, r *http.Request) {
	answer, err := a.signedIn(r, callerOf(r.Context()).Principal)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// signIn serves POST /auth/key: the browser gives the key once and gets a cookie
// that scripts cannot read.
func (a *api) signIn(w http.ResponseWriter, r *http.Request) {
	raw, err := readBody(w, r, 4<<10)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	var request struct {
		Key string `json:"key"`
	}
	if json.Unmarshal(raw, &request) != nil || request.Key == "" {
		a.fail(w, r, invalid("key", "must be an API key"))
		return
	}
	principal, err := a.Auth.SignIn(w, r, request.Key)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer, err := a.signedIn(r, principal)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// signedOut is where a browser goes after it was signed out here.
type signedOut struct {
	Redirect string `json:"redirect" doc:"The page that ends the sign-in at the provider."`
}

func (a *api) signOut(w http.ResponseWriter, r *http.Request) {
	redirect, err := a.Auth.SignOut(w, r, callerOf(r.Context()).base)
	switch {
	case err != nil:
		a.fail(w, r, err)
	case redirect != "":
		writeJSON(w, http.StatusOK, signedOut{redirect})
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// beginSignIn serves GET /auth/login. A person who is on the way there sees a
// page when it does not work, and not JSON.
func (a *api) beginSignIn(w http.ResponseWriter, r *http.Request) {
	err := a.Auth.BeginSignIn(w, r, callerOf(r.Context()).base, r.URL.Query().Get("return_to"))
	if err == nil {
		return
	}
	refusal, ok := asError[*auth.Refusal](err)
	if ok && refusal.Status == http.StatusServiceUnavailable && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, "/signin?error="+refusal.Code, http.StatusSeeOther)
		return
	}
	a.fail(w, r, err)
}

// maxLogoutForm bounds what a provider sends to end sign-ins, in bytes.
const maxLogoutForm = 64 << 10

// providerSignOut serves POST /auth/backchannel-logout, which the provider calls.
func (a *api) providerSignOut(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		a.fail(w, r, &apiError{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type", message: "The body must be application/x-www-form-urlencoded."})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLogoutForm)
	if err := r.ParseForm(); err != nil {
		a.fail(w, r, invalid("logout_token", "must be in a form of at most 64 KiB"))
		return
	}
	if err := a.Auth.ProviderSignOut(r, r.PostForm.Get("logout_token")); err != nil {
		a.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}
