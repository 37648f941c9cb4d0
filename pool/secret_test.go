package pool

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// People paste whatever their browser shows. What is taken is one token that can
// be sent, and its mask gives little of it away.
func FuzzSecret(f *testing.F) {
	for _, seed := range []string{"0123456789abcdef0123456789abcdef", "us-0123456789abcdef", "sessionid=abc; sid_guard=x", "a,b", "\u00e9", "a\r\nb", "http://u:p@proxy:8080@sg-x", strings.Repeat("a", 8193), "\xff"} {
		f.Add(seed, "label")
	}
	f.Add("abc", "a\u202eb")
	f.Fuzz(func(t *testing.T, secret, label string) {
		for field, err := range map[string]error{"session_id": checkSecret(secret), "label": checkLabel(label)} {
			if invalid, ok := err.(*upstream.InvalidError); err != nil && (!ok || invalid.Field != field || len(secret) > 4 && strings.Contains(err.Error(), secret) && !strings.Contains("must not be empty one session id", secret)) {
				t.Errorf("%v", err)
			}
		}
		if checkSecret(secret) != nil {
			return
		}
		r := &http.Request{Header: http.Header{"Authorization": {"Bearer " + secret}}}
		if got := r.Header.Get("Authorization"); len(secret) > 8192 || strings.ContainsAny(secret, ", ;\r\n\t") && !strings.Contains(secret, ";") || got != "Bearer "+secret {
			t.Errorf("%q passes", secret)
		}
		shown := strings.Count(mask(secret), "") - 1
		if shown > 9 || len(secret) < 16 && strings.ContainsAny(mask(secret), secret) {
			t.Errorf("%q is shown as %q", secret, mask(secret))
		}
	})
}
