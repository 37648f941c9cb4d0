package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

// OIDC says where people sign in and who may do what. Without an issuer there is
// no single sign-on, whatever else is in the block.
type OIDC struct {
	// The provider's address, as its tokens have it in "iss".
	Issuer string `json:"issuer,omitempty"`

	// What the provider calls the gateway.
	ClientID string `json:"client_id,omitempty"`

	// What the gateway shows the provider. Use a placeholder.
	// Default: none, for a public client
	ClientSecret string `json:"client_secret,omitempty"`

	// Where the provider sends people back to.
	// Default: public_url, or the address of the request, with /auth/callback
	RedirectURL string `json:"redirect_url,omitempty"`

	// What is asked of the provider beside openid. With offline_access, or what
	// the provider has in its place, roles are asked for again every 5 minutes.
	// Default: profile, email
	Scopes []string `json:"scopes,omitempty"`

	// The claim that decides about roles, or the path to it with dots: a string or
	// an array of strings. Default: roles
	RoleClaim string `json:"role_claim,omitempty"`

	// For each of admin, operator and viewer the values of the claim that give the
	// role. A value with a placeholder may stand for several, with commas between.
	// Default: the role's own name
	Roles map[string][]string `json:"roles,omitempty"`

	// The role of whoever gets none by the claim. Default: none, so that they are
	// not let in
	DefaultRole string `json:"default_role,omitempty"`

	// What the dashboard calls the provider. Default: the issuer's host
	Label string `json:"label,omitempty"`

	// How long a sign-in lasts that the provider cannot confirm, because it gave
	// no refresh token. Default: 12h
	Lifetime Duration `json:"lifetime,omitempty"`

	// Whether the API takes the provider's access tokens in place of keys: on or
	// off. Default: off
	Bearer Value `json:"bearer,omitempty"`

	// The audience that such tokens must have; needed with bearer on.
	BearerAudience string `json:"bearer_audience,omitempty"`
}

// resolve checks the block and returns nil without single sign-on.
func (o *OIDC) resolve(faults *[]error) *auth.OIDCConfig {
	if o == nil {
		return nil
	}
	var c auth.OIDCConfig
	set(faults, &c.Issuer, "oidc issuer", o.Issuer, "", parseIssuer)
	if issuer, err := expand(o.Issuer); issuer == "" && err == nil {
		return nil
	}
	bearer := false
	set(faults, &c.ClientID, "oidc client_id", o.ClientID, "", verbatim)
	set(faults, &c.ClientSecret, "oidc client_secret", o.ClientSecret, "", verbatim)
	set(faults, &c.RedirectURL, "oidc redirect_url", o.RedirectURL, "", parseRedirectURL)
	set(faults, &c.Roles.Claim, "oidc role_claim", o.RoleClaim, "roles", verbatim)
	set(faults, &c.Roles.Default, "oidc default_role", o.DefaultRole, "", parseRole)
	set(faults, &c.Label, "oidc label", o.Label, "", verbatim)
	set(faults, &c.Lifetime, "oidc lifetime", string(o.Lifetime), 12*time.Hour, parseDuration)
	set(faults, &bearer, "oidc bearer", string(o.Bearer), false, parseSwitch)
	set(faults, &c.BearerAudience, "oidc bearer_audience", o.BearerAudience, "", verbatim)
	for _, text := range o.Scopes {
		scopes := ""
		set(faults, &scopes, "oidc scopes", text, "", verbatim)
		c.Scopes = append(c.Scopes, strings.Fields(scopes)...)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Roles)) {
		role, err := parseRole(name)
		if err != nil {
			*faults = append(*faults, fmt.Errorf("oidc role: %w", err))
			continue
		}
		for _, text := range o.Roles[name] {
			value := ""
			set(faults, &value, "oidc role "+name, text, "", verbatim)
			c.Roles.Add(role, splitValue(text, value)...)
		}
	}
	if c.ClientID == "" {
		*faults = append(*faults, errors.New("oidc client_id is missing; the provider gives it when the gateway is registered there"))
	}
	switch {
	case !bearer:
		c.BearerAudience = ""
	case c.BearerAudience == "":
		*faults = append(*faults, errors.New("oidc bearer_audience is missing; with bearer on it says which access tokens are for this API"))
	case c.BearerAudience == c.ClientID:
		*faults = append(*faults, errors.New("oidc bearer_audience must not be the client_id: that is the audience of ID tokens, which are not for the API"))
	}
	return &c
}

