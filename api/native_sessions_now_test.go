package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// Many sessions are added at once; what is known or wrong keeps nobody out, and no
// secret comes back.
func TestImportSessions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		_, g := own(t, databaseURL)
		const secret = "planted-session-of-the-import-"
		res, raw := g.do("POST", "/api/v1/sessions/import", "application/json", strings.NewReader(fmt.Sprintf(
			`{"slots":3,"sessions":[{"session_id":"%[1]s1","label":"one"},{"session_id":"%[1]s1"},{"session_id":"%[1]s a"},{"session_id":"%[1]s2","slots":1},{"session_id":"%[1]s3","upstream":"nowhere"}]}`, secret)))
		if strings.Contains(string(raw), "planted") {
			t.Errorf("a secret is in %s", raw)
		}
		answer := g.decode(res, raw, http.StatusOK)
		want := []string{"added", "known", "refused", "added", "refused"}
		for i, result := range answer["results"].([]any) {
			r := result.(map[string]any)
			if r["result"] != want[i] || (r["session"] != nil) != (want[i] == "added") || (r["message"] != nil) != (want[i] == "refused") {
				t.Errorf("%d: %v", i, r)
			}
		}
		first := answer["results"].([]any)[0].(map[string]any)["session"].(map[string]any)
		if answer["added"] != 2.0 || first["label"] != "one" || first["slots"] != 3.0 {
			t.Errorf("%v", answer)
		}
		if lines := g.audit("action=session.add&target=" + first["id"].(string)); len(lines) != 1 {
			t.Errorf("audit log: %v", lines)
		}
		many := `{"session_id":"x"}` + strings.Repeat(`,{"session_id":"x"}`, 1000)
		g.json("POST", "/api/v1/sessions/import", `{"sessions":[`+many+`]}`, http.StatusBadRequest)
		g.json("POST", "/api/v1/sessions/import", `{"sessions":[]}`, http.StatusBadRequest)
	})
}

// A session rests when an admin says so, and works again when they do.
func TestCoolASession(t *testing.T) {
	t.Parallel()
	_, g := own(t, storetest.SQLite(t))
	id := g.json("POST", "/api/v1/sessions", `{"session_id":"planted-session-that-cools"}`, http.StatusCreated)["session"].(map[string]any)["id"].(string)
	path := "/api/v1/sessions/" + id
	cooled := g.json("POST", path+"/cool", `{"seconds":60,"reason":"used by hand"}`, http.StatusOK)["session"].(map[string]any)
	if cooled["state"] != "cooling" || cooled["reason"] != "used by hand" || cooled["until"] == nil {
		t.Errorf("cooled: %v", cooled)
	}
	if back := g.json("POST", path+"/bring-back", "", http.StatusOK); back["became"] != "ready" || back["message"] == "" {
		t.Errorf("brought back: %v", back)
	}
	g.json("POST", path+"/cool", "", http.StatusOK)
	g.json("POST", path+"/cool", `{"seconds":-1}`, http.StatusBadRequest)
	g.json("PATCH", path, `{"enabled":false}`, http.StatusOK)
	for _, action := range []string{"/cool", "/bring-back"} {
		if problem := g.json("POST", path+action, "", http.StatusConflict); problem["code"] != "session_out_of_service" {
			t.Errorf("%s of a disabled one: %v", action, problem)
		}
		g.json("POST", "/api/v1/sessions/nobody"+action, "", http.StatusNotFound)
	}
	if lines := g.audit("action=session.&target=" + id); len(lines) != 5 {
		t.Errorf("audit log: %v", lines)
	}
}
