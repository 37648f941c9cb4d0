package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// seed submits a video that the simulated upstream polls for, so that its result
// can be spoilt.
func (g *gateway) seed(prompt string) (id string) {
	g.t.Helper()
	return g.submit(fmt.Sprintf(`{"prompt":%q,"file_paths":["https://files.example/boat.png"]}`, prompt+" @1"))
}

// release lets the result go on that [[file:hold]] has stopped.
func (g *gateway) release(task map[string]any) {
	g.t.Helper()
	w := httptest.NewRecorder()
	shared.sim.ServeHTTP(w, httptest.NewRequest("POST", "/_simulator/release/"+task["history_record_id"].(string), nil))
	if w.Code != http.StatusNoContent {
		g.t.Fatalf("release: HTTP %d", w.Code)
	}
}

// open requests the link until the file has begun to come.
func (g *gateway) open(link string, header ...string) *http.Response {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 30*time.Second)
	g.t.Cleanup(cancel)
	for {
		r, err := http.NewRequestWithContext(ctx, "GET", link, nil)
		if err != nil {
			g.t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := g.client.Do(r)
		if err != nil {
			g.t.Fatal(err)
		}
		g.t.Cleanup(func() { res.Body.Close() })
		if res.StatusCode != http.StatusServiceUnavailable {
			return res
		}
		if res.Header.Get("Retry-After") == "" {
			g.t.Error("503 without Retry-After")
		}
		io.Copy(io.Discard, res.Body)
	}
}

// aVideo is what every simulated video is.
func (g *gateway) aVideo() []byte {
	g.t.Helper()
	id := g.submit(`{"model":"jimeng-video-3.0","prompt":"a paper boat","duration":5}`)
	res, video := g.do("GET", g.await(id, "succeeded")["video_url"].(string), "", nil)
	if res.StatusCode != http.StatusOK {
		g.t.Fatal(res.Status)
	}
	return video
}

func TestPlayWhileItIsFetched(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	video := g.aVideo()
	half := len(video) / 2
	id := g.seed("a boat [[file:hold]]")
	task := g.await(id, "downloading")
	artifacts := task["artifacts"].([]any)
	link, _ := task["video_url"].(string)
	if len(artifacts) != 1 || link == "" || artifacts[0].(map[string]any)["url"] != link || artifacts[0].(map[string]any)["ready"] != false ||
		artifacts[0].(map[string]any)["size"] != nil || task["delay_reason"] != nil {
		t.Fatalf("task: %v", task)
	}
	whole := g.open(link)
	first := make([]byte, half)
	if _, err := io.ReadFull(whole.Body, first); err != nil || !bytes.Equal(first, video[:half]) {
		t.Fatalf("first half: %v", err)
	}
	if whole.ContentLength != int64(len(video)) || whole.Header.Get("Etag") != "" || whole.Header.Get("Last-Modified") != "" ||
		whole.Header.Get("Cache-Control") != "no-store" || whole.Header.Get("Content-Type") != "video/mp4" || whole.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("answer: %s %v", whole.Status, whole.Header)
	}
	res, some := g.do("GET", link, "", nil, "Range", "bytes=4-7")
	if res.StatusCode != http.StatusPartialContent || string(some) != "ftyp" {
		t.Errorf("range that is there: %s %q", res.Status, some)
	}
	if res, _ := g.do("HEAD", link, "", nil); res.StatusCode != http.StatusOK || res.ContentLength != int64(len(video)) {
		t.Errorf("HEAD: %s, %d bytes", res.Status, res.ContentLength)
	}
	if res, _ := g.do("GET", link, "", nil, "Range", fmt.Sprintf("bytes=%d-", len(video))); res.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("range beyond the end: %s", res.Status)
	}
	// A player looks at the end first, and so gets its headers at once and waits
	// for the bytes.
	end := g.open(link, "Range", "bytes=-100")
	several := g.open(link, "Range", "bytes=0-1,-100")
	if end.StatusCode != http.StatusPartialContent || several.StatusCode != http.StatusOK {
		t.Errorf("ranges that are not there: %s, %s", end.Status, several.Status)
	}
	if g.task(id)["status"] != "downloading" {
		t.Error("the task went on without its file")
	}
	g.release(task)
	rest, err := io.ReadAll(whole.Body)
	if err != nil || !bytes.Equal(append(first, rest...), video) {
		t.Errorf("the rest: %d bytes, %v", len(rest), err)
	}
	if last, err := io.ReadAll(end.Body); err != nil || !bytes.Equal(last, video[len(video)-100:]) {
		t.Errorf("the end: %d bytes, %v", len(last), err)
	}
	if all, err := io.ReadAll(several.Body); err != nil || !bytes.Equal(all, video) {
		t.Errorf("several ranges: %d bytes, %v", len(all), err)
	}
	done := g.await(id, "succeeded")
	artifact := done["artifacts"].([]any)[0].(map[string]any)
	if done["video_url"] != link || artifact["ready"] != true || artifact["size"] != float64(len(video)) || artifact["expired"] != false {
		t.Errorf("task: %v", done)
	}
	res, all := g.do("GET", link, "", nil)
	if !bytes.Equal(all, video) || res.Header.Get("Etag") == "" {
		t.Errorf("afterwards: %s, %d bytes, %v", res.Status, len(all), res.Header)
	}
}

