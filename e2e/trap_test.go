package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// The gateway that this one replaces had fourteen faults. Each has a test here
// that its own clients could run, with the number of the fault in its name, in
// traps_1_to_7_test.go and traps_8_to_14_test.go; docs/development.md has the list.

// trap is a gateway whose upstream is in the test's own process, so that a test
// can stand between the two.
type trap struct {
	*world
	upstream *simulator.Server
	server   *httptest.Server
}

// between sees the requests to the upstream and hands them over, or not.
type between func(w http.ResponseWriter, r *http.Request, upstream http.Handler)

func handOver(w http.ResponseWriter, r *http.Request, upstream http.Handler) {
	upstream.ServeHTTP(w, r)
}

// pass sends an answer on that was held back.
func pass(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// setTrap starts a gateway; env has variables for it.
func setTrap(t *testing.T, config simulator.Config, do between, env ...string) *trap {
	t.Helper()
	t.Parallel()
	x := &trap{world: emptyWorld(t), upstream: simulator.New(config)}
	x.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { do(w, r, x.upstream) }))
	t.Cleanup(func() {
		x.server.CloseClientConnections()
		x.server.Close()
	})
	x.connect(x.server.URL)
	x.env = append(x.env, env...)
	x.start()
	return x
}

// send sends a request with a key, "" for none, and returns the whole answer.
func (x *trap) send(key, method, path string, body any, header ...string) (*http.Response, string, error) {
	var reader io.Reader
	contentType := ""
	switch body := body.(type) {
	case nil:
	case io.Reader:
		reader = body
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return nil, "", err
		}
		reader, contentType = bytes.NewReader(text), "application/json"
	}
	if strings.HasPrefix(path, "/") {
		path = x.gateway + path
	}
	r, err := http.NewRequestWithContext(x.t.Context(), method, path, reader)
	if err != nil {
		return nil, "", err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := x.client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

func (x *trap) ask(key, method, path string, body any, header ...string) (*http.Response, string) {
	x.t.Helper()
	res, text, err := x.send(key, method, path, body, header...)
	if err != nil {
		x.t.Fatal(err)
	}
	return res, text
}

// get reads JSON as the key, and wants it.
func (x *trap) get(key, path string) map[string]any {
	x.t.Helper()
	return x.json(key, "GET", path, nil, http.StatusOK)
}

func (x *trap) json(key, method, path string, body any, status int, header ...string) map[string]any {
	x.t.Helper()
	res, text := x.ask(key, method, path, body, header...)
	if res.StatusCode != status {
		x.t.Fatalf("%s %s: %s, want %d: %s", method, path, res.Status, status, text)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		x.t.Fatalf("%s %s: %v in %q", method, path, err, text)
	}
	return answer
}

// key makes one with all scopes but admin.
func (x *trap) key(name string) string {
	x.t.Helper()
	scopes := []string{"video:create", "task:read", "task:cancel", "task:retry", "task:delete"}
	answer := x.json(token, "POST", "/api/v1/keys", map[string]any{"name": name, "scopes": scopes}, http.StatusCreated)
	return answer["key"].(map[string]any)["key"].(string)
}

func (x *trap) session(secret string, slots int) string {
	x.t.Helper()
	answer := x.json(token, "POST", "/api/v1/sessions", map[string]any{"session_id": secret, "slots": slots}, http.StatusCreated)
	return answer["session"].(map[string]any)["id"].(string)
}

// request is for a video that a fork makes by submit and status.
func request(prompt string) map[string]any {
	return map[string]any{"model": "seedance-2.0", "prompt": prompt, "file_paths": []string{"https://1.1.1.1/boat.png"}}
}

func (x *trap) submit(key, prompt string) string {
	x.t.Helper()
	answer := x.json(key, "POST", "/v1/videos/generations", request(prompt), http.StatusAccepted)
	return answer["task"].(map[string]any)["id"].(string)
}

func (x *trap) task(id string) map[string]any {
	x.t.Helper()
	return x.get(token, "/api/v1/tasks/"+id)["task"].(map[string]any)
}

// await waits until the task has the status.
func (x *trap) await(id, status string) (task map[string]any) {
	x.t.Helper()
	x.eventually(2*time.Minute, func() string {
		if task = x.task(id); task["status"] != status {
			return fmt.Sprintf("task is not %s: %v", status, task)
		}
		return ""
	})
	return task
}

// isPoll tells a poll of a task from the question which server this is.
func isPoll(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/status") && !strings.Contains(r.URL.Path, "/videos/0/")
}

func isSubmit(r *http.Request) bool {
	return r.Method == "POST" && strings.HasPrefix(r.URL.Path, "/v1/")
}

// times are the moments of paid submits whose prompts begin so.
func (x *trap) times(prefix string) (times []time.Time) {
	for _, s := range x.upstream.Submits() {
		if strings.HasPrefix(s.Prompt, prefix) {
			times = append(times, s.Time)
		}
	}
	return times
}
