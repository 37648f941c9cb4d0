package api_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const quickVideo = `{"model":"jimeng-video-3.0","prompt":"a paper boat"}`

// Who wants to wait gets the answer of jimeng-free-api.
func TestWaitForVideo(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	g, patient := admin.as(""), admin.as(`{"name":"p","wait":60,"scopes":["video:create","task:read"]}`)
	for name, test := range map[string]struct {
		g       *gateway
		query   string
		prefer  string
		waits   bool
		applied string
	}{
		"as before":               {g, "", "", false, ""},
		"header":                  {g, "", "wait=60", true, "wait=60"},
		"header among others":     {g, "", `handling=lenient, Wait="60"; x=y, respond-async`, true, "wait=60"},
		"header, too long":        {g, "", "wait=999999", true, "wait=14400"},
		"header, nonsense":        {g, "", "wait=soon", false, ""},
		"header, nothing":         {g, "", "wait=0", false, "wait=0"},
		"query":                   {g, "?wait=60", "", true, ""},
		"key":                     {patient, "", "", true, ""},
		"key, but not now":        {patient, "?wait=0", "", false, ""},
		"key, but asynchronously": {patient, "", "respond-async", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := *test.g
			g.t = t
			var header []string
			if test.prefer != "" {
				header = []string{"Prefer", test.prefer}
			}
			res, raw := g.do("POST", "/v1/videos/generations"+test.query, "application/json", strings.NewReader(quickVideo), header...)
			if got := res.Header.Get("Preference-Applied"); got != test.applied {
				t.Errorf("Preference-Applied: %q, want %q", got, test.applied)
			}
			if !test.waits {
				g.decode(res, raw, http.StatusAccepted)
				return
			}
			list := items(t, g.decode(res, raw, http.StatusOK))
			task := g.taskOf(res)
			if len(list) != 1 || list[0]["url"] != task["video_url"] || list[0]["revised_prompt"] != "a paper boat" || task["status"] != "succeeded" {
				t.Errorf("answer %s, task %v", raw, task)
			}
			if link, _ := task["video_url"].(string); !strings.Contains(string(raw), link) {
				t.Errorf("%s does not have the link %s as people would copy it", raw, link)
			}
		})
	}
	for _, wait := range []string{"-1", "x", "14401", ""} {
		g.refuses("POST", "/v1/videos/generations?wait="+wait, quickVideo, "wait", "between 0 and 14400")
	}
	res, raw := g.do("POST", "/v1/videos/generations?wait=60", "application/json", strings.NewReader(`{"model":"jimeng-video-3.0","prompt":"a","response_format":"b64_json"}`))
	video, err := base64.StdEncoding.DecodeString(items(t, g.decode(res, raw, http.StatusOK))[0]["b64_json"].(string))
	if err != nil || string(video[4:8]) != "ftyp" {
		t.Errorf("%d bytes, %v", len(video), err)
	}
}

// A task that fails while somebody waits is told in the upstream's words, with
// the code that its clients know.
func TestWaitForFailure(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	for fault, want := range map[string]struct {
		status, code int
		kind         string
	}{
		"content_violation@submit": {400, -2006, "content_risk"},
		"bad_param@submit":         {400, -2000, "bad_input"},
		"2038@generation":          {400, -2006, "content_risk"},
		"100402@generation":        {502, -2007, "generation_failed"},
	} {
		body := fmt.Sprintf(`{"prompt":"a [[fault:%s]]","file_paths":["https://files.example/a.png"]}`, fault)
		res, raw := g.do("POST", "/v1/videos/generations?wait=60", "application/json", strings.NewReader(body))
		answer := g.decode(res, raw, want.status)
		inner := answer["error"].(map[string]any)
		if answer["code"] != float64(want.code) || inner["code"] != want.kind || answer["data"] != nil || answer["message"] != g.taskOf(res)["error_message"] {
			t.Errorf("%s: %s", fault, raw)
		}
	}
	// A cancel ends the waiting, too.
	answers := make(chan *http.Response, 1)
	go func() {
		res, _ := g.do("POST", "/v1/videos/generations?wait=60", "application/json", strings.NewReader(`{"model":"jimeng-video-3.0","prompt":"to be cancelled [[delay:1h]]"}`))
		answers <- res
	}()
	g.json("POST", "/api/v1/tasks/"+g.find("to be cancelled")+"/cancel", "", http.StatusOK)
	if res := <-answers; res.StatusCode != http.StatusConflict {
		t.Errorf("cancelled: %s", res.Status)
	}
}

// find waits for a task of the key and returns its id.
func (g *gateway) find(prompt string) string {
	g.t.Helper()
	deadline := time.After(30 * time.Second)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		for _, task := range g.json("GET", "/api/v1/tasks", "", http.StatusOK)["tasks"].([]any) {
			if task := task.(map[string]any); strings.HasPrefix(task["prompt"].(string), prompt) {
				return task["id"].(string)
			}
		}
		select {
		case <-ticker.C:
		case <-deadline:
			g.t.Fatalf("there is no task %q", prompt)
		}
	}
}

