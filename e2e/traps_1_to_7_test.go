package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// publicRoutes take no key. Files are behind signed links.
var publicRoutes = []string{
	"GET /ping", "GET /livez", "GET /readyz", "GET /api/v1/health", "GET /api/openapi.json", "GET /api/docs", "POST /auth/key", "GET /auth/me", "POST /auth/logout",
	"GET /auth/login", "GET /auth/callback", "POST /auth/backchannel-logout",
	"GET /v1/artifacts/{task}/{number}", "GET /v1/materials/{task}/{number}", "GET /v1/materials/{id}",
}

func TestTrap01TasksNeedAKeyAndAreOnesOwn(t *testing.T) {
	x := setTrap(t, simulator.Config{Delay: time.Hour}, handOver)
	paths := x.get("", "/api/openapi.json")["paths"].(map[string]any)
	asked := 0
	for path, methods := range paths {
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			if _, ok := methods.(map[string]any)[method]; !ok || slices.Contains(publicRoutes, strings.ToUpper(method)+" "+path) {
				continue
			}
			asked++
			at := strings.NewReplacer("{id}", "x", "{task}", "x", "{number}", "0").Replace(path)
			for _, key := range []string{"", "gw_00000000000000000000000000000000", token + "x"} {
				if res, text := x.ask(key, strings.ToUpper(method), at, nil); res.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s %s with the key %q: %s %s", method, path, key, res.Status, text)
				}
			}
		}
	}
	if asked < 30 {
		t.Errorf("only %d routes are described", asked)
	}

	mine, other := x.key("mine"), x.key("other")
	id := x.submit(mine, "a secret boat")
	for _, route := range []string{"GET ", "GET /history", "GET /events", "GET /explain", "POST /cancel", "POST /retry", "DELETE "} {
		method, suffix, _ := strings.Cut(route, " ")
		if res, text := x.ask(other, method, "/api/v1/tasks/"+id+suffix, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s of a foreign task: %s %s", route, res.Status, text)
		}
	}
	all := map[string]any{"filter": map[string]any{"ids": []string{id}}}
	for _, many := range []string{"cancel", "retry", "delete"} {
		if res, text := x.ask(other, "POST", "/api/v1/tasks/"+many, all); res.StatusCode != http.StatusOK || strings.Contains(text, id) {
			t.Errorf("%s of a foreign task: %s %s", many, res.Status, text)
		}
	}
	for _, path := range []string{"/api/v1/tasks", "/api/v1/tasks?q=boat", "/api/v1/materials"} {
		if _, text := x.ask(other, "GET", path, nil); strings.Contains(text, id) || strings.Contains(text, "boat") {
			t.Errorf("%s shows a foreign task: %s", path, text)
		}
	}
	if stats := x.get(other, "/api/v1/stats"); stats["total"] != 0.0 {
		t.Errorf("stats: %v", stats)
	}
	if task := x.get(mine, "/api/v1/tasks/"+id)["task"].(map[string]any); task["status"] != "queued" {
		t.Errorf("task: %v", task)
	}
}

