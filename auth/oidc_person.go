package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// PersonID is the id of who a provider calls by the subject.
func PersonID(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\n" + subject))
	return "person-" + hex.EncodeToString(sum[:])[:20]
}

// personOf makes a person of what the provider says.
func (o *OIDC) personOf(subject string, claims map[string]any) (p *store.Person, why string) {
	role, why := o.config.Roles.Of(claims)
	p = &store.Person{ID: PersonID(o.config.Issuer, subject), Issuer: o.config.Issuer, Subject: subject, Email: short(textOf(claims, "email")), Role: string(role)}
	for _, name := range []string{"name", "preferred_username", "email", "sub"} {
		if p.Name = short(textOf(claims, name)); p.Name != "" {
			break
		}
	}
	return p, why
}

// short is a text of the provider as far as it can be shown.
func short(text string) string {
	clean := []rune{}
	for _, r := range text {
		if !unprintable(r) && r != utf8.RuneError {
			clean = append(clean, r)
		}
	}
	return string(clean[:min(len(clean), maxName)])
}

// principal is the person as the API knows callers.
func principal(id, name string, role Role, signIn string, until int64) *Principal {
	p := implicit(id, name)
	p.Key.Scopes = role.Scopes()
	p.Role, p.SignIn, p.Until = role, signIn, until
	return p
}

// claims returns what the ID token says, and of the rest what the provider tells
// whoever holds the access token: many leave the roles out of ID tokens. Without
// an ID token, as refreshes may be, all comes from there.
func (o *OIDC) claims(ctx context.Context, p *provider, subject string, id *oidc.IDToken, token *oauth2.Token) (map[string]any, error) {
	claims := map[string]any{}
	if id != nil {
		if err := id.Claims(&claims); err != nil {
			return nil, fmt.Errorf("read the ID token: %w", err)
		}
		if _, why := textsOf(claims, o.config.Roles.Claim); why == "" && textOf(claims, "name") != "" {
			return claims, nil
		}
	}
	if p.UserInfoEndpoint() == "" {
		if id == nil {
			return nil, errors.New("the provider says nothing of the person: there is neither an ID token nor a userinfo endpoint")
		}
		return claims, nil
	}
	info, err := p.UserInfo(o.context(ctx), oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("ask for the person: %w", err)
	}
	if info.Subject != subject {
		return nil, fmt.Errorf("the provider speaks of somebody else, %q in place of %q", brief(info.Subject), brief(subject))
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return nil, fmt.Errorf("read what the provider says of the person: %w", err)
	}
	maps.Copy(more, claims) // what is signed wins
	return more, nil
}
