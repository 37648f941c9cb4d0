package auth

import (
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
	// Until is when it ends by itself, or has to be looked at again, in Unix
	// milliseconds, 0 for never.
	Until int64

	rotated int64 // until when the secret works that the key had before, 0 for the present one
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

	Limit      string        // the attribute of the key that says so, "" for none
	Value      any           // of the attribute
	RetryAfter time.Duration // 0 when time does not help
}

func (r *Refusal) Error() string { return r.Message }

func refuse(status int, code, message string) *Refusal {
	return &Refusal{Status: status, Code: code, Message: message}
}

var (
	errNoKey     = refuse(http.StatusUnauthorized, "missing_key", "An API key is needed: send it as \"Authorization: Bearer gw_…\".")
	errWrongKey  = refuse(http.StatusUnauthorized, "invalid_key", "The API key is not valid.")
	errMalformed = refuse(http.StatusUnauthorized, "invalid_key", "This is no API key: one is gw_ and 32 of the characters 0-9 and a-f, with nothing before, between or after.")
	errDisabled  = refuse(http.StatusUnauthorized, "disabled_key", "The API key is disabled.")
	errExpired   = refuse(http.StatusUnauthorized, "expired_key", "The API key has expired.")
	errRotated   = refuse(http.StatusUnauthorized, "rotated_key", "The API key has got a new secret, and the time of this one is over.")
	errCookie    = refuse(http.StatusUnauthorized, "signed_out", "The sign-in is over, sign in again.")
	errNoRole    = refuse(http.StatusForbidden, "no_role", "You are known, but have no role here. Ask an admin of the gateway or of the sign-in provider.")
	errToken     = refuse(http.StatusUnauthorized, "invalid_token", "The access token is not valid here, or has expired.")
	errNoOIDC    = refuse(http.StatusNotFound, "no_single_sign_on", "Single sign-on is not configured. Sign in with an API key.")
	errProvider  = &Refusal{Status: http.StatusServiceUnavailable, Code: "provider_unavailable", RetryAfter: 5 * time.Second,
		Message: "The sign-in provider does not answer. Try again in a moment, or sign in with an API key."}
	errOrigin   = refuse(http.StatusForbidden, "cross_origin", "The request comes from a page of another origin. Use an API key instead of the browser's session.")
	errLoopback = refuse(http.StatusForbidden, "loopback_only", "Authentication is off, so only direct connections from this machine to localhost are served. "+
		"Switch authentication on, or allow everybody explicitly in the gateway's configuration.")
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
	guessable bool       // the admin token is short
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
		if a.guessable = len(c.AdminToken) < 16; a.guessable {
			c.Logger.Warn("the admin token is short enough to be guessed, use at least 16 random characters")
		}
		if len(c.AdminToken) > maxSecret {
			c.Logger.Warn("the admin token is too long to be used", zap.Int("bytes", len(c.AdminToken)), zap.Int("most", maxSecret))
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
//
// Whoever sends many wrong keys is told to wait. A right one always works.
func (a *Authenticator) Authenticate(r *http.Request) (*Principal, error) {
	p, err := a.identify(r)
	return p, a.slowed(r, r.Header.Get("Authorization"), err)
}

// identify is Authenticate without a memory of wrong keys.
func (a *Authenticator) identify(r *http.Request) (*Principal, error) {
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
		token = strings.Trim(token, " \t")
		if a.oidc != nil && a.oidc.takesBearer(token) {
			return a.byAccessToken(r.Context(), token)
		}
		return a.bySecret(r, token)
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
	return a.byKey(r, in)
}

// byKey is who signed in with a key, as long as that key would.
func (a *Authenticator) byKey(r *http.Request, in *store.SignIn) (*Principal, error) {
	p, err := a.byStoredHash(r, in)
	if err == errWrongKey || err == errRotated { // deleted, or replaced by a new one
		return nil, errCookie
	} else if err != nil {
		return nil, err
	}
	signedIn := *p
	signedIn.SignIn = in.ID
	if signedIn.Until == 0 || in.ExpiresAt < signedIn.Until {
		signedIn.Until = in.ExpiresAt
	}
	return &signedIn, nil
}

func (a *Authenticator) byStoredHash(r *http.Request, in *store.SignIn) (*Principal, error) {
	if in.OwnerID == AdminKeyID {
		if a.admin == nil || subtle.ConstantTimeCompare([]byte(in.KeyHash), []byte(a.adminMark())) != 1 {
			return nil, errWrongKey
		}
		return a.admin, nil
	}
	sum, err := parseHash(in.KeyHash)
	if err != nil {
		return nil, errWrongKey
	}
	return a.byHash(r, sum)
}

// maxSecret is the longest that an admin token can be, in bytes; nothing longer is
// worth hashing.
const maxSecret = 1024

// bySecret looks every possible key up. Only an admin token that is short enough
// to be guessed is not compared after too many guesses.
func (a *Authenticator) bySecret(r *http.Request, secret string) (*Principal, error) {
	if !wellFormed(secret) {
		if a.admin == nil || len(secret) > maxSecret || a.guessable && a.keyring.wrong.spent(ClientOf(r).Address) || !a.isAdmin(sha256.Sum256([]byte(secret))) {
			return nil, errMalformed
		}
		return a.admin, nil
	}
	return a.byHash(r, sha256.Sum256([]byte(secret)))
}

func (a *Authenticator) byHash(r *http.Request, sum hash) (*Principal, error) {
	if a.isAdmin(sum) {
		return a.admin, nil
	}
	p, err := a.keyring.find(r.Context(), sum)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errWrongKey
	}
	// Before anything else is said of the key: it may be stolen.
	if err := checkAddress(p.Key.Networks, r); err != nil {
		return nil, err
	}
	now := time.Now().UnixMilli()
	switch {
	case !p.Key.Enabled:
		return nil, errDisabled
	case p.Key.ExpiresAt != 0 && now >= p.Key.ExpiresAt:
		return nil, errExpired
	case p.rotated != 0 && now >= p.rotated:
		return nil, errRotated
	}
	return p, nil
}

func (a *Authenticator) isAdmin(sum hash) bool {
	return a.admin != nil && subtle.ConstantTimeCompare(sum[:], a.adminHash[:]) == 1
}

// HasAdmin reports whether somebody can be an admin without a key from the
// database.
func (a *Authenticator) HasAdmin() bool { return a.admin != nil || a.oidc != nil }
