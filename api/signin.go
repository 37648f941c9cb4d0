package api

import (
	"encoding/json"
	"net/http"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

func (a *api) signInRoutes(r *router) {
	r.HandleFunc("POST /auth/key", a.signIn)
	r.HandleFunc("GET /auth/me", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, a.signedIn(callerOf(r.Context()).Principal))
	})
	r.HandleFunc("POST /auth/logout", func(w http.ResponseWriter, r *http.Request) {
		if err := a.Auth.SignOut(w, r); err != nil {
			a.fail(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// signedIn is what the dashboard knows of its user.
type signedIn struct {
	Authenticated bool     `json:"authenticated"`
	AuthEnabled   bool     `json:"auth_enabled"`
	Name          string   `json:"name"`
	Prefix        string   `json:"key_prefix"`
	Scopes        []string `json:"scopes"`
}

func (a *api) signedIn(p *auth.Principal) signedIn {
	answer := signedIn{AuthEnabled: a.Auth.Enabled(), Scopes: []string{}}
	if p != nil {
		answer.Authenticated = true
		answer.Name, answer.Prefix, answer.Scopes = p.Name, p.Key.Prefix, p.Key.Scopes
	}
	return answer
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
	writeJSON(w, http.StatusOK, a.signedIn(principal))
}
