package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The key that seals the stored secrets is replaced while a task runs, and the
// gateway is killed and started again: everything goes on, but for links that were
// signed with the old key.
func TestTheSecretKeyIsRotated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "1s")
	w.start()
	w.ok("e2e-account-of-the-rotation\n", "session", "add")
	w.ok("", "session", "test", "--all")
	link := w.videoLink("before")
	if status := w.get(link); status != http.StatusOK {
		t.Fatalf("the link before: %d", status)
	}
	file := filepath.Join(w.dir, "data", "secret.key")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	running := w.sent("[[delay:4s]] meanwhile")
	if out := w.ok("", "secrets", "rotate"); !strings.HasPrefix(out, "1 secrets") {
		t.Errorf("rotate says %q", out)
	}
	if after, err := os.ReadFile(file); err != nil || bytes.Contains(after, bytes.TrimSpace(before)) {
		t.Errorf("the key file still has the old key (%v)", err)
	}
	if status := w.get(link); status != http.StatusForbidden {
		t.Errorf("the link from before: %d", status)
	}
	w.succeeds(running)
	w.kill()
	w.start()
	w.ok("", "session", "test", "--all")
	if status := w.get(w.videoLink("after")); status != http.StatusOK {
		t.Errorf("a link after: %d", status)
	}
	w.nowhere("e2e-account-of-the-rotation")
}

