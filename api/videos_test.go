package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/api"
)

const seedance = "jimeng-video-seedance-2.0"

// The main job with JSON and with files: submit, follow, play.
func TestVideoFromJSON(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	answer := g.json("POST", "/v1/videos/generations", `{"prompt":"a paper boat @1","file_paths":["https://files.example/boat.png"],"unknown":{"a":[1]}}`, http.StatusAccepted)
	id := answer["task"].(map[string]any)["id"].(string)
	want := fmt.Sprintf(`{"code":0,"message":"Task queued","data":[{"task_id":"%[1]s","status":"queued"}],"task":{"id":"%[1]s","status":"queued","poll_url":"/api/v1/tasks/%[1]s"}}`, id)
	if got := mustJSON(t, answer); got != mustJSON(t, decodeJSON(t, want)) {
		t.Errorf("answer %s, want %s", got, want)
	}
	task := g.await(id, "succeeded")
	for field, want := range map[string]any{
		"model": seedance, "prompt": "a paper boat @1", "duration": 4.0, "ratio": "9:16", "kind": "video",
		"error_kind": nil, "error_message": nil, "money": nil, "retry_of": nil, "request_id": nil, "queue_eta": nil, "resolution": nil, "priority": 0.0,
	} {
		if got := task[field]; got != want {
			t.Errorf("%s = %v, want %v", field, got, want)
		}
	}
	for _, field := range []string{"created_at", "updated_at", "started_at", "finished_at", "deadline", "start_deadline"} {
		if at, err := time.Parse(time.RFC3339, fmt.Sprint(task[field])); err != nil || at.Location() != time.UTC {
			t.Errorf("%s = %v: %v", field, task[field], err)
		}
	}
	materials := task["materials"].([]any)
	if m := materials[0].(map[string]any); len(materials) != 1 || m["url"] != "https://files.example/boat.png" || m["kind"] != "image" || m["size"] != nil {
		t.Errorf("materials %v", materials)
	}
}

func TestVideoFromForm(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	picture := pngFile(t)
	contentType, body := form(t,
		part{field: "files", file: `C:\pictures\a "boat" ü.png`, contentType: "image/png", content: picture},
		textPart("prompt", "a boat @1 and a wave @2"), textPart("duration", "5"), textPart("ratio", "16:9"),
		part{field: "anything", file: "wave.mp4", contentType: "application/octet-stream", content: mp4File},
		textPart("priority", "3"), textPart("model", "seedance-2.0"), textPart("unknown", "x"),
		part{field: "files", file: "", contentType: "application/octet-stream"}, // a file input in which nothing was chosen
	)
	res, raw := g.do("POST", "/v1/video/generations", contentType, body)
	id := g.decode(res, raw, http.StatusAccepted)["task"].(map[string]any)["id"].(string)
	task := g.await(id, "succeeded")
	if task["duration"] != 5.0 || task["ratio"] != "16:9" || task["priority"] != 3.0 || task["model"] != "seedance-2.0" {
		t.Errorf("task %v", task)
	}
	materials := task["materials"].([]any)
	if len(materials) != 2 {
		t.Fatalf("materials %v", materials)
	}
	first, second := materials[0].(map[string]any), materials[1].(map[string]any)
	if first["kind"] != "image" || first["content_type"] != "image/png" || first["size"] != float64(len(picture)) || first["name"] != `a "boat" ü.png` {
		t.Errorf("first material %v", first)
	}
	if second["kind"] != "video" || second["content_type"] != "video/mp4" {
		t.Errorf("second material %v", second)
	}
	again := g.task(g.submit(fmt.Sprintf(`{"prompt":"a boat","file_paths":[%q]}`, first["id"])))
	if got := again["materials"].([]any)[0].(map[string]any); got["id"] != first["id"] || got["name"] != first["name"] {
		t.Errorf("material of a request that names the first one's id: %v", got)
	}
	g.key = "" // the link is enough
	res, raw = g.do("GET", first["url"].(string), "", nil)
	if res.StatusCode != http.StatusOK || !bytes.Equal(raw, picture) || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("material: %s, %v", res.Status, res.Header)
	}
}

