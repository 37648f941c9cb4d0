package auth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// RoleRules say which role somebody has by what the provider tells of them.
type RoleRules struct {
	// Claim is the claim that decides: a name, or a path with dots into objects.
	// Its value is a string or an array of strings.
	Claim string
	// Values lists, for each role, the values of the claim that give it. Default:
	// the role's own name
	Values map[Role][]string
	// Default is the role of who gets none by the claim. Default: none, so that
	// they are not let in
	Default Role
}

// Of returns the role that the claims give, "" for none, and why. The highest of
// several wins.
func (r RoleRules) Of(claims map[string]any) (role Role, why string) {
	values, why := textsOf(claims, r.Claim)
	for _, role := range Roles {
		for _, value := range values {
			if slices.Contains(r.valuesOf(role), value) {
				return role, fmt.Sprintf("%s has %q", r.Claim, value)
			}
		}
	}
	if why == "" {
		why = fmt.Sprintf("no value of %s gives a role", r.Claim)
	}
	if r.Default != "" {
		return r.Default, why + ", so the default role"
	}
	return "", why
}

// Add has values of the claim give a role.
func (r *RoleRules) Add(role Role, values ...string) {
	if len(values) == 0 {
		return
	}
	if r.Values == nil {
		r.Values = map[Role][]string{}
	}
	r.Values[role] = append(r.Values[role], values...)
}

func (r RoleRules) valuesOf(role Role) []string {
	if len(r.Values) == 0 {
		return []string{string(role)}
	}
	return r.Values[role]
}

// textsOf returns the strings of a claim, or why there are none.
func textsOf(claims map[string]any, claim string) (values []string, why string) {
	// Many providers let people enter any address; the flag says whose it is.
	if claim == "email" && claims["email_verified"] != true {
		return nil, "email is not verified"
	}
	switch value := follow(claims, claim).(type) {
	case nil:
		return nil, fmt.Sprintf("there is no claim %s", claim)
	case string:
		return []string{value}, ""
	case []any:
		for _, item := range value {
			text, ok := item.(string)
			if !ok {
				return nil, fmt.Sprintf("%s is not a string or an array of strings", claim)
			}
			values = append(values, text)
		}
		return values, ""
	default:
		return nil, fmt.Sprintf("%s is not a string or an array of strings", claim)
	}
}

// follow finds a claim by its path. A name may have dots itself, as those that are
// URLs do, so the longest name that exists counts.
func follow(claims map[string]any, path string) any {
	if value, ok := claims[path]; ok {
		return value
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] != '.' {
			continue
		}
		if inner, ok := claims[path[:i]].(map[string]any); ok {
			return follow(inner, path[i+1:])
		}
	}
	return nil
}

// textOf is a claim that should be a string, "" if it is not.
func textOf(claims map[string]any, name string) string {
	text, _ := claims[name].(string)
	return strings.TrimSpace(text)
}

// Preview returns what somebody with the claims, a JSON object, would get, and
// why.
func (o *OIDC) Preview(claims json.RawMessage) (role Role, why string, err error) {
	var object map[string]any
	if err := json.Unmarshal(claims, &object); err != nil || object == nil {
		return "", "", &InvalidError{"claims", "must be a JSON object"}
	}
	role, why = o.config.Roles.Of(object)
	return role, why, nil
}
