package e2e

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
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

// nowhere fails if one of the texts stands in a file of the gateway: the database,
// its log ahead, or what Caddy saves.
func (w *world) nowhere(texts ...string) {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
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
	w.succeeds(w.sent("a boat"))
	for _, path := range w.readable() {
		text := w.read(path, renewed.Key)
		w.hides(path, text, planted)
	}
	w.term()
	w.nowhere(planted...)
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
		if methods["get"] != nil && !strings.Contains(path, "{") && !strings.HasSuffix(path, "/events") {
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