func TestTrap02SecretsAreNeitherStoredNorShown(t *testing.T) {
	const cookies = "sessionid-0123456789abcdef-of-an-account"
	x := setTrap(t, simulator.Config{Delay: time.Second}, handOver)
	key := x.key("client")
	session := x.session(cookies, 1)
	id := x.submit(key, "a boat")
	x.await(id, "succeeded")
	x.json(token, "POST", "/api/v1/sessions/"+session+"/test", nil, http.StatusOK)
	keys := x.get(token, "/api/v1/keys")["keys"].([]any)
	if len(keys) != 1 || keys[0].(map[string]any)["key_prefix"] != key[:11] {
		t.Errorf("keys: %v", keys)
	}
	keyID := keys[0].(map[string]any)["id"].(string)
	var shown strings.Builder
	for _, path := range []string{"/api/v1/keys", "/api/v1/keys/" + keyID, "/api/v1/sessions", "/api/v1/sessions/" + session, "/api/v1/pool",
		"/api/v1/me", "/auth/me", "/api/v1/tasks/" + id, "/api/v1/tasks/" + id + "/history"} {
		_, text := x.ask(token, "GET", path, nil)
		shown.WriteString(text)
	}
	x.term()
	files := map[string]string{"the answers": shown.String()}
	err := filepath.WalkDir(x.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := files[filepath.Join(x.dir, "gateway.db")]; !ok {
		t.Errorf("no database in %q", slices.Collect(maps.Keys(files)))
	}
	for name, content := range files {
		for what, secret := range map[string]string{"key": key, "session": cookies, "admin token": token, "half of the session": cookies[8:24]} {
			if strings.Contains(content, secret) {
				t.Errorf("%s shows the %s", name, what)
			}
		}
	}
}

func TestTrap03ARestartGoesOnAndSubmitsNothingAgain(t *testing.T) {
	x := setTrap(t, simulator.Config{Delay: 5 * time.Second}, handOver)
	x.session("account-0000000001", 2)
	var ids []string
	for i := range 5 {
		ids = append(ids, x.submit(token, fmt.Sprint("boat ", i)))
	}
	polling := func() {
		t.Helper()
		x.eventually(time.Minute, func() string {
			if s := x.stats(); s["polling"] < 2 {
				return fmt.Sprint(s)
			}
			return ""
		})
	}
	polling()
	x.kill()
	x.start()
	polling()
	x.kill()
	x.start()
	polling()
	x.term()
	x.start()
	for _, id := range ids {
		x.await(id, "succeeded")
	}
	x.paidOnce(5)
}

func TestTrap04NothingOverwritesACancel(t *testing.T) {
	succeeded, release := make(chan bool, 1), make(chan bool)
	x := setTrap(t, simulator.Config{Delay: time.Second}, func(w http.ResponseWriter, r *http.Request, upstream http.Handler) {
		if !isPoll(r) {
			upstream.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		upstream.ServeHTTP(answer, r)
		if strings.Contains(answer.Body.String(), "/_simulator/files/") { // it says that the video is there
			select {
			case succeeded <- true:
			default:
			}
			<-release
		}
		pass(w, answer)
	})
	waiting := x.submit(token, "not paid")
	answer := x.json(token, "POST", "/api/v1/tasks/"+waiting+"/cancel", nil, http.StatusOK)
	if answer["money"] != "not_started" {
		t.Errorf("cancel of a waiting task: %v", answer)
	}
	x.session("account-0000000001", 1)
	id := x.submit(token, "a boat")
	<-succeeded
	answer = x.json(token, "POST", "/api/v1/tasks/"+id+"/cancel", nil, http.StatusOK)
	if answer["money"] != "runs_on_upstream" {
		t.Errorf("cancel of a running task: %v", answer)
	}
	close(release)
	// The one after it shows that the answer has long come.
	x.await(x.submit(token, "another boat"), "succeeded")
	for _, id := range []string{waiting, id} {
		if task := x.task(id); task["status"] != "cancelled" || task["video_url"] != nil {
			t.Errorf("task: %v", task)
		}
		if res, _ := x.ask(token, "POST", "/api/v1/tasks/"+id+"/cancel", nil); res.StatusCode != http.StatusConflict {
			t.Errorf("second cancel: %s", res.Status)
		}
		told := 0
		err := x.listen(t.Context(), "/api/v1/tasks/"+id+"/events", "0", func(e event) bool {
			switch e.name {
			case "task.cancelled":
				told++
			case "task.succeeded", "task.failed":
				t.Errorf("a cancelled task was told as %s", e.name)
			}
			return true
		})
		if err != nil || told != 1 {
			t.Errorf("the cancel was told %d times, %v", told, err)
		}
	}
	if paid := x.paid(); paid["not paid"] != 0 || paid["a boat"] != 1 {
		t.Errorf("paid: %v", paid)
	}
}

func TestTrap05NeitherAPollNorAnAccountEndsATask(t *testing.T) {
	faults := make(chan string, 3)
	for _, fault := range []string{"cut", "500", "garbage"} {
		faults <- fault
	}
	x := setTrap(t, simulator.Config{Delay: time.Second}, func(w http.ResponseWriter, r *http.Request, upstream http.Handler) {
		if isPoll(r) {
			select {
			case fault := <-faults:
				switch fault {
				case "cut":
					panic(http.ErrAbortHandler)
				case "500":
					http.Error(w, "Internal Server Error", http.StatusInternalServerError)
				case "garbage":
					_, _ = io.WriteString(w, "<html>maintenance</html>")
				}
				return
			default:
			}
		}
		upstream.ServeHTTP(w, r)
	})
	ill := []string{x.session("expired-account-0000001", 1), x.session("blocked-account-0000002", 1)}
	id := x.submit(token, "a boat")
	x.eventually(time.Minute, func() string {
		if task := x.task(id); task["status"] != "queued" {
			return fmt.Sprintf("task %v", task)
		}
		for _, session := range ill {
			if s := x.get(token, "/api/v1/sessions/"+session)["session"].(map[string]any); s["state"] == "ready" {
				return fmt.Sprintf("session %v", s)
			}
		}
		return ""
	})
	x.session("healthy-account-0000003", 1)
	x.await(id, "succeeded")
	if len(faults) > 0 {
		t.Errorf("%d polls did not fail", len(faults))
	}
	x.paidOnce(1)
}

// Sessions that are out of service are probed every minute at most, so this test
// takes one.
func TestTrap06AnIllAccountRestsAndComesBackByItself(t *testing.T) {
	heal := map[string]string{"nocredits-account-00001": `{"credits":50}`, "expired-account-0000002": `{"fault":""}`}
	var refused atomic.Int32 // submits to an account that could not pay
	x := setTrap(t, simulator.Config{Delay: 100 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request, upstream http.Handler) {
		secret := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if r.URL.Path == "/token/check" { // has the secret in its body
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			for s := range heal {
				if bytes.Contains(body, []byte(s)) {
					secret = s
				}
			}
		}
		if change, ok := heal[secret]; ok && strings.HasPrefix(r.URL.Path, "/token/") {
			// The first probe finds it well again.
			upstream.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/_simulator/tokens/"+secret, strings.NewReader(change)))
		}
		answer := httptest.NewRecorder()
		upstream.ServeHTTP(answer, r)
		if isSubmit(r) && !strings.Contains(answer.Body.String(), "history_record_id") {
			refused.Add(1)
		}
		pass(w, answer)
	})
	x.term()
	config := filepath.Join(x.dir, "Caddyfile")
	text := fmt.Sprintf("{\n\tjimeng {\n\t\tdatabase {env.DATABASE_URL}\n\t\tdata_dir {env.DATA_DIR}\n\t\tadmin_token {env.ADMIN_TOKEN}\n"+
		"\t\tpoll_interval 500ms\n\t\tprobe_interval 1s\n\t\tupstream free_api {\n\t\t\turl %s\n\t\t}\n\t}\n}\n:{$PORT} {\n\tjimeng\n}\n", x.simulator)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	x.process = x.command(x.env, "run", "--config", config, "--adapter", "caddyfile")
	x.run(x.process)
	x.waitFor(x.gateway + "/ping")
	var ids []string
	for i := range 4 {
		ids = append(ids, x.submit(token, fmt.Sprint("boat ", i)))
	}
	for secret := range heal {
		x.session(secret, 1)
	}
	for _, id := range ids {
		x.await(id, "succeeded")
	}
	if n := refused.Load(); n != 2 {
		t.Errorf("%d submits to two accounts that refused the first", n)
	}
	x.paidOnce(4)
}

func TestTrap07TheSessionTestReadsTheBody(t *testing.T) {
	statuses := make(chan int, 1000)
	x := setTrap(t, simulator.Config{}, func(w http.ResponseWriter, r *http.Request, upstream http.Handler) {
		answer := httptest.NewRecorder()
		upstream.ServeHTTP(answer, r)
		if strings.HasPrefix(r.URL.Path, "/token/") {
			statuses <- answer.Code
			if strings.Contains(answer.Body.String()+r.Header.Get("Authorization"), "riddle") {
				answer.Body = bytes.NewBufferString("<html>200 OK</html>")
			}
		}
		pass(w, answer)
	})
	for secret, want := range map[string]struct {
		ok    bool
		state string
	}{
		"healthy-account-0000001": {true, "ready"},
		"expired-account-0000002": {false, "dead"},
		"nocredits-account-00003": {false, "exhausted"},
		"riddle-account-00000004": {false, "ready"}, // nobody can tell, so nothing changes
	} {
		id := x.session(secret, 1)
		answer := x.json(token, "POST", "/api/v1/sessions/"+id+"/test", nil, http.StatusOK)
		s := x.get(token, "/api/v1/sessions/"+id)["session"].(map[string]any)
		if answer["ok"] != want.ok || answer["message"] == "" || s["state"] != want.state {
			t.Errorf("%s: %v, session %v", secret, answer, s)
		}
	}
	for len(statuses) > 0 {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("the upstream answered %d: this test proves nothing", status)
		}
	}
}