func TestPlayWhileTheSizeIsNotKnown(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	video := g.aVideo()
	id := g.seed("a boat [[file:hold_open]]")
	task := g.await(id, "downloading")
	link := task["video_url"].(string)
	res := g.open(link, "Range", "bytes=-100")
	first := make([]byte, len(video)/2)
	if _, err := io.ReadFull(res.Body, first); err != nil || res.StatusCode != http.StatusOK || res.ContentLength >= 0 || res.Header.Get("Accept-Ranges") != "none" {
		t.Fatalf("answer: %s %v: %v", res.Status, res.Header, err)
	}
	if res, _ := g.do("HEAD", link, "", nil); res.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %s", res.Status)
	}
	g.release(task)
	rest, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Equal(append(first, rest...), video) {
		t.Errorf("the rest: %d bytes, %v", len(rest), err)
	}
	g.await(id, "succeeded")
}

// What cannot be had whole must not look whole.
func TestReadersOfAFailedFetchNotice(t *testing.T) {
	t.Parallel()
	for _, directive := range []string{"hold", "hold_open"} {
		t.Run(directive, func(t *testing.T) {
			t.Parallel()
			g := serve(t, nil).as(`{"name":"c","scopes":["video:create","task:read","task:cancel"]}`)
			id := g.seed("a boat [[file:" + directive + "]]")
			link := g.await(id, "downloading")["video_url"].(string)
			res := g.open(link)
			if _, err := io.ReadFull(res.Body, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			g.json("POST", "/api/v1/tasks/"+id+"/cancel", "", http.StatusOK)
			if n, err := io.Copy(io.Discard, res.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("the answer ended well after %d bytes: %v", n, err)
			}
			if res, raw := g.do("GET", link, "", nil); res.StatusCode != http.StatusNotFound {
				t.Errorf("link of a cancelled task: %s %s", res.Status, raw)
			}
		})
	}
}

func TestWhatATaskTellsOfItsFiles(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as(`{"name":"c","scopes":["video:create","task:read"]}`)
	task := g.await(g.seed("a boat"), "succeeded")
	artifacts := task["artifacts"].([]any)
	video := artifacts[0].(map[string]any)
	if video["width"] != 480.0 || video["height"] != 270.0 || video["length"] != 3.0 || video["content_type"] != "video/mp4" ||
		video["poster"] != false || video["expires_at"] != nil || video["url"] != task["video_url"] {
		t.Errorf("video: %v", video)
	}
	if task["image_urls"] != nil {
		t.Errorf("images of a video: %v", task["image_urls"])
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if len(artifacts) != 1 || task["poster_url"] != nil {
			t.Errorf("a poster from nowhere: %v", task)
		}
		return
	}
	poster := artifacts[1].(map[string]any)
	if poster["poster"] != true || poster["kind"] != "image" || poster["url"] != task["poster_url"] || poster["length"] != nil {
		t.Errorf("poster: %v", poster)
	}
	res, still := g.do("GET", task["poster_url"].(string), "", nil)
	if picture, err := jpeg.DecodeConfig(bytes.NewReader(still)); err != nil || res.Header.Get("Content-Type") != "image/jpeg" || picture.Width != 480 {
		t.Errorf("poster: %s, %v, %v", res.Status, picture, err)
	}
}

func TestAResultThatDoesNotComeIsExplained(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as(`{"name":"c","scopes":["video:create","task:read","task:cancel"]}`)
	id := g.seed("a boat [[file:forbidden]]")
	var task map[string]any
	wait(t, func() bool {
		task = g.task(id)
		return task["delay_reason"] != nil
	})
	if task["status"] != "downloading" || task["error_message"] != nil || !strings.Contains(task["delay_reason"].(string), "HTTP 403") {
		t.Errorf("task: %v", task)
	}
	res, raw := g.do("GET", task["video_url"].(string), "", nil)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !strings.Contains(string(raw), "artifact_not_ready") {
		t.Errorf("link: %s %s", res.Status, raw)
	}
	g.json("POST", "/api/v1/tasks/"+id+"/cancel", "", http.StatusOK)
	if task := g.task(id); task["delay_reason"] != nil {
		t.Errorf("cancelled task: %v", task)
	}
}

// wait waits until ok.
func wait(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("it never came")
		}
	}
}

