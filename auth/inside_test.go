package auth

import (
	"net/http"
	"testing"
)

// Whoever has been let in elsewhere is the admin, with authentication or without,
// and whatever the request says about itself.
func TestAsAdmin(t *testing.T) {
	t.Parallel()
	for name, enabled := range map[string]bool{"with keys": true, "without": false} {
		b := setup(t, func(c *Config) { c.Enabled = enabled; c.AdminToken = "" })
		r := request(http.MethodPost, "Bearer gw_00000000000000000000000000000000")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if _, err := b.Authenticate(r); err == nil {
			t.Fatalf("%s: let in without the mark", name)
		}
		p, err := b.Authenticate(r.WithContext(AsAdmin(r.Context())))
		if err != nil || p.Key.ID != AdminKeyID || !p.Has(TaskCancel) || p.Owner() != "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}
