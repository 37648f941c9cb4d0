package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

// A key is shown once, works at once, and stops at once.
func TestKeys(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	made := g.json("POST", "/api/v1/keys", `{"name":"farm","rate_limit":null,"daily_quota":7,"metadata":{"team":"a"},"expires_at":"2099-01-02 03:04:05"}`, http.StatusCreated)["key"].(map[string]any)
	secret, id := made["key"].(string), made["id"].(string)
	if len(secret) != 35 || !strings.HasPrefix(secret, "gw_") || made["key_prefix"] != secret[:11] {
		t.Errorf("key %v", made)
	}
	if mustJSON(t, made["scopes"]) != `["video:create","task:read","task:cancel"]` || made["enabled"] != true || made["rate_limit"] != 0.0 ||
		made["daily_quota"] != 7.0 || made["weight"] != 1.0 || made["expires_at"] != "2099-01-02T03:04:05Z" || mustJSON(t, made["metadata"]) != `{"team":"a"}` {
		t.Errorf("key %v", made)
	}
	for _, path := range []string{"/api/v1/keys", "/api/v1/keys/" + id} {
		if _, raw := g.do("GET", path, "", nil); !strings.Contains(string(raw), id) || strings.Contains(string(raw), secret) || strings.Contains(string(raw), auth.Hash(secret)) {
			t.Errorf("GET %s gives the secret or its hash away, or not the key: %s", path, raw)
		}
	}
	client := *g
	client.key = secret
	me := client.json("GET", "/api/v1/me", "", http.StatusOK)
	if today := me["today"].(map[string]any); me["key"].(map[string]any)["id"] != id || today["quota_remaining"] != 7.0 || today["task_count"] != 0.0 {
		t.Errorf("me %v", me)
	}

	changed := g.json("PATCH", "/api/v1/keys/"+id, `{"name":"render farm","scopes":["task:read"],"daily_quota":null,"expires_at":null,"metadata":null,"weight":3}`, http.StatusOK)
	key := changed["key"].(map[string]any)
	if changed["ok"] != true || key["name"] != "render farm" || key["daily_quota"] != 0.0 || key["expires_at"] != nil || key["metadata"] != nil || key["weight"] != 3.0 {
		t.Errorf("after the change: %v", changed)
	}
	if me := client.json("GET", "/api/v1/me", "", http.StatusOK); me["today"].(map[string]any)["quota_remaining"] != -1.0 {
		t.Errorf("me without a quota: %v", me)
	}
	client.json("POST", "/v1/videos/generations", `{"prompt":"a"}`, http.StatusForbidden)

	again := g.json("POST", "/api/v1/keys/"+id+"/regenerate", "", http.StatusOK)
	fresh := again["key"].(string)
	if fresh == secret || again["key_prefix"] != fresh[:11] {
		t.Errorf("regenerate: %v", again)
	}
	client.json("GET", "/api/v1/me", "", http.StatusUnauthorized)
	client.key = fresh
	client.json("GET", "/api/v1/me", "", http.StatusOK)
	g.json("PATCH", "/api/v1/keys/"+id, `{"enabled":false}`, http.StatusOK)
	client.json("GET", "/api/v1/me", "", http.StatusUnauthorized)
	g.json("PATCH", "/api/v1/keys/"+id, `{"enabled":true}`, http.StatusOK)
	client.json("GET", "/api/v1/me", "", http.StatusOK)
	if answer := g.json("DELETE", "/api/v1/keys/"+id, "", http.StatusOK); answer["ok"] != true {
		t.Errorf("delete: %v", answer)
	}
	client.json("GET", "/api/v1/me", "", http.StatusUnauthorized)
	for _, call := range []string{"GET ", "PATCH ", "DELETE ", "POST /regenerate"} {
		method, rest, _ := strings.Cut(call, " ")
		body := ""
		if method == "PATCH" {
			body = "{}"
		}
		g.json(method, "/api/v1/keys/"+id+rest, body, http.StatusNotFound)
	}
	// The implicit keys cannot be seen or changed.
	g.json("GET", "/api/v1/keys/admin", "", http.StatusNotFound)
	g.json("PATCH", "/api/v1/keys/admin", `{"scopes":["task:read"]}`, http.StatusNotFound)
	g.json("DELETE", "/api/v1/keys/admin", "", http.StatusNotFound)
}

func TestKeyRefusals(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	for body, want := range map[string]string{
		`{}`:                                               "name",
		`{"name":""}`:                                      "name",
		`{"name":5}`:                                       "name",
		`{"name":"a","scopes":[]}`:                         "scopes",
		`{"name":"a","scopes":["root"]}`:                   "scopes",
		`{"name":"a","scopes":"admin"}`:                    "scopes",
		`{"name":"a","rate_limit":-1}`:                     "rate_limit",
		`{"name":"a","rate_limit":"5"}`:                    "rate_limit",
		`{"name":"a","daily_quota":1.5}`:                   "daily_quota",
		`{"name":"a","weight":0}`:                          "weight",
		`{"name":"a","expires_at":"tomorrow"}`:             "expires_at",
		`{"name":"a","expires_at":"2001-01-01T00:00:00Z"}`: "expires_at",
		`{"name":"a","metadata":[1]}`:                      "metadata",
		`{"name":"a","hash":"x"}`:                          "hash",
	} {
		problem := g.json("POST", "/api/v1/keys", body, http.StatusBadRequest)
		if !strings.HasPrefix(problem["detail"].(string), want+": ") && !strings.Contains(problem["detail"].(string), want) || problem["errors"] == nil {
			t.Errorf("%s: %v", body, problem)
		}
	}
}

