package auth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// signOutPatience is how long a sign-out waits for a provider that has said
	// nothing of itself yet.
	signOutPatience = 3 * time.Second
	// logoutAge is how old a logout token may be, and how far ahead another clock.
	logoutAge = 5 * time.Minute
	clockSkew = time.Minute
)

// endSession is where the browser ends its sign-in at the provider, "" for nowhere.
func (o *OIDC) endSession(ctx context.Context, in *store.SignIn, home string) string {
	ctx, cancel := context.WithTimeout(ctx, signOutPatience)
	defer cancel()
	p, err := o.provider(ctx)
	if err != nil {
		o.log.Warn("somebody has signed out here, but not at the provider", zap.Error(err))
		return ""
	}
	address, err := url.Parse(p.EndSession)
	if err != nil || p.EndSession == "" {
		return ""
	}
	query := address.Query()
	query.Set("client_id", o.config.ClientID)
	var tokens providerTokens
	if o.signIns.open(sealedTokens, in.Tokens, &tokens) == nil {
		query.Set("id_token_hint", tokens.ID)
	}
	if home != "" {
		query.Set("post_logout_redirect_uri", home+"/")
	}
	address.RawQuery = query.Encode()
	return address.String()
}

// errLogout is all that a provider, or whoever poses as one, is told.
var errLogout = refuse(http.StatusBadRequest, "invalid_logout_token", "The logout token is not valid here, or was used before.")

// ProviderSignOut ends the sign-ins that the provider says are over, by OpenID
// Connect Back-Channel Logout 1.0.
func (a *Authenticator) ProviderSignOut(r *http.Request, token string) error {
	if a.oidc == nil {
		return errNoOIDC
	}
	o := a.oidc
	p, err := o.provider(r.Context())
	if err != nil {
		o.log.Warn("the provider wants to end sign-ins, but does not answer itself", zap.Error(err))
		return errProvider
	}
	ctx, cancel := context.WithTimeout(r.Context(), providerTimeout)
	defer cancel()
	refused := func(cause error) error {
		o.log.Warn("a logout token was refused", zap.String("cause", brief(cause.Error())), zap.Stringer("address", ClientOf(r).Address))
		return errLogout
	}
	out, err := p.idTokens.VerifyLogout(o.context(ctx), token)
	if err != nil {
		return refused(err)
	}
	if age := time.Since(out.IssuedAt); age > logoutAge || age < -clockSkew {
		return refused(errors.New("the logout token was issued too long ago, or has not been yet"))
	}
	owner := ""
	if out.Subject != "" {
		owner = PersonID(out.Issuer, out.Subject)
	}
	ctx = store.WithActor(ctx, ClientOf(r).Actor("provider", out.Issuer, out.Issuer))
	err = o.signIns.store.EndProviderSignIns(ctx, out.Issuer, out.SessionID, owner, Hash("logout "+out.TokenID), out.Expiry.Add(logoutAge).UnixMilli())
	a.ForgetSignIns()
	if errors.Is(err, store.ErrConflict) {
		return refused(errors.New("the logout token was used before"))
	}
	return err
}

// Preview returns what role somebody with the claims, a JSON object, would get at
// a sign-in, and why.
func (a *Authenticator) Preview(claims json.RawMessage) (role Role, why string, err error) {
	if a.oidc == nil {
		return "", "", errNoOIDC
	}
	return a.oidc.Preview(claims)
}

// SignInLabel is what to call the provider where people sign in, "" for none.
func (a *Authenticator) SignInLabel() string {
	if a.oidc == nil || !a.enabled {
		return ""
	}
	return a.oidc.config.Label
}