func TestRangesAndValidators(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	id := g.submit(`{"model":"jimeng-video-3.0","prompt":"a paper boat","duration":5}`)
	link := g.await(id, "succeeded")["video_url"].(string)
	res, video := g.do("GET", link, "", nil)
	etag, modified := res.Header.Get("Etag"), res.Header.Get("Last-Modified")
	size := len(video)
	const ok, partial, unsatisfiable, unmodified, failed = 200, 206, 416, 304, 412
	for _, c := range []struct {
		header []string
		status int
		length int // of the body, -1 for any
	}{
		{[]string{"Range", "bytes=0-0"}, partial, 1},
		{[]string{"Range", "bytes=-1"}, partial, 1},
		{[]string{"Range", "bytes=0-"}, partial, size},
		{[]string{"Range", "bytes=0-999999999999"}, partial, size},
		{[]string{"Range", fmt.Sprintf("bytes=%d-", size-5)}, partial, 5},
		{[]string{"Range", "bytes=-999999999999"}, partial, size},
		{[]string{"Range", "bytes=-0"}, ok, size},
		{[]string{"Range", "bytes=0-3, -00"}, ok, size},
		{[]string{"Range", "bytes=0-3,8-11"}, partial, -1},
		{[]string{"Range", "bytes=" + strings.Repeat("0-,", 1000) + "0-"}, ok, size},
		{[]string{"Range", fmt.Sprintf("bytes=%d-", size)}, unsatisfiable, -1},
		{[]string{"Range", "bytes=5-2"}, unsatisfiable, -1},
		{[]string{"Range", "bytes=a-b"}, unsatisfiable, -1},
		{[]string{"Range", "bytes=--5"}, unsatisfiable, -1},
		{[]string{"Range", "bytes=99999999999999999999-"}, unsatisfiable, -1},
		{[]string{"Range", "lines=1-2"}, unsatisfiable, -1},
		{[]string{"Range", "bytes"}, unsatisfiable, -1},
		{[]string{"Range", "bytes=0-3", "If-Range", etag}, partial, 4},
		{[]string{"Range", "bytes=0-3", "If-Range", "W/" + etag}, ok, size},
		{[]string{"Range", "bytes=0-3", "If-Range", modified}, partial, 4},
		{[]string{"If-None-Match", etag}, unmodified, 0},
		{[]string{"If-None-Match", `"a", ` + etag}, unmodified, 0},
		{[]string{"If-None-Match", `"a"`}, ok, size},
		{[]string{"If-Match", `"a"`}, failed, -1},
		{[]string{"If-Modified-Since", modified}, unmodified, 0},
	} {
		res, body := g.do("GET", link, "", nil, c.header...)
		if res.StatusCode != c.status || c.length >= 0 && len(body) != c.length {
			t.Errorf("%.80q: %s, %d bytes, want %d and %d", c.header, res.Status, len(body), c.status, c.length)
		}
		if res.StatusCode == unsatisfiable && len(body) > 200 {
			t.Errorf("%q: %d bytes of an error", c.header, len(body))
		}
	}
	for suffix, want := range map[string]string{"": "inline", "&download=1": "attachment", "&download=0": "inline"} {
		res, body := g.do("GET", link+suffix, "", nil)
		if got := res.Header.Get("Content-Disposition"); got != want+"; filename="+id+"-0.mp4" || len(body) != size {
			t.Errorf("%q: %s %q", suffix, res.Status, got)
		}
	}
}

func TestLinksThatNobodyMade(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	id := g.submit(`{"model":"jimeng-video-3.0","prompt":"a paper boat","duration":5}`)
	link := g.await(id, "succeeded")["video_url"].(string)
	at := strings.Index(link, "/v1/artifacts/")
	query := link[strings.Index(link, "?"):]
	for _, path := range []string{
		"/v1/artifacts/" + id + "/-1", "/v1/artifacts/" + id + "/00", "/v1/artifacts/" + id + "/0x0", "/v1/artifacts/" + id + "/99999999999999999999",
		"/v1/artifacts/..%2f..%2fetc%2fpasswd/0", "/v1/artifacts/" + id + "/..%2f0", "/v1/artifacts/%00/0", "/v1/artifacts/" + strings.ToUpper(id) + "/0",
		"/v1/artifacts/" + strings.Repeat("a", 5000) + "/0", "/v1/materials/" + id + "/0", "/v1/artifacts/%ff/0",
	} {
		res, raw := g.do("GET", link[:at]+path+query, "", nil)
		if res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusNotFound || !bytes.Contains(raw, []byte(`"code"`)) {
			t.Errorf("%.60s: %s %.100s", path, res.Status, raw)
		}
	}
}

func TestAFileThatWasDeletedIsGone(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	id := g.submit(`{"model":"jimeng-video-3.0","prompt":"a paper boat","duration":5}`)
	link := g.await(id, "succeeded")["video_url"].(string)
	row, err := shared.store.Task(t.Context(), "", id)
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.DropArtifacts(row) }); err != nil {
		t.Fatal(err)
	}
	task := g.task(id)
	artifact := task["artifacts"].([]any)[0].(map[string]any)
	if task["status"] != "succeeded" || task["video_url"] != nil || artifact["expired"] != true || artifact["url"] != nil || artifact["size"] == nil || artifact["ready"] != false {
		t.Errorf("task: %v", task)
	}
	res, raw := g.do("GET", link, "", nil)
	if res.StatusCode != http.StatusGone || !strings.Contains(string(raw), "artifact_expired") {
		t.Errorf("link: %s %s", res.Status, raw)
	}
}