// Nothing that a session's secret is made of leaves the gateway.
//
//nolint:paralleltest // tasks of other tests would run on the session that it removes
func TestSessions(t *testing.T) {
	g := serve(t, nil)
	const secret = "0123456789abcdef-planted-secret"
	res, raw := g.do("POST", "/api/v1/sessions", "application/json", strings.NewReader(`{"session_id":"`+secret+`","label":"second","slots":1}`))
	session := g.decode(res, raw, http.StatusCreated)["session"].(map[string]any)
	id := session["id"].(string)
	if session["label"] != "second" || session["state"] != "ready" || session["enabled"] != true || session["slots"] != 1.0 || session["session_id"] == "" {
		t.Errorf("session %v", session)
	}
	_, list := g.do("GET", "/api/v1/sessions", "", nil)
	_, one := g.do("GET", "/api/v1/sessions/"+id, "", nil)
	_, wrong := g.do("POST", "/api/v1/sessions", "application/json", strings.NewReader(`{"session_id":["`+secret+`"]}`))
	for _, answer := range [][]byte{raw, list, one, wrong} {
		if strings.Contains(string(answer), secret) || strings.Contains(string(answer), "planted") {
			t.Errorf("the secret is in %s", answer)
		}
	}
	if problem := g.json("POST", "/api/v1/sessions", `{"session_id":"`+secret+`"}`, http.StatusConflict); problem["code"] != "conflict" {
		t.Errorf("same account again: %v", problem)
	}
	g.json("POST", "/api/v1/sessions", `{"session_id":""}`, http.StatusBadRequest)
	g.json("POST", "/api/v1/sessions", `{"session_id":"x","upstream":"nowhere"}`, http.StatusBadRequest)
	g.json("PATCH", "/api/v1/sessions/"+id, `{"slots":0}`, http.StatusBadRequest)
	off := g.json("PATCH", "/api/v1/sessions/"+id, `{"enabled":false,"label":"off"}`, http.StatusOK)
	if view := off["session"].(map[string]any); off["ok"] != true || off["enabled"] != false || view["state"] != "disabled" || view["label"] != "off" {
		t.Errorf("disabled: %v", off)
	}
	if test := g.json("POST", "/api/v1/sessions/"+id+"/test", "", http.StatusOK); test["ok"] != true || test["message"] == "" {
		t.Errorf("test: %v", test)
	}
	if answer := g.json("DELETE", "/api/v1/sessions/"+id, "", http.StatusOK); answer["ok"] != true {
		t.Errorf("delete: %v", answer)
	}
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		body := ""
		if method == "PATCH" {
			body = `{"enabled":true}`
		}
		g.json(method, "/api/v1/sessions/"+id, body, http.StatusNotFound)
	}
	g.json("POST", "/api/v1/sessions/"+id+"/test", "", http.StatusNotFound)
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as(`{"name":"slow","rate_limit":2,"scopes":["task:read"]}`)
	for i, want := range []struct {
		method, path string
		status       int
		remaining    string
	}{
		{"GET", "/api/v1/tasks", 200, "1"},
		{"POST", "/v1/videos/generations", 403, "0"}, // a refused request counts too
		{"GET", "/v1/models", 429, "0"},
		{"GET", "/api/v1/me", 429, "0"},
	} {
		res, raw := g.do(want.method, want.path, "", nil)
		h := res.Header
		if res.StatusCode != want.status || h.Get("X-RateLimit-Limit") != "2" || h.Get("X-RateLimit-Remaining") != want.remaining {
			t.Errorf("request %d: %s %v", i, res.Status, h)
		}
		if want.status != 429 {
			continue
		}
		if reset, err := strconv.Atoi(h.Get("X-RateLimit-Reset")); err != nil || reset < 1 || reset > 60 || h.Get("Retry-After") != h.Get("X-RateLimit-Reset") ||
			!strings.Contains(string(raw), "rate_limited") {
			t.Errorf("request %d: %v, %v, %s", i, err, h, raw)
		}
	}
	if res, _ := serve(t, nil).do("GET", "/api/v1/me", "", nil); res.Header.Get("X-RateLimit-Limit") != "" {
		t.Error("a key without a limit gets the headers")
	}
}

