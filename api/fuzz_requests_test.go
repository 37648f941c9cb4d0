package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	encoding "image/gif"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// gif is the smallest picture.
var gif = func() []byte {
	var b bytes.Buffer
	if err := encoding.Encode(&b, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black}), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// requests sends requests to the whole API, without a network between.
type requests struct {
	handler http.Handler
	key     *store.Key
	secret  string
}

func fuzzRequests(f *testing.F, scopes ...string) *requests {
	f.Helper()
	secret, hash, prefix := auth.NewSecret()
	key := &store.Key{ID: "fuzz-" + prefix, Name: "fuzz", Hash: hash, Prefix: prefix, Scopes: scopes, Enabled: true, Weight: 1, Concurrency: 1}
	if err := shared.store.CreateKey(f.Context(), key); err != nil {
		f.Fatal(err)
	}
	q := &requests{newHandler(f, func(c *api.Config) {
		c.DefaultModel, c.DefaultImageModel = "jimeng-video-3.0", "jimeng-4.0"
	}), key, secret}
	// The only task of the key that may run does so for ever; the others wait.
	body := `{"model":"seedance-2.0","prompt":"[[delay:2h]]","file_paths":["https://a.example/boat.png"]}`
	if status, answer := q.send(f, "POST", "/v1/videos/generations", "application/json", body); status != http.StatusAccepted {
		f.Fatalf("%d %s", status, answer)
	}
	return q
}

// send fails the test for an answer that no client should get.
func (q *requests) send(t testing.TB, method, target, contentType, body string, header ...string) (status int, answer string) {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Skip("no request line has that")
	}
	r := httptest.NewRequest(method, "/", strings.NewReader(body)).WithContext(t.Context())
	r.URL, r.RequestURI = u, target
	r.Header["Content-Type"] = []string{contentType}
	r.Header.Set("Authorization", "Bearer "+q.secret)
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = []string{header[i+1]}
	}
	w := httptest.NewRecorder()
	q.handler.ServeHTTP(w, r)
	answer = w.Body.String()
	if w.Code >= 500 || w.Code >= 400 && !utf8.ValidString(answer) {
		t.Fatalf("%s %s %q: %d %s", method, target, body, w.Code, answer)
	}
	if w.Code >= 400 && r.URL.Path != "/" {
		var fault struct {
			Code, Error, Message, Detail any
		}
		if err := json.Unmarshal([]byte(answer), &fault); err != nil || fault.Code == nil || fault.Message == nil && fault.Detail == nil || len(answer) > 16<<10 {
			t.Fatalf("%s %s %q: %d %.2000s: %v", method, target, body, w.Code, answer, err)
		}
	}
	return w.Code, answer
}

