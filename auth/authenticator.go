package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// The ids of the two keys that exist without anybody having made them. The store
// has a row for each, so that their tasks belong to somebody.
const (
	AdminKeyID     = "admin"     // ADMIN_TOKEN
	AnonymousKeyID = "anonymous" // everybody, without authentication
)

// Principal is who a request comes from. It is shared between requests and must
// not be changed.
type Principal struct {
	Key  *store.Key // for a person, the implicit key with the scopes of the role
	Name string     // for people
	Role Role       // of a person, "" for a key
	// SignIn is the id of the browser's sign-in, "" for a request that carries a
	// key or a token itself.
	SignIn string
}

// Has reports whether the principal holds the scope.
func (p *Principal) Has(scope string) bool {
	return slices.Contains(p.Key.Scopes, scope) || slices.Contains(p.Key.Scopes, Admin)
}

// Owner is the id of the key whose tasks the principal may see, "" for all.
func (p *Principal) Owner() string {
	if p.Has(EveryTask) {
		return ""
	}
	return p.Key.ID
}

// Refusal is why a request is not let in. Its message is meant for the caller.
type Refusal struct {
	Status  int    // 4xx, or 503 while the OpenID provider does not answer
	Code    string // stable, for programs
	Message string
}

func (r *Refusal) Error() string { return r.Message }

var (
	errNoKey    = &Refusal{http.StatusUnauthorized, "missing_key", "An API key is needed: send it as \"Authorization: Bearer gw_…\"."}
	errWrongKey = &Refusal{http.StatusUnauthorized, "invalid_key", "The API key is not valid."}
	errDisabled = &Refusal{http.StatusUnauthorized, "disabled_key", "The API key is disabled."}
	errExpired  = &Refusal{http.StatusUnauthorized, "expired_key", "The API key has expired."}
	errCookie   = &Refusal{http.StatusUnauthorized, "signed_out", "The sign-in is over, sign in again."}
	errNoRole   = &Refusal{http.StatusForbidden, "no_role", "You are known, but have no role here. Ask an admin of the gateway or of the sign-in provider."}
	errToken    = &Refusal{http.StatusUnauthorized, "invalid_token", "The access token is not valid here, or has expired."}
	errNoOIDC   = &Refusal{http.StatusNotFound, "no_single_sign_on", "Single sign-on is not configured. Sign in with an API key."}
	errProvider = &Refusal{http.StatusServiceUnavailable, "provider_unavailable", "The sign-in provider does not answer. Try again in a moment, or sign in with an API key."}
	errOrigin   = &Refusal{http.StatusForbidden, "cross_origin", "The request comes from a page of another origin. Use an API key instead of the browser's session."}
	errLoopback = &Refusal{http.StatusForbidden, "loopback_only", "Authentication is off, so only direct connections from this machine to localhost are served. " +
		"Switch authentication on, or allow everybody explicitly in the gateway's configuration."}
)

// Config is the part of a configuration that says who is let in.
type Config struct {
	Keyring *Keyring
	SignIns *SignIns
	// Enabled is whether a key or a sign-in is needed. Without it everybody on
	// this machine is an admin, and nobody else is served.
	Enabled bool
	// Insecure serves everybody as admin, wherever the request comes from, when
	// Enabled is false.
	Insecure bool
	// AdminToken is a bearer token with the admin scope that exists without the
	// database. Empty for none.
	AdminToken string
	// OIDC is the provider where people sign in, nil for none.
	OIDC   *OIDC
	Logger *zap.Logger
}

// Authenticator tells who a request comes from.
type Authenticator struct {
	keyring   *Keyring
	enabled   bool
	insecure  bool
	adminHash hash
	admin     *Principal // nil without an admin token
	anonymous *Principal
	signIns   *SignIns
	oidc      *OIDC // nil without single sign-on
	origin    *http.CrossOriginProtection
}