func TestDailyQuota(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as(`{"name":"little","daily_quota":1}`)
	const boat = `{"model":"jimeng-video-3.0","prompt":"a boat","duration":5}`
	g.submit(boat)
	res, raw := g.do("POST", "/v1/videos/generations", "application/json", strings.NewReader(boat))
	answer := g.decode(res, raw, http.StatusTooManyRequests)
	wait, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if answer["code"] != -2009.0 || err != nil || wait < 1 || wait > 24*60*60 {
		t.Errorf("got %s, wait %d, %v", raw, wait, err)
	}
	if today := g.json("GET", "/api/v1/me", "", http.StatusOK)["today"].(map[string]any); today["quota_remaining"] != 0.0 || today["task_count"] != 1.0 {
		t.Errorf("today %v", today)
	}
}

func TestModelsAndPing(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	list := g.json("GET", "/v1/models", "", http.StatusOK)
	found := false
	for _, item := range list["data"].([]any) {
		m := item.(map[string]any)
		found = found || m["id"] == seedance && m["object"] == "model" && m["owned_by"] == "jimeng-gateway" && m["default_duration"] == 4.0
	}
	if list["object"] != "list" || !found {
		t.Errorf("models %v", list)
	}
	g.key = ""
	if res, raw := g.do("GET", "/ping", "", nil); res.StatusCode != http.StatusOK || string(raw) != "pong" {
		t.Errorf("ping: %s %q", res.Status, raw)
	}
}

func TestBrowserSignIn(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	client := admin.as(`{"name":"Ann","scopes":["task:read","video:create"]}`)
	secret := client.key
	g := *admin
	g.key = ""
	if me := g.json("GET", "/auth/me", "", http.StatusOK); mustJSON(t, me) != `{"auth_enabled":true,"authenticated":false,"first_start":false,"key_prefix":"","kind":null,"name":"","role":null,"scopes":[],"single_sign_on":null}` {
		t.Errorf("before: %v", me)
	}
	for _, bad := range []string{`{}`, `{"key":5}`, `nonsense`} {
		g.json("POST", "/auth/key", bad, http.StatusBadRequest)
	}
	g.json("POST", "/auth/key", `{"key":"gw_00000000000000000000000000000000"}`, http.StatusUnauthorized)
	res, raw := g.do("POST", "/auth/key", "application/json", strings.NewReader(`{"key":"`+secret+`"}`))
	me := g.decode(res, raw, http.StatusOK)
	if me["authenticated"] != true || me["name"] != "Ann" || me["key_prefix"] != secret[:11] || mustJSON(t, me["scopes"]) != `["task:read","video:create"]` || strings.Contains(string(raw), secret) {
		t.Errorf("answer %s", raw)
	}
	cookie := strings.Split(res.Header.Get("Set-Cookie"), ";")[0]
	ask := func(method, path string, header ...string) int {
		res, _ := g.do(method, path, "", nil, append(header, "Cookie", cookie)...)
		return res.StatusCode
	}
	if status := ask("GET", "/api/v1/tasks"); status != http.StatusOK {
		t.Errorf("read with the cookie: %d", status)
	}
	if status := ask("POST", "/v1/videos/generations", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("foreign page: %d", status)
	}
	if status := ask("POST", "/v1/videos/generations", "Sec-Fetch-Site", "same-origin"); status != http.StatusBadRequest {
		t.Errorf("own page: %d, want the complaint about the empty body", status)
	}
	if status := ask("POST", "/auth/logout"); status != http.StatusNoContent {
		t.Errorf("logout: %d", status)
	}
	if status := ask("GET", "/api/v1/tasks"); status != http.StatusUnauthorized {
		t.Errorf("after logout: %d", status)
	}
}

// Without authentication everybody on this machine is an admin, and nobody else.
func TestAuthOff(t *testing.T) {
	t.Parallel()
	g := serve(t, func(c *api.Config) {
		c.Auth = auth.New(auth.Config{Keyring: shared.keyring, SignIns: shared.signIns, Logger: zap.NewNop()})
	})
	g.key = ""
	if me := g.json("GET", "/auth/me", "", http.StatusOK); me["authenticated"] != true || me["auth_enabled"] != false {
		t.Errorf("me %v", me)
	}
	g.json("GET", "/api/v1/keys", "", http.StatusOK)
	id := g.submit(`{"model":"jimeng-video-3.0","prompt":"a boat","duration":5,"start_timeout":600,"timeout":900}`)
	task := g.task(id)
	created, err := time.Parse(time.RFC3339, task["created_at"].(string))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]time.Duration{"start_deadline": 10 * time.Minute, "deadline": 15 * time.Minute} {
		at, err := time.Parse(time.RFC3339, task[field].(string))
		if off := at.Sub(created) - want; err != nil || off < -time.Second || off > time.Second {
			t.Errorf("%s is %v after the start, want %v; %v", field, at.Sub(created), want, err)
		}
	}
	if res, raw := g.do("GET", "/api/v1/tasks", "", nil, "X-Forwarded-For", "192.0.2.1"); res.StatusCode != http.StatusForbidden || !strings.Contains(string(raw), "loopback_only") {
		t.Errorf("through a proxy: %s %s", res.Status, raw)
	}
}
