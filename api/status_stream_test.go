package api_test

import (
	"net/http"
	"testing"
	"time"
)

func TestStatusStream(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	ears := admin.listen("/api/v1/status/stream", "")
	first := map[string]bool{}
	for len(first) < 5 {
		e := ears.next()
		if e == nil {
			t.Fatalf("the stream ended after %v", first)
		}
		first[e.name] = true
	}
	for _, name := range []string{"beat", "health", "stats", "pool", "containers"} {
		if !first[name] {
			t.Errorf("no %s at the beginning: %v", name, first)
		}
	}

	added := admin.json("POST", "/api/v1/sessions", `{"session_id":"of-the-status-stream","label":"stream"}`, http.StatusCreated)["session"].(map[string]any)["id"].(string)
	told := func(list string, is func(any) bool) {
		t.Helper()
		for {
			e := ears.next()
			if e == nil {
				t.Fatal("the stream ended")
			}
			if e.name != "sessions" {
				continue
			}
			for _, one := range e.data[list].([]any) {
				if is(one) {
					return
				}
			}
		}
	}
	told("changed", func(one any) bool { return one.(map[string]any)["id"] == added })
	admin.json("PATCH", "/api/v1/sessions/"+added, `{"enabled":false}`, http.StatusOK)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for { // another test's task may run on it for a moment
		res, raw := admin.do("DELETE", "/api/v1/sessions/"+added, "", nil)
		if res.StatusCode == http.StatusOK {
			break
		}
		if res.StatusCode != http.StatusConflict {
			t.Fatalf("remove: %s %s", res.Status, raw)
		}
		<-ticker.C
	}
	told("removed", func(one any) bool { return one == added })
}

// Each hears what its scopes let it read, and no more once they have changed.
func TestStatusStreamAndScopes(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	g := admin.as(`{"name":"viewer","scopes":["task:read"]}`)
	ears := g.listen("/api/v1/status/stream", "")
	names := map[string]bool{}
	for !names["stats"] {
		e := ears.next()
		if e == nil {
			t.Fatal("the stream ended")
		}
		names[e.name] = true
	}
	me := g.json("GET", "/api/v1/me", "", http.StatusOK)["key"].(map[string]any)["id"].(string)
	admin.json("PATCH", "/api/v1/keys/"+me, `{"scopes":["video:create"]}`, http.StatusOK)
	for e := ears.next(); e != nil; e = ears.next() {
		names[e.name] = true
	}
	if names["pool"] || names["sessions"] || names["containers"] {
		t.Errorf("a key with task:read alone heard %v", names)
	}
}
