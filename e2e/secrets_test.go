package e2e

import (
	"bytes"
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