func TestPlayVideo(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	id := g.submit(`{"model":"jimeng-video-3.0","prompt":"a paper boat","duration":5}`)
	task := g.await(id, "succeeded")
	link := task["video_url"].(string)
	artifact := task["artifacts"].([]any)[0].(map[string]any)
	if artifact["url"] != link || !strings.HasPrefix(link, g.url+"/v1/artifacts/"+id+"/0?") {
		t.Errorf("link %q, artifact %v", link, artifact)
	}
	if again := g.task(id)["video_url"]; again != link {
		t.Errorf("the link changed from %q to %q, a player would begin anew", link, again)
	}

	g.key = ""
	res, video := g.do("GET", link, "", nil)
	sum := sha256.Sum256(video)
	etag := `"` + hex.EncodeToString(sum[:]) + `"`
	for name, want := range map[string]string{
		"Content-Type": "video/mp4", "Accept-Ranges": "bytes", "Etag": etag, "X-Content-Type-Options": "nosniff",
		"Content-Disposition": `inline; filename=` + id + `-0.mp4`,
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if res.StatusCode != http.StatusOK || artifact["sha256"] != hex.EncodeToString(sum[:]) || string(video[4:8]) != "ftyp" {
		t.Errorf("%s, %d bytes, artifact %v", res.Status, len(video), artifact)
	}
	res, head := g.do("HEAD", link, "", nil)
	if res.StatusCode != http.StatusOK || len(head) != 0 || res.ContentLength != int64(len(video)) {
		t.Errorf("HEAD: %s, %d bytes", res.Status, res.ContentLength)
	}
	res, some := g.do("GET", link, "", nil, "Range", "bytes=4-7")
	if res.StatusCode != http.StatusPartialContent || string(some) != "ftyp" {
		t.Errorf("range: %s, %q", res.Status, some)
	}
	if res, _ = g.do("GET", link, "", nil, "Range", "bytes=999999999-"); res.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("range beyond the end: %s", res.Status)
	}
	if res, _ = g.do("GET", link, "", nil, "If-None-Match", etag); res.StatusCode != http.StatusNotModified {
		t.Errorf("same ETag: %s", res.Status)
	}
	if res, _ = g.do("GET", link, "", nil, "Range", "bytes=0-3", "If-Range", `"other"`); res.StatusCode != http.StatusOK {
		t.Errorf("If-Range with another ETag: %s", res.Status)
	}

	for name, bad := range map[string]string{
		"other artifact":  strings.Replace(link, "/0?", "/1?", 1),
		"other task":      strings.Replace(link, id, strings.Repeat("0", 26), 1),
		"other kind":      strings.Replace(link, "artifacts", "materials", 1),
		"later":           strings.Replace(link, "expires=", "expires=9", 1),
		"no signature":    link[:strings.Index(link, "?")],
		"broken query":    link[:strings.Index(link, "?")] + "?expires=%zz&signature=;",
		"wrong signature": link[:len(link)-4] + "0000",
	} {
		if res, raw := g.do("GET", bad, "", nil); res.StatusCode != http.StatusForbidden || !strings.Contains(string(raw), "link_invalid") {
			t.Errorf("%s: %s %s", name, res.Status, raw)
		}
	}
}

