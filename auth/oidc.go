package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"go.uber.org/zap"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// OIDCConfig says where people sign in, and who may do what.
type OIDCConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret string // "" for a public client
	// RedirectURL is where the provider sends people back to. Default: the
	// gateway's own address with /auth/callback.
	RedirectURL string
	Scopes      []string // beside openid. Default: profile, email
	Roles       RoleRules
	Label       string // of the button. Default: the issuer's host
	// Lifetime is how long a sign-in lasts that the provider cannot confirm again
	// because it gave no refresh token. Default: 12 h
	Lifetime time.Duration
	// BearerAudience is the audience of access tokens that the API takes in place
	// of keys, "" to take none. It is not the client's id: ID tokens are for that.
	BearerAudience string
}

const (
	providerTimeout = 10 * time.Second // of one answer of the provider
	// providerAge is when the provider is asked anew who it is, which also forgets
	// keys that it has withdrawn.
	providerAge = time.Hour
	// Between two tries to reach a provider that does not answer.
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// OIDC is one OpenID provider as one configuration has it. It asks the provider
// nothing before somebody wants to sign in, so that either may start first.
type OIDC struct {
	config  OIDCConfig
	signIns *SignIns
	log     *zap.Logger
	client  *http.Client

	loads singleflight.Group
	mu    sync.Mutex
	found *provider // nil before the first answer
	fault error     // of the last try
	retry time.Time // not before
	pause time.Duration
}

// provider is what the provider has said of itself.
type provider struct {
	*oidc.Provider
	oauth  oauth2.Config
	loaded time.Time

	idTokens     *oidc.IDTokenVerifier // of sign-ins and sign-outs
	accessTokens *oidc.IDTokenVerifier // nil if they are not taken

	EndSession  string `json:"end_session_endpoint"`
	NamesItself bool   `json:"authorization_response_iss_parameter_supported"`
}

// NewOIDC returns a provider; it has nothing to close. The error names what of
// the configuration is wrong.
func NewOIDC(c OIDCConfig, signIns *SignIns, log *zap.Logger) (*OIDC, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Lifetime == 0 {
		c.Lifetime = 12 * time.Hour
	}
	if c.Roles.Claim == "" {
		c.Roles.Claim = "roles"
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"profile", "email"}
	}
	c.Scopes = append([]string{oidc.ScopeOpenID}, slices.DeleteFunc(slices.Clone(c.Scopes), func(s string) bool { return s == oidc.ScopeOpenID })...)
	if c.Label == "" {
		issuer, _ := url.Parse(c.Issuer) // it was checked
		c.Label = issuer.Host
	}
	return &OIDC{config: c, signIns: signIns, log: Bounded(log), client: newProviderClient()}, nil
}

func (c *OIDCConfig) check() error {
	if err := CheckIssuer(c.Issuer); err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	if c.ClientID == "" {
		return errors.New("client_id is missing")
	}
	if c.BearerAudience == c.ClientID {
		return errors.New("bearer_audience must not be the client_id: that is the audience of ID tokens, which are not for the API")
	}
	return nil
}

// CheckIssuer reports whether the provider's address is one that nobody on the
// line can pretend to be.
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not possible; allowed is an address such as https://id.example.com", issuer)
	}
	return secureURL(u)
}

func secureURL(u *url.URL) error {
	if u.Scheme == "https" || u.Scheme == "http" && localName(u.Host) {
		return nil
	}
	return fmt.Errorf("%q is not possible; it must begin with https:// (http:// only on this machine)", u.Redacted())
}

// Label is what to call the provider.
func (o *OIDC) Label() string { return o.config.Label }

// provider returns what is known of the provider, or asks it. While it does not
// answer, tries become rare and everybody else gets the last fault at once.
func (o *OIDC) provider(ctx context.Context) (*provider, error) {
	o.mu.Lock()
	found, fault, early := o.found, o.fault, time.Now().Before(o.retry)
	o.mu.Unlock()
	switch {
	case found != nil && (early || time.Since(found.loaded) < providerAge):
		return found, nil
	case early:
		return nil, fault
	}
	return o.reload(ctx)
}

// reload asks the provider now. Whoever comes meanwhile gets the same answer.
func (o *OIDC) reload(ctx context.Context) (*provider, error) {
	result := o.loads.DoChan("", func() (any, error) {
		// Whoever asked first may leave; the others still want the answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), providerTimeout)
		defer cancel()
		return o.load(ctx)
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*provider), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (o *OIDC) load(ctx context.Context) (*provider, error) {
	p, err := o.discover(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		news := o.fault == nil
		o.fault = fmt.Errorf("ask the provider %s: %w", o.config.Issuer, err)
		o.pause = min(max(2*o.pause, firstPause), lastPause)
		o.retry = time.Now().Add(o.pause)
		if o.found != nil { // it was well not long ago
			if news {
				o.log.Warn("the sign-in provider does not answer, what it said before still holds", zap.Error(o.fault))
			}
			return o.found, nil
		}
		return nil, o.fault
	}
	o.found, o.fault, o.pause, o.retry = p, nil, 0, time.Time{}
	return p, nil
}

func (o *OIDC) discover(ctx context.Context) (*provider, error) {
	found, err := oidc.NewProvider(o.context(ctx), o.config.Issuer)
	if err != nil {
		return nil, err
	}
	p := &provider{Provider: found, loaded: time.Now()}
	var more struct {
		Keys        string   `json:"jwks_uri"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		*provider
	}
	more.provider = p
	if err := found.Claims(&more); err != nil {
		return nil, err
	}
	endpoint := found.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL, more.Keys, found.UserInfoEndpoint(), p.EndSession} {
		u, err := url.Parse(address)
		if err == nil && address != "" {
			err = secureURL(u)
		}
		if err != nil {
			return nil, fmt.Errorf("one of its endpoints: %w", err)
		}
	}
	if endpoint.AuthURL == "" || endpoint.TokenURL == "" || more.Keys == "" {
		return nil, errors.New("it names no endpoint for authorization, tokens or keys")
	}
	// Not left to try and error, which would send the code twice.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if o.config.ClientSecret == "" || len(more.AuthMethods) > 0 && !slices.Contains(more.AuthMethods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	p.oauth = oauth2.Config{ClientID: o.config.ClientID, ClientSecret: o.config.ClientSecret, Endpoint: endpoint, Scopes: o.config.Scopes}
	p.idTokens = found.VerifierContext(o.context(ctx), &oidc.Config{ClientID: o.config.ClientID})
	if o.config.BearerAudience != "" {
		p.accessTokens = found.VerifierContext(o.context(ctx), &oidc.Config{ClientID: o.config.BearerAudience})
	}
	return p, nil
}

// context has the libraries use the client with bounds.
func (o *OIDC) context(ctx context.Context) context.Context {
	return context.WithValue(oidc.ClientContext(ctx, o.client), oauth2.HTTPClient, o.client)
}

// brief keeps what strangers have written short in the log.
func brief(text string) string {
	text = strings.ToValidUTF8(text, "")
	return text[:min(len(text), 500)]
}