func (w *world) sent(prompt string) (id string) {
	w.t.Helper()
	id, _, _, err := w.submit(nil, prompt)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// succeeds waits for the task and returns the link to its video.
func (w *world) succeeds(id string) (link string) {
	w.t.Helper()
	w.eventually(time.Minute, func() string {
		var answer struct {
			Task struct {
				Status    string
				Artifacts []struct{ URL string }
			}
		}
		if _, err := w.call("GET", "/api/v1/tasks/"+id, nil, &answer); err != nil {
			return err.Error()
		}
		if answer.Task.Status != "succeeded" {
			return "the task is " + answer.Task.Status
		}
		link = answer.Task.Artifacts[0].URL
		return ""
	})
	return link
}

func (w *world) videoLink(prompt string) string {
	w.t.Helper()
	return w.succeeds(w.sent(prompt))
}

// get asks for a link as a player would, without a key.
func (w *world) get(link string) (status int) {
	w.t.Helper()
	response, err := w.client.Get(link)
	if err != nil {
		w.t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// caddyDebug is what Caddy's own handlers say with the global option debug: whole
// addresses and headers. docs/logging.md warns of it.
var caddyDebug = regexp.MustCompile(`(?m)^\{"level":"debug","ts":[0-9.]+,"logger":"http\.handlers\.rewrite".*$`)

// nowhere fails if one of the texts stands in a file of the gateway: the database,
// its log ahead, or what Caddy saves.
func (w *world) nowhere(texts ...string) {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		content = caddyDebug.ReplaceAll(content, nil)
		for _, text := range texts {
			if bytes.Contains(content, []byte(text)) {
				w.t.Errorf("%s has the secret %q", path, text)
			}
		}
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
}

// Keys, cookies and sessions' ids are given to the gateway in every way that there
// is, right and wrong. Afterwards no answer, no log and no file has one of them.
func TestSecretsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "100ms")
	w.talkative()
	w.start()
	const account = "e2e-account-that-nobody-sees"
	w.ok(account+"\n", "session", "add")
	w.ok("", "session", "test", "--all")
	var made struct{ Key struct{ ID, Key string } }
	if _, err := w.call("POST", "/api/v1/keys", map[string]any{"name": "planted", "scopes": []string{"admin"}}, &made); err != nil {
		t.Fatal(err)
	}
	var renewed struct{ Key string }
	if _, err := w.call("POST", "/api/v1/keys/"+made.Key.ID+"/regenerate", map[string]any{"grace": 3600}, &renewed); err != nil {
		t.Fatal(err)
	}
	cookie := w.signIn(renewed.Key)
	wrong := "gw_" + strings.Repeat("5e", 16)
	planted := []string{account, made.Key.Key, renewed.Key, cookie, wrong, token}
	for _, authorization := range []string{"Bearer " + made.Key.Key, "Bearer " + renewed.Key, "Bearer " + wrong, "Basic " + wrong, wrong, "Bearer " + wrong + "é"} {
		for _, path := range []string{"/api/v1/me", "/v1/models", "/api/v1/tasks?key=nobody", "/nowhere"} {
			if _, _, err := w.callWith(map[string]string{"Authorization": authorization}, "GET", path, nil, nil); err != nil {
				w.hides("the error of "+path, []byte(err.Error()), planted)
			}
		}
	}
	// An admin who puts a secret where an id belongs.
	for method, path := range map[string]string{"DELETE": "/api/v1/keys/" + renewed.Key, "PATCH": "/api/v1/sessions/" + account} {
		if status, err := w.call(method, path, map[string]any{}, nil); status != http.StatusNotFound {
			t.Errorf("%s of what does not exist: %d, %v", method, status, err)
		}
	}
	if _, err := w.call("POST", "/api/v1/tasks/cancel", map[string]any{"filter": map[string]any{"key": renewed.Key}}, nil); err != nil {
		t.Error(err)
	}
	planted = append(planted, w.everyWay(cookie)...)
	w.succeeds(w.sent("a boat"))
	signature := w.signedLink() // answers have it, logs do not
	for _, path := range w.readable() {
		text := w.read(path, renewed.Key)
		w.hides(path, text, planted)
	}
	w.term()
	w.nowhere(append(planted, signature)...)
	text, err := os.ReadFile(filepath.Join(w.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	// Caddy's access log was on, and knows who has asked for what.
	for _, want := range []string{`"logger":"http.log.access`, `"key":"admin"`, `"key_name":"planted"`, `"route":"POST /v1/videos/generations"`,
		`"uuid":"`, `"user_agent":"`, `signature=REDACTED`, `"logger":"jimeng.queue","msg":"task accepted"`, `"request refused"`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the log has no %s", want)
		}
	}
}

// talkative has the gateway log all that it can, with Caddy's access log.
func (w *world) talkative() {
	w.t.Helper()
	text, err := os.ReadFile(caddyfile(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	loud := strings.Replace(string(text), "{\n\tgrace_period", "{\n\tdebug\n\tlog {\n\t\tformat json\n\t}\n\tgrace_period", 1)
	if loud == string(text) {
		w.t.Fatal("the shipped Caddyfile begins in another way")
	}
	w.caddyfile = filepath.Join(w.dir, "Caddyfile")
	if err := os.WriteFile(w.caddyfile, []byte(loud), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.env = append(w.env, "ACCESS_LOG=stderr", "SECRET_KEY="+plantedKey,
		// A provider that nobody reaches: the callback is refused.
		"OIDC_ISSUER_URL=http://127.0.0.1:1", "OIDC_CLIENT_ID=gateway", "OIDC_CLIENT_SECRET="+plantedClientSecret)
}

const (
	plantedKey          = "5ec4e75ec4e75ec4e75ec4e75ec4e75ec4e75ec4e75ec4e75ec4e75ec4e75ec4"
	plantedClientSecret = "e2e-client-secret-at-the-provider"
)

// everyWay sends secrets wherever a client may put one, and returns them. Most are
// refused.
func (w *world) everyWay(cookie string) (planted []string) {
	w.t.Helper()
	n := 0
	secret := func() string {
		n++
		s := fmt.Sprintf("gw_%030d%02x", 77, n)
		planted = append(planted, s)
		return s
	}
	opaque := func() string {
		n++
		s := fmt.Sprintf("planted-secret-number-%03d", n)
		planted = append(planted, s)
		return s
	}
	send := func(method, path string, headers map[string]string) {
		w.t.Helper()
		_, _, _ = w.callWith(headers, method, path, map[string]any{"prompt": "a boat", "model": "none"}, nil)
	}
	for _, header := range []string{"X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Proxy-Authorization", "X-Session-Id", "X-Auth-Token", "Referer", "Sec-Websocket-Protocol"} {
		send("GET", "/api/v1/tasks", map[string]string{header: opaque()})
	}
	send("GET", "/api/v1/me", map[string]string{"Authorization": "Bearer eyJhbGciOiJSUzI1NiJ9." + opaque() + ".c2ln"})
	send("GET", "/api/v1/me", map[string]string{"Authorization": "", "Cookie": "jimeng_session=" + opaque() + "; __Host-jimeng_session=" + opaque()})
	for _, name := range []string{"key", "api_key", "token", "access_token", "session_id", "sessionid", "webhook_secret", "password", "code", "state", "signature",
		"api%5Fkey", "sign%61ture", "x1token", "key2"} {
		send("GET", "/v1/models?"+name+"="+opaque(), nil)
		send("GET", "/index.html?x=1&"+name+"="+opaque(), nil)
	}
	send("GET", "/auth/callback?code="+opaque()+"&state="+opaque()+"&session_state="+opaque(), map[string]string{"Cookie": "jimeng_begin=" + opaque()})
	send("POST", "/auth/backchannel-logout?logout_token="+opaque(), nil)
	send("GET", "/v1/artifacts/none/0?expires=1&signature="+opaque(), nil)
	send("DELETE", "/api/v1/keys/"+secret(), nil)
	send("PATCH", "/api/v1/sessions/"+opaque(), nil)
	send("GET", "/api/v1/sessions/"+opaque(), nil)
	for _, path := range []string{"/v1/videos/generations", "/v1/images/generations", "/v1/images/compositions", "/api/v1/tasks", "/api/v1/tasks/estimate", "/v1/videos", "/api/v3/contents/generations/tasks"} {
		send("POST", path, map[string]string{"Authorization": "Bearer " + secret()})
		send("POST", path+"?key="+secret(), nil)
	}
	for _, body := range []map[string]any{
		{"session_id": opaque() + ", with a comma"}, {"session_id": opaque(), "slots": -1}, {"session_id": opaque(), "upstream": "none"},
		{"session_id": opaque(), "proxy": "http://user:" + opaque() + "@127.0.0.1:1"}, {"cookie": "sessionid=" + opaque()},
	} {
		_, _ = w.call("POST", "/api/v1/sessions", body, nil)
	}
	_, _ = w.call("POST", "/api/v1/tasks", map[string]any{"prompt": "a boat", "webhook_url": "https://user:" + opaque() + "@192.0.2.1/", "webhook_secret": opaque()}, nil)
	_, _ = w.call("POST", "/auth/key", map[string]any{"key": secret()}, nil)
	return planted
}

// signedLink follows a link to a video and returns its signature. Answers have
// others of their own.
func (w *world) signedLink() string {
	w.t.Helper()
	link := w.videoLink("signed")
	if status := w.get(link); status != http.StatusOK {
		w.t.Errorf("the link: %d", status)
	}
	_, signature, _ := strings.Cut(link, "signature=")
	return signature
}

// A database that is away must not tell its password.
func TestThePasswordOfTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "100ms")
	w.talkative()
	const password = "planted-password-of-the-database"
	for _, url := range []string{"postgres://gateway:" + password + "@127.0.0.1:1/db?sslmode=disable", "postgres://gateway:" + password + "@[/db", "mysql://gateway:" + password + "@127.0.0.1/db"} {
		w.env = append(w.env, "DATABASE_URL="+url)
		w.launch()
		_ = w.process.Wait() // it does not start, and says why
	}
	w.nowhere(password)
}

// signIn signs a browser in and returns its cookie's value.
func (w *world) signIn(key string) (cookie string) {
	w.t.Helper()
	response, err := w.client.Post(w.gateway+"/auth/key", "application/json", strings.NewReader(`{"key":"`+key+`"}`))
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || len(response.Cookies()) == 0 {
		w.t.Fatalf("sign in: %s", response.Status)
	}
	return response.Cookies()[0].Value
}

// readable are the paths of all answers that need no more than an admin's key.
func (w *world) readable() (paths []string) {
	w.t.Helper()
	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if _, err := w.call("GET", "/api/openapi.json", nil, &document); err != nil {
		w.t.Fatal(err)
	}
	for path, methods := range document.Paths {
		if methods["get"] != nil && !strings.Contains(path, "{") && !strings.HasSuffix(path, "/events") && !strings.HasSuffix(path, "/stream") {
			paths = append(paths, path)
		}
	}
	if len(paths) < 10 {
		w.t.Fatalf("only %d paths: %v", len(paths), paths)
	}
	return paths
}

func (w *world) read(path, key string) []byte {
	w.t.Helper()
	r, err := http.NewRequest("GET", w.gateway+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func (w *world) hides(what string, text []byte, planted []string) {
	w.t.Helper()
	for _, secret := range planted {
		if bytes.Contains(text, []byte(secret)) {
			w.t.Errorf("%s has the secret %q", what, secret)
		}
	}
}
