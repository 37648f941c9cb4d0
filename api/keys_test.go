package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

// id is the id of the key that the gateway is called with.
func (g *gateway) id() string {
	g.t.Helper()
	return g.json("GET", "/api/v1/me", "", http.StatusOK)["key"].(map[string]any)["id"].(string)
}

func TestAttributesOfAKey(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	made := g.json("POST", "/api/v1/keys", `{"name":"all","max_priority":-7,"models":["seedance-2.0"],"networks":["192.0.2.7","2001:db8::/32"],
		"max_upload":1000,"credits_per_day":12.345,"credits_per_month":100}`, http.StatusCreated)["key"].(map[string]any)
	path := "/api/v1/keys/" + made["id"].(string)
	shown := func(answer map[string]any) string {
		key := answer["key"].(map[string]any)
		return mustJSON(t, []any{key["max_priority"], key["models"], key["networks"], key["max_upload"], key["credits_per_day"], key["credits_per_month"], key["old_key_until"]})
	}
	if got := shown(g.json("GET", path, "", http.StatusOK)); got != `[-7,["seedance-2.0"],["192.0.2.7","2001:db8::/32"],1000,12.345,100,null]` {
		t.Errorf("made %s", got)
	}
	if got := shown(g.json("PATCH", path, `{"max_priority":null,"models":null,"networks":null,"max_upload":null,"credits_per_day":null,"credits_per_month":null}`, http.StatusOK)); got != `[100,[],[],0,0,0,null]` {
		t.Errorf("after null %s", got)
	}
	for body, want := range map[string]string{
		`{"max_priority":101}`:                            "max_priority",
		`{"models":[""]}`:                                 "models",
		`{"models":["a","a"]}`:                            "models",
		`{"models":"a"}`:                                  "models",
		`{"networks":["10.0.0.1/8"]}`:                     "networks",
		`{"networks":["everywhere"]}`:                     "networks",
		`{"max_upload":-1}`:                               "max_upload",
		`{"credits_per_day":0.0001}`:                      "credits_per_day",
		`{"credits_per_month":-0.5}`:                      "credits_per_month",
		`{"credits_per_month":1e30}`:                      "credits_per_month",
		`{"old_key_until":"2030-01-01T00:00:00Z"}`:        "old_key_until",
		`{"scopes":null}`:                                 "scopes",
		`{"networks":["` + strings.Repeat("x", 9) + `"]}`: "networks",
	} {
		answer := g.json("PATCH", path, body, http.StatusBadRequest)
		if !strings.Contains(fmt.Sprint(answer["errors"]), want) {
			t.Errorf("%s: %v", body, answer)
		}
	}
}

func TestRegenerateWithGrace(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	old := admin.as("")
	path := "/api/v1/keys/" + old.id()
	regenerate := func(body string) *gateway {
		t.Helper()
		answer := admin.json("POST", path+"/regenerate", body, http.StatusOK)
		fresh := *old
		fresh.key = answer["key"].(string)
		if graced := strings.Contains(body, "grace") && !strings.Contains(body, ":0"); graced != (answer["old_key_until"] != nil) {
			t.Errorf("%q: %v", body, answer)
		}
		return &fresh
	}
	works := func(g *gateway, code string) {
		t.Helper()
		status := http.StatusOK
		if code != "" {
			status = http.StatusUnauthorized
		}
		if answer := g.json("GET", "/api/v1/me", "", status); code != "" && answer["code"] != code {
			t.Errorf("got %v, want %s", answer["code"], code)
		}
	}
	second := regenerate(`{"grace":3600}`)
	works(old, "")
	works(second, "")
	if until := second.json("GET", "/api/v1/me", "", http.StatusOK)["key"].(map[string]any)["old_key_until"]; until == nil {
		t.Error("nobody is told until when the old secret works")
	}
	third := regenerate(`{"grace":3600}`)
	works(old, "invalid_key")
	works(second, "")
	works(third, "")
	admin.json("PATCH", path, `{"old_key_until":null}`, http.StatusOK)
	works(second, "rotated_key")
	works(third, "")
	fourth := regenerate("")
	works(third, "rotated_key")
	fifth := regenerate(`{"grace":0}`)
	works(fourth, "rotated_key")
	works(fifth, "")
	for _, body := range []string{`{"grace":-1}`, `{"grace":2592001}`, `{"grace":"1h"}`, `{"graze":1}`, `[]`} {
		admin.json("POST", path+"/regenerate", body, http.StatusBadRequest)
	}
	works(fifth, "")
}