// New returns an authenticator. It has nothing to close.
func New(c Config) *Authenticator {
	a := &Authenticator{
		keyring:   c.Keyring,
		enabled:   c.Enabled,
		insecure:  c.Insecure,
		anonymous: implicit(AnonymousKeyID, "everybody"),
		signIns:   c.SignIns,
		oidc:      c.OIDC,
		origin:    http.NewCrossOriginProtection(),
	}
	if c.AdminToken != "" {
		a.admin = implicit(AdminKeyID, "admin token")
		a.adminHash = sha256.Sum256([]byte(c.AdminToken))
		if len(c.AdminToken) < 16 {
			c.Logger.Warn("the admin token is short enough to be guessed, use at least 16 random characters")
		}
	}
	if !c.Enabled {
		c.Logger.Warn("authentication is off: whoever reaches the gateway is an admin", zap.Bool("beyond_this_machine", c.Insecure))
	}
	return a
}

func implicit(id, name string) *Principal {
	key := &store.Key{ID: id, Name: name, Scopes: []string{Admin}, Enabled: true, Implicit: true, Weight: 1}
	return &Principal{Key: key, Name: name}
}

// Enabled reports whether a key or a sign-in is needed.
func (a *Authenticator) Enabled() bool { return a.enabled }

// Keyring returns the keys behind the authenticator.
func (a *Authenticator) Keyring() *Keyring { return a.keyring }

// Authenticate tells who a request comes from: the key in its Authorization
// header, the access token in its place, or else the sign-in of its cookie. The error is a [*Refusal]
// unless the store failed.
//
// A browser sends a cookie, or its mere presence on this machine, along with
// requests that any web page makes. Such requests must come from the gateway's
// own pages if they change something; a key in a header needs no such check,
// because a foreign page cannot know it. A request that [AsAdmin] has marked is
// asked for nothing.
func (a *Authenticator) Authenticate(r *http.Request) (*Principal, error) {
	if p, ok := r.Context().Value(insideKey{}).(*Principal); ok {
		return p, nil
	}
	if !a.enabled {
		if !a.insecure && !local(r) {
			return nil, errLoopback
		}
		if a.origin.Check(r) != nil {
			return nil, errOrigin
		}
		return a.anonymous, nil
	}
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, errNoKey
		}
		token = strings.TrimSpace(token)
		if a.oidc != nil && a.oidc.takesBearer(token) {
			return a.byAccessToken(r.Context(), token)
		}
		return a.bySecret(r.Context(), token)
	}
	in, err := a.signIns.find(r.Context(), cookieOf(r, sessionCookie))
	if err != nil {
		return nil, err
	} else if in == nil {
		return nil, errNoKey
	}
	if a.origin.Check(r) != nil {
		return nil, errOrigin
	}
	if in.Issuer != "" {
		return a.byPerson(r.Context(), in)
	}
	return a.byKey(r.Context(), in)
}

// byKey is who signed in with a key, as long as that key would.
func (a *Authenticator) byKey(ctx context.Context, in *store.SignIn) (*Principal, error) {
	sum, err := parseHash(in.KeyHash)
	if err != nil {
		return nil, errCookie
	}
	p, err := a.byHash(ctx, sum)
	if err == errWrongKey { // deleted, or replaced by a new one
		return nil, errCookie
	} else if err != nil {
		return nil, err
	}
	signedIn := *p
	signedIn.SignIn = in.ID
	return &signedIn, nil
}

func (a *Authenticator) bySecret(ctx context.Context, secret string) (*Principal, error) {
	sum := hash(sha256.Sum256([]byte(secret)))
	if !a.isAdmin(sum) && !wellFormed(secret) {
		return nil, errWrongKey
	}
	return a.byHash(ctx, sum)
}

func (a *Authenticator) byHash(ctx context.Context, sum hash) (*Principal, error) {
	if a.isAdmin(sum) {
		return a.admin, nil
	}
	p, err := a.keyring.find(ctx, sum)
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, errWrongKey
	case !p.Key.Enabled:
		return nil, errDisabled
	case expired(p.Key, time.Now()):
		return nil, errExpired
	}
	return p, nil
}

func (a *Authenticator) isAdmin(sum hash) bool {
	return a.admin != nil && subtle.ConstantTimeCompare(sum[:], a.adminHash[:]) == 1
}

// HasAdmin reports whether somebody can be an admin without a key from the
// database.
func (a *Authenticator) HasAdmin() bool { return a.admin != nil || a.oidc != nil }