// Whoever sends a request for a task gets it as it was sent, or a clear no.
func FuzzCreate(f *testing.F) {
	for _, seed := range []string{
		`{"model":"jimeng-video-3.0","prompt":"a paper boat 慢 \ud83d\ude00\r\n","duration":5.0,"ratio":"16:9","priority":-3}`,
		`{"model":"seedance-2.0","prompt":"@1","file_paths":["https://a.example/boat.png"],"timeout":60,"start_timeout":1e1}`,
		`{"model":"jimeng-4.0","kind":"image","prompt":"a boat","negative_prompt":"rain","sample_strength":0.25,"intelligent_ratio":true}`,
		`{"prompt":"a","files":[{"data":"` + base64.StdEncoding.EncodeToString(gif) + `","filename":"a.gif","mime_type":"image/gif"}]}`,
		`{"prompt":"a","prompt":"b"}`, `{"prompt":null}`, `[]`, `{"prompt":"a","n":4,"size":"1024x1024","response_format":"url"}`,
	} {
		for dialect := range uint8(2) {
			f.Add(dialect, "application/json", "", []byte(seed))
		}
	}
	f.Add(uint8(1), "multipart/form-data; boundary=b", "again", []byte("--b\r\nContent-Disposition: form-data; name=prompt\r\n\r\na boat\r\n--b\r\nContent-Disposition: form-data; name=files; filename=a.gif\r\n\r\n"+string(gif)+"\r\n--b--\r\n"))
	q := fuzzRequests(f, auth.VideoCreate, auth.TaskRead)
	f.Fuzz(func(t *testing.T, dialect uint8, contentType, idempotencyKey string, body []byte) {
		path := []string{"/api/v1/tasks", "/v1/videos/generations?wait=0"}[dialect%2]
		var header []string
		if idempotencyKey != "" {
			header = append(header, "Idempotency-Key", idempotencyKey)
		}
		status, answer := q.send(t, "POST", path, contentType, string(body), header...)
		if status/100 != 2 {
			return
		}
		var created struct {
			Task struct{ ID string }
		}
		if err := json.Unmarshal([]byte(answer), &created); err != nil {
			t.Fatalf("%q: %s: %v", body, answer, err)
		}
		task, err := shared.store.Task(t.Context(), q.key.ID, created.Task.ID)
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		var sent map[string]any
		if strings.Contains(contentType, "form") || json.Unmarshal(body, &sent) != nil || idempotencyKey != "" {
			return // what a form means is in FuzzFormIsJSON
		}
		isText := func(name, got string, fallback bool) {
			want, _ := sent[name].(string)
			if name == "prompt" {
				want = strings.ReplaceAll(want, "\r\n", "\n")
			} else {
				want = strings.TrimSpace(want)
			}
			if got != want && !(fallback && want == "") || !utf8.ValidString(got) {
				t.Errorf("%q: %s is %q, want %q", body, name, got, want)
			}
		}
		isText("prompt", task.Prompt, false)
		isText("model", task.Model, true)
		isText("ratio", task.Ratio, true)
		isText("resolution", task.Resolution, true)
		if n, given := sent["duration"].(float64); given && float64(task.Duration) != n {
			t.Errorf("%q: the duration is %d", body, task.Duration)
		}
		if n, _ := sent["priority"].(float64); float64(task.Priority) != n {
			t.Errorf("%q: the priority is %d", body, task.Priority)
		}
		materials := 0
		for _, name := range []string{"files", "file_paths", "filePaths", "images", "image"} {
			if list, ok := sent[name].([]any); ok {
				materials += len(list)
			}
		}
		// Both names of the paths may say the same.
		if len(task.Materials) > materials || len(task.Materials) == 0 && materials > 0 {
			t.Errorf("%q: %d materials of %d", body, len(task.Materials), materials)
		}
	})
}

// Lists answer any query with one's own tasks or a clear no.
func FuzzQueries(f *testing.F) {
	for _, seed := range []string{"limit=5&q=boat", "status=queued,failed&kind=video", "cursor=AAAA", "from=2026-11-01&to=2026-11-02T00:00:00%2B01:00", "q=%25_%5C%00", "limit=1e9", "after=-1", "before=mat_", "model=a&model=b", "counts=true&counts=false", "from=9999-12-31T23:59:59Z", "status=%FF", "q=%F0%9F"} {
		for route := range uint8(6) {
			f.Add(route, seed)
		}
	}
	q := fuzzRequests(f, auth.VideoCreate, auth.TaskRead)
	_, list := q.send(f, "GET", "/api/v1/tasks", "", "")
	var tasks struct{ Tasks []struct{ ID string } }
	if err := json.Unmarshal([]byte(list), &tasks); err != nil {
		f.Fatal(err)
	}
	id := tasks.Tasks[0].ID
	routes := []string{"/api/v1/tasks", "/api/v1/materials", "/api/v1/tasks/" + id + "/history", "/api/v1/tasks/" + id, "/api/v1/tasks/" + id + "/explain", "/api/v1/models"}
	f.Fuzz(func(t *testing.T, route uint8, query string) {
		n := int(route) % len(routes)
		status, answer := q.send(t, "GET", routes[n]+"?"+query, "", "")
		if n != 0 || status != http.StatusOK {
			return
		}
		var page struct {
			Tasks []struct{ ID, Status string }
			Next  string
		}
		if err := json.Unmarshal([]byte(answer), &page); err != nil {
			t.Fatal(err)
		}
		values, _ := url.ParseQuery(query)
		for _, task := range page.Tasks {
			if _, err := shared.store.Task(t.Context(), q.key.ID, task.ID); err != nil {
				t.Errorf("%q shows the task %s: %v", query, task.ID, err)
			}
			if want := values.Get("status"); want != "" && !slices.Contains(strings.Split(want, ","), task.Status) {
				t.Errorf("%q shows a task that is %s", query, task.Status)
			}
		}
	})
}