// splitValue takes commas for separators only in what comes from outside, because
// the names of groups in a directory have commas themselves.
func splitValue(configured, value string) (values []string) {
	if !deferred(configured) {
		return []string{value}
	}
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			values = append(values, part)
		}
	}
	return values
}

func parseIssuer(text string) (string, error) { return text, auth.CheckIssuer(text) }

func parseRedirectURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "/auth/callback" {
		return "", fmt.Errorf("%q is not possible; allowed is the gateway's address with /auth/callback, such as https://jimeng.example.com/auth/callback", text)
	}
	return text, nil
}

func parseRole(text string) (auth.Role, error) {
	if role := auth.Role(text); slices.Contains(auth.Roles, role) {
		return role, nil
	}
	return "", fmt.Errorf("%q is not possible; allowed: admin, operator, viewer", text)
}

// oidcOptions are the options within the block oidc.
var oidcOptions = map[string]option{
	"issuer":          setting("issuer <url>", func(c *Config) *string { return &c.OIDC.Issuer }, parseIssuer),
	"client_id":       setting("client_id <id>", func(c *Config) *string { return &c.OIDC.ClientID }, verbatim),
	"client_secret":   setting("client_secret <secret>", func(c *Config) *string { return &c.OIDC.ClientSecret }, verbatim),
	"redirect_url":    setting("redirect_url <url>", func(c *Config) *string { return &c.OIDC.RedirectURL }, parseRedirectURL),
	"role":            {"role admin|operator|viewer <value…>", readRole},
	"scopes":          {"scopes <name…>", readScopes},
	"role_claim":      setting("role_claim <claim>", func(c *Config) *string { return &c.OIDC.RoleClaim }, verbatim),
	"default_role":    setting("default_role admin|operator|viewer", func(c *Config) *string { return &c.OIDC.DefaultRole }, parseRole),
	"label":           setting("label <text>", func(c *Config) *string { return &c.OIDC.Label }, verbatim),
	"lifetime":        setting("lifetime <duration>", func(c *Config) *Duration { return &c.OIDC.Lifetime }, parseDuration),
	"bearer":          setting("bearer on|off", func(c *Config) *Value { return &c.OIDC.Bearer }, parseSwitch),
	"bearer_audience": setting("bearer_audience <audience>", func(c *Config) *string { return &c.OIDC.BearerAudience }, verbatim),
}

// readOIDC reads the block oidc. Unlike the other options, role may be given
// several times.
func (c *Config) readOIDC(d *caddyfile.Dispenser, seen map[string]bool) error {
	if err := openBlock(d, "oidc", seen); err != nil {
		return err
	}
	c.OIDC = new(OIDC)
	inner := map[string]bool{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() == "role" {
			delete(inner, "role")
		}
		if err := c.readOption(d, "oidc", oidcOptions, inner); err != nil {
			return err
		}
	}
	return nil
}

func readScopes(c *Config, args []string) error {
	if len(args) == 0 {
		return errArguments
	}
	c.OIDC.Scopes = args
	return nil
}

func readRole(c *Config, args []string) error {
	if len(args) < 2 {
		return errArguments
	}
	if _, err := parseRole(args[0]); err != nil {
		return err
	}
	if c.OIDC.Roles == nil {
		c.OIDC.Roles = map[string][]string{}
	}
	c.OIDC.Roles[args[0]] = append(c.OIDC.Roles[args[0]], args[1:]...)
	return nil
}
