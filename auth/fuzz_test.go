package auth

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Only the key itself lets anybody in, however the headers are made.
func FuzzAuthenticate(f *testing.F) {
	b := setup(f, nil)
	secret, key := b.newKey(f, nil)
	cookie := signIn(f, b, secret, nil)
	const mine, session = "<key>", "<session>" // each process of a fuzz test has its own
	for _, header := range []string{"Bearer " + mine, "bearer  " + mine + " ", "Basic " + mine, mine, "Bearer", "Bearer " + mine + "0", "Bearer\t" + mine, "Bearer gw_00000000000000000000000000000000", "Bearer a-long-admin-token", "Bearer a-long-admin-toke"} {
		f.Add(header, "", "", "GET")
	}
	for _, header := range []string{"jimeng_session=" + session, `jimeng_session="` + session + `"`, "__Host-jimeng_session=" + session, "a=b; jimeng_session=" + session, "jimeng_session=x; jimeng_session=" + session, "jimeng_session=%00"} {
		f.Add("", header, "https://evil.example", "POST")
		f.Add("", header, "", "GET")
	}
	f.Fuzz(func(t *testing.T, authorization, cookies, origin, method string) {
		replace := strings.NewReplacer(mine, secret, session, cookie.Value)
		r := httptest.NewRequest(http.MethodGet, "http://gateway.example/api/v1/me", nil)
		r.Method = method
		for name, value := range map[string]string{"Authorization": authorization, "Cookie": cookies, "Origin": origin} {
			if value != "" {
				r.Header[name] = []string{replace.Replace(value)}
			}
		}
		p, err := b.Authenticate(r)
		if err != nil {
			if code := refusedWith(err); code == "not a refusal" {
				t.Errorf("%q %q: %v", authorization, cookies, err)
			}
			return
		}
		safe := method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
		switch {
		case authorization != "":
			scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			token = strings.TrimSpace(token)
			if !strings.EqualFold(scheme, "bearer") || !(token == secret && p.Key.ID == key.ID || token == "a-long-admin-token" && p.Key.ID == AdminKeyID) {
				t.Errorf("%q is %s", authorization, p.Key.ID)
			}
		case !strings.Contains(cookies, session) || p.Key.ID != key.ID:
			t.Errorf("%q is %s", cookies, p.Key.ID)
		case !safe && origin != "" && origin != "null" && !strings.Contains(origin, "gateway.example"):
			t.Errorf("%s from %q with a cookie", method, origin)
		}
	})
}

// What is said of a key names the field, and what passes is fit for logs.
func FuzzCheckKey(f *testing.F) {
	f.Add("farm", `{"a":1}`, "admin", 1, 1)
	f.Add("a\u202eb", "[]", "root", -1, 0)
	f.Add("\xff", `{"a":`, "", 1<<40, 1001)
	f.Fuzz(func(t *testing.T, name, metadata, scope string, limit, weight int) {
		k := &store.Key{Name: name, Scopes: []string{scope}, RateLimit: limit, DailyQuota: limit, Weight: weight, Metadata: metadata}
		if err := CheckKey(k); err != nil {
			if invalid, ok := err.(*InvalidError); !ok || invalid.Field == "" || len(err.Error()) > 300+2*len(scope)*4 {
				t.Errorf("%v", err)
			}
			return
		}
		if strings.ContainsFunc(name, unprintable) || strings.TrimSpace(name) == "" || limit < 0 || limit > maxLimit || weight < 1 || weight > maxWeight || len(metadata) > maxMetadata {
			t.Errorf("%+v passes", k)
		}
	})
}