func TestLinkExpires(t *testing.T) {
	t.Parallel()
	long := serve(t, nil).as("")
	id := long.submit(`{"model":"jimeng-video-3.0","prompt":"a paper boat","duration":5}`)
	link := long.await(id, "succeeded")["video_url"].(string)
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	var expires int64
	if _, err := fmt.Sscan(u.Query().Get("expires"), &expires); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(time.Unix(expires, 0)); left < 24*time.Hour || left > 25*time.Hour {
		t.Errorf("the link works for %v, want a day", left)
	}
	public := serve(t, func(c *api.Config) { c.PublicURL = "https://video.example/" })
	public.key = long.key
	if link := public.task(id)["video_url"].(string); !strings.HasPrefix(link, "https://video.example/v1/artifacts/") {
		t.Errorf("link %q does not begin with the public URL", link)
	}
}

func TestCancelAndRetry(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as(`{"name":"c","scopes":["video:create","task:read","task:cancel","task:retry"]}`)
	id := g.submit(`{"model":"jimeng-video-3.0","prompt":"a slow boat [[delay:1h]]","duration":5}`)
	res, raw := g.do("POST", "/api/v1/tasks/"+id+"/retry", "", nil)
	if res.StatusCode != http.StatusConflict || !strings.Contains(string(raw), "task_not_ended") {
		t.Errorf("retry of a running task: %s %s", res.Status, raw)
	}
	answer := g.json("POST", "/api/v1/tasks/"+id+"/cancel", "", http.StatusOK)
	if answer["ok"] != true || answer["money"] == "" || answer["task"].(map[string]any)["status"] != "cancelled" {
		t.Errorf("cancel: %v", answer)
	}
	problem := g.json("POST", "/api/v1/tasks/"+id+"/cancel", "", http.StatusConflict)
	if problem["code"] != "task_ended" || problem["status"] != 409.0 || problem["title"] != "Conflict" || problem["type"] != "/api/docs#task_ended" {
		t.Errorf("second cancel: %v", problem)
	}
	again := g.json("POST", "/api/v1/tasks/"+id+"/retry", "", http.StatusCreated)
	task := again["task"].(map[string]any)
	if again["retry_of"] != id || task["retry_of"] != id || task["id"] == id || task["prompt"] != "a slow boat [[delay:1h]]" {
		t.Errorf("retry: %v", again)
	}
	g.json("POST", "/api/v1/tasks/"+task["id"].(string)+"/cancel", "", http.StatusOK)
}

// Nobody sees or touches another key's tasks, not even that they exist.
func TestOwnTasksOnly(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	const all = `{"name":"x","scopes":["video:create","task:read","task:cancel","task:retry"]}`
	owner, other := admin.as(all), admin.as(all)
	id := owner.submit(`{"model":"jimeng-video-3.0","prompt":"mine [[delay:1h]]","duration":5}`)
	for _, call := range []string{"GET /api/v1/tasks/" + id, "POST /api/v1/tasks/" + id + "/cancel", "POST /api/v1/tasks/" + id + "/retry"} {
		method, path, _ := strings.Cut(call, " ")
		foreign := other.json(method, path, "", http.StatusNotFound)
		missing := other.json(method, strings.Replace(path, id, "01jzzzzzzzzzzzzzzzzzzzzzzz", 1), "", http.StatusNotFound)
		if mustJSON(t, foreign) != mustJSON(t, missing) {
			t.Errorf("%s tells a foreign task from a missing one: %v, %v", call, foreign, missing)
		}
	}
	if list := other.json("GET", "/api/v1/tasks", "", http.StatusOK)["tasks"].([]any); len(list) != 0 {
		t.Errorf("list of the other key: %v", list)
	}
	if stats := other.json("GET", "/api/v1/stats", "", http.StatusOK); stats["total"] != 0.0 {
		t.Errorf("stats of the other key: %v", stats)
	}
	if stats := owner.json("GET", "/api/v1/stats", "", http.StatusOK); stats["total"] != 1.0 {
		t.Errorf("stats of the owner: %v", stats)
	}
	if task := admin.task(id); task["status"] == "cancelled" {
		t.Error("the other key cancelled the task")
	}
	admin.json("POST", "/api/v1/tasks/"+id+"/cancel", "", http.StatusOK)
}