// Every refusal says which limit it is, what it is set to, and when it ends.
func TestRefusalsNameTheLimit(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	for name, test := range map[string]struct {
		key, body   string
		status      int
		code, limit string
		value       any
		resets      bool
		field       any
	}{
		"model":    {`"models":["cheap"]`, `{"model":"jimeng-video-3.0","prompt":"x"}`, 403, "model_not_allowed", "models", `["cheap"]`, false, "model"},
		"priority": {`"max_priority":3`, `{"model":"cheap","prompt":"x","priority":4}`, 403, "priority_not_allowed", "max_priority", "3", false, "priority"},
		"quota":    {`"daily_quota":1`, `{"model":"cheap","prompt":"x"}`, 429, "daily_quota_exceeded", "daily_quota", "1", true, nil},
		"day":      {`"credits_per_day":13.999`, `{"model":"house-video","prompt":"x","duration":10}`, 429, "credit_budget_exceeded", "credits_per_day", "13.999", true, nil},
		"month":    {`"credits_per_month":7`, `{"model":"house-video","prompt":"x","duration":10}`, 429, "credit_budget_exceeded", "credits_per_month", "7", true, nil},
		"too dear": {`"credits_per_month":1`, `{"model":"house-video","prompt":"x","duration":10}`, 429, "credit_budget_exceeded", "credits_per_month", "1", false, nil},
	} {
		g := admin.as(`{"name":"limited",` + test.key + `}`)
		if test.resets {
			g.json("POST", "/api/v1/tasks", `{"model":"house-video","prompt":"first","duration":10}`, http.StatusCreated)
		}
		res, raw := g.do("POST", "/api/v1/tasks", "application/json", strings.NewReader(test.body))
		p := g.decode(res, raw, test.status)
		if p["code"] != test.code || p["limit"] != test.limit || mustJSON(t, p["value"]) != test.value || (p["resets_at"] != nil) != test.resets || (res.Header.Get("Retry-After") != "") != test.resets {
			t.Errorf("%s: %s, %v", name, raw, res.Header)
		}
		stock := g.json("POST", "/v1/videos/generations", test.body, test.status)["error"].(map[string]any)
		if stock["code"] != test.code || stock["limit"] != test.limit || mustJSON(t, stock["value"]) != test.value || stock["param"] != test.field {
			t.Errorf("%s in the other dialect: %v", name, stock)
		}
		estimate := g.json("POST", "/api/v1/tasks/estimate", test.body, http.StatusOK)
		if test.field != nil {
			if got := estimate["errors"].([]any)[0].(map[string]any); estimate["valid"] != false || got["code"] != test.code || got["field"] != test.field {
				t.Errorf("%s: the estimate says %v", name, estimate)
			}
		} else if got := estimate["why_not_sooner"].([]any)[0].(map[string]any); got["message"] != p["detail"] {
			t.Errorf("%s: the estimate says %v", name, estimate)
		}
	}
	g := admin.as(`{"name":"slow","rate_limit":1}`)
	g.json("GET", "/api/v1/me", "", http.StatusOK)
	if p := g.json("GET", "/api/v1/me", "", http.StatusTooManyRequests); p["limit"] != "rate_limit" || p["value"] != 1.0 || p["resets_at"] == nil {
		t.Errorf("requests a minute: %v", p)
	}
	g = admin.as(`{"name":"elsewhere","networks":["203.0.113.0/24"]}`)
	if p := g.json("GET", "/api/v1/me", "", http.StatusForbidden); p["code"] != "address_not_allowed" || p["limit"] != "networks" || mustJSON(t, p["value"]) != `["203.0.113.0/24"]` {
		t.Errorf("networks: %v", p)
	}
}