// No link leads to a file but one that the gateway has made.
func FuzzLinks(f *testing.F) {
	q := fuzzRequests(f, auth.VideoCreate, auth.TaskRead)
	picture := base64.StdEncoding.EncodeToString(gif)
	_, answer := q.send(f, "POST", "/api/v1/materials", "application/json", `{"data":"`+picture+`","filename":"a.gif"}`)
	var uploaded struct{ Materials []struct{ URL string } }
	if err := json.Unmarshal([]byte(answer), &uploaded); err != nil || len(uploaded.Materials) != 1 {
		f.Fatalf("%s: %v", answer, err)
	}
	made, err := url.Parse(uploaded.Materials[0].URL)
	if err != nil {
		f.Fatal(err)
	}
	// Each process of a fuzz test has a secret of its own, so what is mutated is a
	// change of its own link.
	for _, seed := range []struct {
		at, cut uint16
		in      string
	}{{0, 0, ""}, {0, 1000, ""}, {15, 1, "%6d"}, {500, 0, "&download=1"}, {13, 500, "/0"}, {4, 9, "artifacts"}, {60, 1, "9"}, {44, 0, "%2f0"}, {14, 0, "../materials/"}} {
		f.Add(seed.at, seed.cut, seed.in)
	}
	f.Fuzz(func(t *testing.T, at, cut uint16, in string) {
		link := made.RequestURI()
		from := min(int(at), len(link))
		link = link[:from] + in + link[min(from+int(cut), len(link)):]
		if !strings.HasPrefix(link, "/v1/artifacts/") && !strings.HasPrefix(link, "/v1/materials/") {
			t.Skip("no link")
		}
		status, answer := q.send(t, "GET", link, "", "")
		if status != http.StatusOK {
			return
		}
		got, err := url.ParseRequestURI(link)
		if err != nil {
			t.Fatal(err)
		}
		sent, signed := got.Query(), made.Query()
		if got.Path != made.Path || sent.Get("expires") != signed.Get("expires") || !strings.EqualFold(sent.Get("signature"), signed.Get("signature")) || answer != string(gif) {
			t.Errorf("%s leads to %q", link, answer)
		}
	})
}

// What admins send is stored as it was sent, or refused.
func FuzzAdmin(f *testing.F) {
	for _, seed := range []string{
		`{"name":"farm","rate_limit":10,"daily_quota":5,"scopes":["task:read"],"expires_at":"2030-01-01T00:00:00Z","metadata":{"a":[1.0,"x"]}}`,
		`{"name":"\u0000"}`, `{"name":"a","NAME":"b"}`, `{"weight":0,"name":"a"}`, `{"name":"a","expires_at":"0000-01-01T00:00:00Z"}`, `{"model":"jimeng-video-3.0","prompt":"a","materials":[{"kind":"image"}]}`,
		`{"filter":{"status":["queued"],"from":"2026-01-01"},"dry_run":true}`, `{"key":"gw_"}`, `{"name":"a","metadata":{"é":1e400}}`,
	} {
		for route := range uint8(6) {
			f.Add(route, []byte(seed))
		}
	}
	q := fuzzRequests(f, auth.Admin)
	routes := []string{"POST /api/v1/keys", "PATCH /api/v1/keys/" + q.key.ID, "POST /api/v1/tasks/estimate", "POST /api/v1/tasks/delete", "POST /auth/key", "PATCH /api/v1/sessions/x"}
	f.Fuzz(func(t *testing.T, route uint8, body []byte) {
		n := int(route) % len(routes)
		method, path, _ := strings.Cut(routes[n], " ")
		if n == 1 { // not its own key, which it would lock out
			id := fmt.Sprintf("fuzz-%x", len(body)%4)
			path = "/api/v1/keys/" + id
			_ = shared.store.CreateKey(t.Context(), &store.Key{ID: id, Name: id, Hash: id, Prefix: id, Scopes: auth.DefaultScopes, Enabled: true, Weight: 1}) // once
		}
		status, answer := q.send(t, method, path, "application/json", string(body))
		if n > 1 || status/100 != 2 {
			return
		}
		var sent, got map[string]any
		if err := json.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatalf("%q: %v in %s", body, err, answer)
		}
		key := got["key"].(map[string]any)
		if json.Unmarshal(body, &sent) != nil {
			return // a number that no float holds
		}
		for name, value := range sent {
			stored, known := key[name]
			if text, isText := value.(string); isText && name == "expires_at" {
				if text != "" && (stored == nil || stored.(string)[:4] != text[:4] && !strings.Contains(text, "12-31") && !strings.Contains(text, "01-01")) {
					t.Errorf("%q: %s is %v", body, name, stored)
				}
				continue
			}
			if !known || value != nil && fmt.Sprint(stored) != fmt.Sprint(value) {
				t.Errorf("%q: %s is %v, not %v", body, name, stored, value)
			}
		}
	})
}