func TestListPages(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	var ids []string
	for i := range 5 {
		ids = append(ids, g.submit(fmt.Sprintf(`{"model":"jimeng-video-3.0","prompt":"boat %d","duration":5}`, i)))
	}
	var seen []string
	before := ""
	for range 3 {
		page := g.json("GET", "/api/v1/tasks?limit=2&cursor="+before, "", http.StatusOK)
		for _, task := range page["tasks"].([]any) {
			seen = append(seen, task.(map[string]any)["id"].(string))
		}
		next, _ := page["next"].(string)
		if before = next; next == "" {
			break
		}
	}
	if before != "" || len(seen) != 5 {
		t.Fatalf("pages gave %v, next %q", seen, before)
	}
	for i := range ids {
		if seen[i] != ids[4-i] {
			t.Errorf("order %v, want the newest first of %v", seen, ids)
			break
		}
	}
	for _, id := range ids {
		g.await(id, "succeeded")
	}
	if list := g.json("GET", "/api/v1/tasks?status=queued", "", http.StatusOK)["tasks"].([]any); len(list) != 0 {
		t.Errorf("queued: %v", list)
	}
	for query, field := range map[string]string{"limit=0": "limit", "limit=501": "limit", "limit=x": "limit", "status=running": "status"} {
		problem := g.json("GET", "/api/v1/tasks?"+query, "", http.StatusBadRequest)
		if !strings.HasPrefix(problem["detail"].(string), field) || problem["code"] != "invalid_request" {
			t.Errorf("%s: %v", query, problem)
		}
	}
}

// A client that goes away in the middle of a file leaves nothing behind.
func TestClientGoesAway(t *testing.T) {
	t.Parallel()
	g, files := serveOwnBlobs(t, nil)
	contentType, body := form(t, part{field: "files", file: "a.png", content: pngFile(t)}, part{field: "files", file: "b.mp4", content: mp4File})
	half := body.Bytes()[:body.Len()-300]
	reader, writer := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), "POST", g.url+"/v1/videos/generations", reader)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+g.key)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if res, err := g.client.Do(r); err == nil {
			res.Body.Close()
		}
	}()
	if _, err := writer.Write(half); err != nil {
		t.Fatal(err)
	}
	writer.CloseWithError(io.ErrClosedPipe)
	<-done
	deadline := time.After(10 * time.Second)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for len(files()) > 0 {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("left behind: %q", files())
		}
	}
}

// BenchmarkSubmit is a durable submit with a key, without the network around it.
func BenchmarkSubmit(b *testing.B) {
	handler, key := benchmark(b)
	const body = `{"model":"jimeng-video-3.0","prompt":"a boat [[delay:1h]]","duration":5,"start_timeout":600}`
	b.ReportAllocs()
	b.SetParallelism(64) // as many clients as make one batch worth its fsync
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequest("POST", "/v1/videos/generations", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+key)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			if handler.ServeHTTP(w, r); w.Code != http.StatusAccepted {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
		}
	})
}

// BenchmarkRefuse is what everything but the queue costs: the key, the limits,
// the parsing, and an answer.
func BenchmarkRefuse(b *testing.B) {
	handler, key := benchmark(b)
	const body = `{"model":"jimeng-video-3.0","prompt":"a boat","duration":99}`
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/v1/videos/generations", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}

// BenchmarkRead is a read of the state of a task, which clients ask for again
// and again.
func BenchmarkRead(b *testing.B) {
	handler, key := benchmark(b)
	send := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	w := send("POST", "/v1/videos/generations", `{"model":"jimeng-video-3.0","prompt":"a boat","duration":5}`)
	path := w.Header().Get("Location")
	for !strings.Contains(send("GET", path, "").Body.String(), "succeeded") {
	}
	b.ReportAllocs()
	for b.Loop() {
		if w := send("GET", path, ""); w.Code != http.StatusOK {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}
