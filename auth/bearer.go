package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// maxAccessToken bounds an access token, in bytes.
const maxAccessToken = 16 << 10

// bearer is an access token that was checked.
type bearer struct {
	by        *OIDC // another configuration checks again
	principal *Principal
	expires   time.Time
}

// takesBearer reports whether a bearer token is for the provider to judge: keys
// and admin tokens are no JWT.
func (o *OIDC) takesBearer(token string) bool {
	return o.config.BearerAudience != "" && strings.Count(token, ".") == 2 && strings.HasPrefix(token, "eyJ")
}

// byAccessToken is who an access token of the provider is for. A token that is in
// use costs neither database nor signature: it is looked at once a minute.
func (a *Authenticator) byAccessToken(ctx context.Context, token string) (*Principal, error) {
	o := a.oidc
	if len(token) > maxAccessToken {
		return nil, errToken
	}
	sum := hash(sha256.Sum256([]byte(token)))
	if known, ok := a.signIns.bearers.GetIfPresent(sum); ok && known.by == o && time.Now().Before(known.expires) {
		return known.principal, nil
	}
	ctx, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	p, err := o.provider(ctx)
	if err != nil {
		o.log.Warn("an access token cannot be checked, the provider does not answer", zap.Error(err))
		return nil, errProvider
	}
	checked, err := o.checkAccessToken(ctx, p, token)
	if err != nil {
		o.log.Info("an access token was refused", zap.String("cause", brief(err.Error())))
		if _, refused := errors.AsType[*Refusal](err); refused {
			return nil, err
		}
		return nil, errToken
	}
	if err := a.signIns.store.MeetPerson(ctx, checked.person); err != nil {
		return nil, err
	}
	fresh := &bearer{o, principal(checked.person.ID, checked.person.Name, Role(checked.person.Role), "", checked.expires.UnixMilli()), checked.expires}
	a.signIns.bearers.Set(sum, fresh)
	return fresh.principal, nil
}

type accessToken struct {
	person  *store.Person
	expires time.Time
}

func (o *OIDC) checkAccessToken(ctx context.Context, p *provider, raw string) (*accessToken, error) {
	token, err := p.accessTokens.Verify(o.context(ctx), raw)
	if err != nil {
		return nil, fmt.Errorf("check the access token: %w", err)
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, fmt.Errorf("read the access token: %w", err)
	}
	if err := notForAPI(raw, claims); err != nil {
		return nil, err
	}
	if notBefore, ok := claims["nbf"].(float64); ok && time.Now().Add(clockSkew).Before(time.Unix(int64(notBefore), 0)) {
		return nil, errors.New("the token is not valid yet")
	}
	if token.Subject == "" {
		return nil, errors.New("the token names nobody")
	}
	person, why := o.personOf(token.Subject, claims)
	if person.Role == "" {
		o.log.Info("the holder of an access token has no role", zap.String("person", person.ID), zap.String("cause", brief(why)))
		return nil, errNoRole
	}
	return &accessToken{person, token.Expiry}, nil
}

// notForAPI finds the provider's other kinds of tokens. By their audience alone
// an ID or logout token that names the API as well as the client could pass for
// an access token.
func notForAPI(raw string, claims map[string]any) error {
	var header struct {
		Type string `json:"typ"`
	}
	first, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err == nil {
		err = json.Unmarshal(text, &header)
	}
	if err != nil {
		return fmt.Errorf("read the token's header: %w", err)
	}
	switch strings.TrimPrefix(strings.ToLower(header.Type), "application/") {
	case "at+jwt":
		return nil // RFC 9068: it can be nothing else
	case "jwt", "":
	default:
		return fmt.Errorf("the token is of the type %q, not an access token", brief(header.Type))
	}
	for _, claim := range []string{"nonce", "at_hash", "c_hash", "s_hash", "events"} {
		if _, ok := claims[claim]; ok {
			return fmt.Errorf("the token has the claim %s, so it is not an access token", claim)
		}
	}
	if kind := textOf(claims, "typ"); kind != "" && !strings.EqualFold(kind, "Bearer") { // Keycloak's own word
		return fmt.Errorf("the token is of the type %q, not an access token", brief(kind))
	}
	return nil
}
