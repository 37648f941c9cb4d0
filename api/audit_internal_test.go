package api

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/zap/zaptest"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// Whatever a person is refused leaves a line, but for requests that come too fast.
func TestRefusalsOfPeople(t *testing.T) {
	t.Parallel()
	a := &api{Config: Config{Store: storetest.Open(t, storetest.SQLite(t)), Logger: zaptest.NewLogger(t)}}
	person := &auth.Principal{Key: &store.Key{ID: "per_1", Scopes: auth.Viewer.Scopes()}, Name: "Ada", Role: auth.Viewer}
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		pattern, id, refusal string
		status               int
		want                 string // action, kind, id and result of the line, "" for none
	}{
		{"POST /api/v1/keys", "", "missing_scope", 403, "POST /api/v1/keys|||missing_scope"},
		{"DELETE /api/v1/sessions/{id}", "ses_01m855cjbq32n9429556rh4y0d", "missing_scope", 403, "DELETE /api/v1/sessions/{id}|session|ses_01m855cjbq32n9429556rh4y0d|missing_scope"},
		{"DELETE /api/v1/keys/{id}", long, "not_found", 404, "DELETE /api/v1/keys/{id}|key|••••|not_found"},
		{"PATCH /api/v1/keys/{id}", "k", "", 413, "PATCH /api/v1/keys/{id}|key|••••|too_large"},
		{"PATCH /api/v1/keys/{id}", "k", "", 500, "PATCH /api/v1/keys/{id}|key|••••|internal"},
		{"POST /api/v1/keys", "", "rate_limited", 429, ""},
		{"POST /api/v1/keys", "", "", 201, ""},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.SetPathValue("id", c.id)
		r = r.WithContext(auth.WithClient(r.Context(), auth.Client{Address: netip.MustParseAddr("203.0.113.7"), RequestID: "r1"}))
		r = r.WithContext(store.WithActor(r.Context(), actorOf(r, person)))
		a.auditRefusal(r, &caller{Principal: person, route: c.pattern, refusal: c.refusal}, c.status)
		lines, _, err := a.Store.AuditLog(t.Context(), store.AuditFilter{}, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, l := range lines {
			if l.Actor != (store.Actor{Kind: "person", ID: "per_1", Name: "Ada", Address: "203.0.113.7", RequestID: "r1"}) {
				t.Errorf("%s: by %+v", c.pattern, l.Actor)
			}
			got = strings.Join([]string{l.Action, l.TargetKind, l.TargetID, l.Result}, "|")
		}
		if got != c.want {
			t.Errorf("%s, %d %s: the line %q, want %q", c.pattern, c.status, c.refusal, got, c.want)
		}
		if _, err := a.Store.SQL().ExecContext(t.Context(), "DELETE FROM audit"); err != nil {
			t.Fatal(err)
		}
	}
	if client := actorOf(httptest.NewRequest("POST", "/", nil), &auth.Principal{Key: &store.Key{ID: "k", Scopes: auth.DefaultScopes}}); client != nil {
		t.Errorf("a client's key is an actor: %+v", client)
	}
}
