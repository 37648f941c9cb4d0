package freeapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	const (
		live    = `{"live":true}`
		dead    = `{"live":false}`
		expired = `{"code":-2001,"message":"[请求jimeng失败]: login error","data":null}`
		points  = `[{"token":"0123456789abcdef","points":{"giftCredit":66,"purchaseCredit":0,"vipCredit":0,"totalCredit":66}}]`
		none    = `[{"token":"0123456789abcdef","points":{"totalCredit":0}}]`
		reset   = `{"code":-1000,"message":"read ECONNRESET","data":null}`
	)
	for _, c := range []struct {
		name          string
		v             variant
		check, points string
		verdict       upstream.Kind
		credits       int64 // -1 for none
		fails         upstream.Kind
	}{
		{"works", fork, live, points, "", 66, ""},
		{"works on iptag, whose check is not asked", iptag, dead, points, "", 66, ""},
		{"expired, as the servers say it", stock, expired, points, upstream.Auth, -1, ""},
		{"not live", stock, dead, points, upstream.Auth, -1, ""},
		{"expired on iptag", iptag, "", `{"code":-2002,"message":"[登录失效]: x","data":null}`, upstream.Auth, -1, ""},
		{"banned", fork, `{"code":-2001,"message":"账号已被封禁","data":null}`, points, upstream.AccountBlocked, -1, ""},
		{"no credits", fork, live, none, upstream.Quota, 0, ""},
		{"HTTP 200 is no answer", fork, "<html>", points, "", -1, upstream.Network},
		{"no verdict in an object", fork, `{}`, points, "", -1, upstream.Network},
		{"points are no array", fork, live, `{}`, "", -1, upstream.Network},
		{"points without a total", fork, live, `[{"points":{}}]`, "", -1, upstream.Network},
		{"points of nobody", fork, live, `[]`, "", -1, upstream.Network},
		{"the network cannot tell", fork, reset, points, "", -1, upstream.Network},
		{"risk control cannot tell", fork, `{"code":-2001,"message":"shark not pass"}`, points, "", -1, upstream.RiskControl},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := serve(t, c.v, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				switch r.Method + r.URL.Path {
				case "POST/token/check":
					if string(body) != `{"token":"0123456789abcdef"}` {
						t.Errorf("check with %s", body)
					}
					fmt.Fprint(w, c.check)
				case "POST/token/points":
					if r.Header.Get("Authorization") != "Bearer 0123456789abcdef" {
						t.Errorf("points with %q", r.Header.Get("Authorization"))
					}
					fmt.Fprint(w, c.points)
				default:
					t.Errorf("%s %s was called", r.Method, r.URL.Path)
				}
			})
			p, err := d.Probe(t.Context(), session)
			if c.fails != "" {
				if e := asError(err); err == nil || e.Kind != c.fails || strings.Contains(e.Message, session.Secret) {
					t.Errorf("%+v, %v", p, err)
				}
				return
			}
			if err != nil || p.Verdict != c.verdict {
				t.Fatalf("%+v, %v", p, err)
			}
			if (p.Credits == nil) != (c.credits < 0) || p.Credits != nil && *p.Credits != c.credits {
				t.Errorf("credits %v", p.Credits)
			}
		})
	}
}

func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	limited := newTestDriver(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "100000")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	_, submit := limited.Submit(t.Context(), session, &classic)
	_, poll := limited.Poll(t.Context(), session, "1")
	_, probe := limited.Probe(t.Context(), session)
	for _, err := range []error{submit, poll, probe} {
		if e := asError(err); e.Kind != upstream.RateLimited || e.RetryAfter.Hours() != 1 {
			t.Errorf("%+v", err)
		}
	}
}