// A key sees the models that it may use, and no others.
func TestModelsOfAKey(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as(`{"name":"choosy","models":["cheap","seedance-2.0"]}`)
	if got := mustJSON(t, idsOf(g.json("GET", "/api/v1/models", "", http.StatusOK)["models"])); got != `["house-video","jimeng-video-seedance-2.0"]` && got != `["jimeng-video-seedance-2.0","house-video"]` {
		t.Errorf("the native list has %s", got)
	}
	if n := len(g.json("GET", "/v1/models", "", http.StatusOK)["data"].([]any)); n != 2 {
		t.Errorf("the stock list has %d", n)
	}
	answer := g.json("POST", "/v1/videos/generations", `{"model":"nonsense","prompt":"x"}`, http.StatusBadRequest)
	if message := answer["message"].(string); !strings.Contains(message, "house-video") || strings.Contains(message, "jimeng-video-3.0") {
		t.Errorf("an unknown model: %s", message)
	}
}

func idsOf(list any) (ids []string) {
	for _, item := range list.([]any) {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	return ids
}

// The largest file of a key, whichever way it comes.
func TestLargestUpload(t *testing.T) {
	t.Parallel()
	small, large := pngFile(t), largeMP4(4000)
	files := http.NewServeMux()
	files.HandleFunc("/large.mp4", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(large) })
	server := httptest.NewServer(files)
	t.Cleanup(server.Close)
	g := serve(t, func(c *api.Config) { c.Materials.Fetch = true }).as(fmt.Sprintf(`{"name":"small","max_upload":%d}`, len(small)))
	data := func(content []byte) string { return base64.StdEncoding.EncodeToString(content) }
	contentType, body := form(t, part{field: "files", file: "a.mp4", content: large})
	sent := body.Bytes()
	for name, send := range map[string]func() (*http.Response, []byte){
		"a form": func() (*http.Response, []byte) {
			return g.do("POST", "/api/v1/tasks", contentType, bytes.NewReader(sent))
		},
		"a form of files": func() (*http.Response, []byte) {
			return g.do("POST", "/api/v1/materials", contentType, bytes.NewReader(sent))
		},
		"an estimate": func() (*http.Response, []byte) {
			return g.do("POST", "/api/v1/tasks/estimate", contentType, bytes.NewReader(sent))
		},
		"a data URI": func() (*http.Response, []byte) {
			return g.do("POST", "/api/v1/tasks", "application/json", strings.NewReader(`{"prompt":"x","files":["data:video/mp4;base64,`+data(large)+`"]}`))
		},
		"data": func() (*http.Response, []byte) {
			return g.do("POST", "/api/v1/materials", "application/json", strings.NewReader(`{"data":"`+data(large)+`"}`))
		},
		"a URL": func() (*http.Response, []byte) {
			return g.do("POST", "/api/v1/tasks", "application/json", strings.NewReader(`{"prompt":"x","file_paths":["`+server.URL+`/large.mp4"]}`))
		},
		"a URL of a file": func() (*http.Response, []byte) {
			return g.do("POST", "/api/v1/materials", "application/json", strings.NewReader(`{"url":"`+server.URL+`/large.mp4"}`))
		},
	} {
		res, raw := send()
		if name == "an estimate" {
			if answer := g.decode(res, raw, http.StatusOK); answer["valid"] != false || answer["errors"].([]any)[0].(map[string]any)["code"] != "too_large" {
				t.Errorf("%s: %s", name, raw)
			}
			continue
		}
		p := g.decode(res, raw, http.StatusRequestEntityTooLarge)
		if p["code"] != "too_large" || p["limit"] != "max_upload" || p["value"] != float64(len(small)) {
			t.Errorf("%s: %s", name, raw)
		}
	}
	contentType, body = form(t, part{field: "files", file: "a.png", content: small})
	res, raw := g.do("POST", "/api/v1/materials", contentType, body)
	g.decode(res, raw, http.StatusCreated)
}