// After the time that a client wants to wait it gets the task, and a client that
// goes away leaves it running.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	stopping := make(chan struct{})
	g := serve(t, func(c *api.Config) { c.Stopping = stopping }).as(`{"name":"w","scopes":["video:create","task:read","task:cancel"]}`)
	const slow = `{"model":"jimeng-video-3.0","prompt":"slow %s [[delay:1h]]"}`
	res, raw := g.do("POST", "/v1/videos/generations?wait=1", "application/json", strings.NewReader(fmt.Sprintf(slow, "one")))
	if id := g.decode(res, raw, http.StatusAccepted)["task"].(map[string]any)["id"]; res.Header.Get("Location") != fmt.Sprintf("/api/v1/tasks/%s", id) {
		t.Errorf("%v", res.Header)
	}

	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", g.url+"/v1/videos/generations?wait=60", strings.NewReader(fmt.Sprintf(slow, "two")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+g.key)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if res, err := g.client.Do(r); err == nil {
			res.Body.Close()
		}
	}()
	id := g.find("slow two")
	hangUp()
	<-gone
	if task := g.task(id); task["finished_at"] != nil {
		t.Errorf("task %v", task)
	}

	answers := make(chan *http.Response, 1)
	go func() {
		res, _ := g.do("POST", "/v1/videos/generations?wait=60", "application/json", strings.NewReader(fmt.Sprintf(slow, "three")))
		answers <- res
	}()
	id = g.find("slow three")
	close(stopping)
	if res := <-answers; res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Location") != "/api/v1/tasks/"+id || res.Header.Get("Retry-After") == "" {
		t.Errorf("on stop: %s, %v", res.Status, res.Header)
	}
	for _, name := range []string{"one", "two", "three"} {
		g.json("POST", "/api/v1/tasks/"+g.find("slow "+name)+"/cancel", "", http.StatusOK)
	}
}

// The same request with the same key makes one task, in whatever form it comes.
func TestIdempotentCreates(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as(`{"name":"once","scopes":["video:create","task:read","task:retry"]}`)
	picture := pngFile(t)
	contentType, body := form(t, textPart("prompt", "once"), textPart("duration", "5"), part{field: "files", file: "a.png", content: picture})
	res, raw := g.do("POST", "/v1/videos/generations", contentType, body, "Idempotency-Key", "k1")
	id := g.decode(res, raw, http.StatusAccepted)["task"].(map[string]any)["id"]
	if res.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%v", res.Header)
	}
	inJSON := fmt.Sprintf(`{"duration":5.0,"files":[{"data":%q}],"prompt":"%%s"}`, inBase64(picture))
	again := strings.NewReader(fmt.Sprintf(inJSON, "once"))
	res, raw = g.do("POST", "/v1/videos/generations", "application/json", again, "Idempotency-Key", "k1")
	if g.decode(res, raw, http.StatusAccepted)["task"].(map[string]any)["id"] != id || res.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replay: %s, %v", raw, res.Header)
	}
	other := strings.NewReader(fmt.Sprintf(inJSON, "another"))
	res, raw = g.do("POST", "/v1/videos/generations", "application/json", other, "Idempotency-Key", "k1")
	if answer := g.decode(res, raw, http.StatusUnprocessableEntity); answer["error"].(map[string]any)["code"] != "idempotency_mismatch" {
		t.Errorf("another request: %s", raw)
	}
	res, raw = g.do("POST", "/v1/videos/generations", "application/json", strings.NewReader(quickVideo), "Idempotency-Key", strings.Repeat("k", 256))
	g.decode(res, raw, http.StatusBadRequest)
	for _, path := range []string{"/v1/videos/generations", "/api/v1/tasks/" + id.(string) + "/retry"} {
		for _, header := range [][]string{{"Idempotency-Key", ""}, {"Idempotency-Key", "a", "Idempotency-Key", "b"}} {
			res, raw = g.do("POST", path, "application/json", strings.NewReader(quickVideo), header...)
			g.decode(res, raw, http.StatusBadRequest)
		}
	}
	if list := g.json("GET", "/api/v1/tasks", "", http.StatusOK)["tasks"].([]any); len(list) != 1 {
		t.Errorf("%d tasks", len(list))
	}
}

// A repeated request gets its task although what it was made from is gone, and
// is told when the result is.
func TestReplayOfWhatIsGone(t *testing.T) {
	t.Parallel()
	picture := pngFile(t)
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture) }))
	g := serve(t, func(c *api.Config) { c.Materials.Fetch = true }).as("")
	repeat := func(path, body string, status int) (*http.Response, map[string]any) {
		res, raw := g.do("POST", path, "application/json", strings.NewReader(body), "Idempotency-Key", path)
		return res, g.decode(res, raw, status)
	}
	video := fmt.Sprintf(`{"prompt":"a boat","duration":5,"file_paths":[%q]}`, files.URL+"/boat.png")
	_, first := repeat("/api/v1/tasks", video, http.StatusCreated)
	files.Close()
	res, again := repeat("/api/v1/tasks", video, http.StatusCreated)
	if again["task"].(map[string]any)["id"] != first["task"].(map[string]any)["id"] || res.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replay: %v, %v", again, res.Header)
	}

	const image = `{"prompt":"a boat to forget","response_format":"b64_json"}`
	repeat("/v1/images/generations", image, http.StatusOK)
	task, err := shared.store.Task(t.Context(), "", g.find("a boat to forget"))
	if err != nil {
		t.Fatal(err)
	}
	err = shared.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.DropArtifacts(task) })
	if err != nil {
		t.Fatal(err)
	}
	if _, gone := repeat("/v1/images/generations", image, http.StatusGone); gone["error"].(map[string]any)["code"] != "artifact_expired" {
		t.Errorf("expired: %v", gone)
	}
}