// secondNode serves the same database with a keyring of its own.
func secondNode(t *testing.T) *gateway {
	t.Helper()
	keyring, err := auth.NewKeyring(shared.store, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	keyring.Start()
	signIns, err := auth.NewSignIns(shared.store, shared.vault, keyring, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	g := serve(t, func(c *api.Config) {
		c.Auth = auth.New(auth.Config{Keyring: keyring, SignIns: signIns, Enabled: true, AdminToken: adminToken, Logger: zap.NewNop()})
	})
	t.Cleanup(func() { // after the server's
		signIns.Close()
		if err := keyring.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

// What is open on another node ends with the key: a stream, a request that waits
// and one that still sends its body.
func TestOpenRequestsEndWithTheKey(t *testing.T) {
	t.Parallel()
	here, there := serve(t, nil), secondNode(t)
	g := here.as("")
	g.url, g.client = there.url, there.client
	stream := g.listen("/api/v1/events", "")
	if stream.next() == nil {
		t.Fatal("no snapshot")
	}
	type end struct {
		what string
		code any
	}
	ended := make(chan end, 3)
	send := func(what, path, contentType string, body io.Reader) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", g.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+g.key)
		r.Header.Set("Content-Type", contentType)
		go func() {
			res, err := g.client.Do(r)
			if err != nil {
				ended <- end{what, err}
				return
			}
			raw, _ := io.ReadAll(res.Body)
			res.Body.Close()
			code := any(string(raw))
			for _, word := range []string{"disabled_key"} {
				if res.StatusCode == http.StatusUnauthorized && strings.Contains(string(raw), word) {
					code = word
				}
			}
			ended <- end{what, code}
		}()
	}
	reader, writer := io.Pipe()
	t.Cleanup(func() { writer.Close() })
	contentType, whole := form(t, part{field: "files", file: "a.mp4", content: largeMP4(100_000)})
	send("an upload", "/api/v1/materials", contentType, reader)
	if _, err := writer.Write(whole.Bytes()[:50_000]); err != nil {
		t.Fatal(err)
	}
	send("a wait", "/v1/videos/generations?wait=60", "application/json", strings.NewReader(`{"model":"jimeng-video-3.0","prompt":"a [[delay:8s]]","duration":5}`))
	if stream.next() == nil { // the task is there, so its request waits
		t.Fatal("the stream has ended")
	}
	id := g.id()
	start := time.Now()
	here.json("PATCH", "/api/v1/keys/"+id, `{"enabled":false}`, http.StatusOK)
	for e := stream.next(); e != nil; e = stream.next() {
	}
	t.Logf("the stream on the other node ends after %v", time.Since(start).Round(time.Millisecond))
	if err := stream.lines.Err(); err != nil {
		t.Errorf("the stream breaks off: %v", err)
	}
	for range 2 {
		select {
		case e := <-ended:
			if e.code != "disabled_key" {
				t.Errorf("%s ends with %v", e.what, e.code)
			}
			t.Logf("%s ends after %v", e.what, time.Since(start).Round(time.Millisecond))
		case <-time.After(10 * time.Second):
			t.Fatal("a request goes on")
		}
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if p := g.json("GET", "/api/v1/me", "", http.StatusUnauthorized); p["code"] != "disabled_key" {
		t.Errorf("then %v", p)
	}
}

// Wrong keys are slowed by address; a right one is served at once.
func TestManyWrongKeys(t *testing.T) {
	t.Parallel()
	g := secondNode(t) // with tries of its own
	right := g.as("")
	wrong := *g
	for i := 0; ; i++ {
		wrong.key = fmt.Sprintf("gw_%032x", i)
		res, raw := wrong.do("GET", "/api/v1/me", "", nil)
		if res.StatusCode == http.StatusTooManyRequests {
			if p := wrong.decode(res, raw, http.StatusTooManyRequests); p["code"] != "too_many_wrong_keys" || res.Header.Get("Retry-After") == "" {
				t.Errorf("got %s, %v", raw, res.Header)
			}
			break
		}
		if i > 100 {
			t.Fatal("nobody minds a hundred wrong keys")
		}
	}
	if answer := wrong.json("POST", "/auth/key", `{"key":"gw_0"}`, http.StatusTooManyRequests); answer["code"] != "too_many_wrong_keys" {
		t.Errorf("sign-in: %v", answer)
	}
	right.json("GET", "/api/v1/me", "", http.StatusOK)
}
