package api_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/api"
)

// bomb is a PNG of some bytes that says it has more pixels than any memory.
func bomb() []byte {
	chunk := func(kind string, data []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		b = append(append(b, kind...), data...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	header := binary.BigEndian.AppendUint32(nil, 60_000)
	header = append(binary.BigEndian.AppendUint32(header, 60_000), 8, 0, 0, 0, 0)
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", header), chunk("IDAT", []byte{0x78, 0x9c, 3, 0, 0, 0, 0, 1}), chunk("IEND", nil))
}

func zipped(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("evil.html")
	if err == nil {
		_, err = io.WriteString(f, "<script>")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every attack gets one clear 4xx that names the field, in both dialects and in
// both forms, and leaves nothing.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	g, files := serveOwnBlobs(t, nil)
	picture := pngFile(t)
	for name, test := range map[string]struct {
		file    part
		status  int
		message string
	}{
		"lying type":     {part{file: "a.jpg", contentType: "image/jpeg", content: picture}, 400, "declared as image/jpeg and is image/png"},
		"polyglot":       {part{file: "a.png", content: append(bytes.Clone(picture), zipped(t)...)}, 400, "two things at once"},
		"web page":       {part{file: "a.png", content: []byte("<!DOCTYPE html><script>alert(1)</script>")}, 400, "one is text/html"},
		"image bomb":     {part{file: "a.png", content: bomb()}, 413, "60000 × 60000 pixels"},
		"truncated MP4":  {part{file: "a.mp4", content: mp4File[:len(mp4File)/2]}, 400, "damaged"},
		"truncated PNG":  {part{file: "a.png", content: picture[:len(picture)-20]}, 400, "damaged"},
		"half a header":  {part{file: "a.mp4", content: mp4File[:20]}, 400, "damaged"},
		"empty":          {part{file: "a.png"}, 400, "must not be empty"},
		"name with path": {part{file: "../../../../etc/passwd", content: []byte("root:x:0:0")}, 400, "one is text/plain"},
	} {
		t.Run(name, func(t *testing.T) {
			g := *g
			g.t = t
			test.file.field = "files"
			contentType, body := form(t, part{field: "files", file: "good.png", content: picture}, test.file, textPart("prompt", "a boat"))
			whole := body.String()
			res, raw := g.do("POST", "/v1/videos/generations", contentType, strings.NewReader(whole))
			refused(t, &g, files, res, raw, test.status, "files[1]", test.message)
			inJSON := fmt.Sprintf(`{"prompt":"a boat","files":[{"data":%q},{"data":%q,"filename":%q,"mime_type":%q}]}`,
				inBase64(picture), inBase64(test.file.content), test.file.file, test.file.contentType)
			for path, body := range map[string]string{"/api/v1/tasks": inJSON, "/v1/videos/generations": inJSON} {
				res, raw := g.do("POST", path, "application/json", strings.NewReader(body))
				if res.StatusCode != test.status || !strings.Contains(string(raw), "files[1].data: ") || !strings.Contains(string(raw), test.message) {
					t.Errorf("%s: %s %s", path, res.Status, raw)
				}
			}
			res, raw = g.do("POST", "/api/v1/materials", contentType, strings.NewReader(whole))
			if res.StatusCode != test.status || !strings.Contains(string(raw), test.message) {
				t.Errorf("materials: %s %s", res.Status, raw)
			}
			if list := files(); len(list) != 0 {
				t.Errorf("left behind: %q", list)
			}
		})
	}
	if list := g.json("GET", "/api/v1/materials", "", http.StatusOK)["materials"].([]any); len(list) != 0 {
		t.Errorf("materials %v", list)
	}
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	g, files := serveOwnBlobs(t, nil)
	picture := fmt.Sprintf(`{"data":%q}`, inBase64(pngFile(t)))
	large := strings.Repeat("A", 100_000)
	for name, test := range map[string]struct {
		body           string
		status         int
		field, message string
	}{
		"data and url":                 {`{"prompt":"a","files":[{"data":"AAAA","url":"https://x.example/a.png"}]}`, 400, "files[0]", "both data and url"},
		"url and id":                   {`{"prompt":"a","files":[{"id":"mat_x","url":"https://x.example/a.png"}]}`, 400, "files[0]", "both url and id"},
		"nothing":                      {`{"prompt":"a","files":[{"filename":"a.png"}]}`, 400, "files[0]", "needs data, url or id"},
		"data twice":                   {`{"prompt":"a","files":[{"data":"AAAA","data":"AAAA"}]}`, 400, "files[0].data", "given twice"},
		"data twice, large":            {`{"prompt":"a","files":[` + strings.Replace(picture, `"}`, large+`"}`, 1) + `],"files":[]}`, 400, "files[0].data", ""},
		"foreign id":                   {`{"prompt":"a","file_paths":["mat_01jzzzzzzzzzzzzzzzzzzzzzzz"]}`, 400, "file_paths[0]", "there is no material"},
		"id with NUL":                  {`{"prompt":"a","files":[{"id":"mat_\u0000"}]}`, 400, "files[0].id", ""},
		"two lists":                    {`{"prompt":"a","file_paths":["https://x.example/a.png"],"filePaths":["https://x.example/b.png"]}`, 400, "filePaths", "another name"},
		"control":                      {`{"prompt":"a\u0007b"}`, 400, "prompt", "U+0007"},
		"bidi":                         {`{"prompt":"a\u202eb"}`, 400, "prompt", "U+202E"},
		"bidi isolate":                 {`{"prompt":"a\u2066b"}`, 400, "prompt", "U+2066"},
		"deep":                         {`{"prompt":"a","files":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, 400, "files", "32 levels"},
		"deep and large":               {`{"prompt":"a","x":"` + large + `","y":` + strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40) + `}`, 400, "y", "32 levels"},
		"prompt of a model":            {`{"prompt":"` + strings.Repeat("a", 70_000) + `"}`, 400, "prompt", "at most 65536"},
		"raw in file_paths":            {`{"prompt":"a","file_paths":["` + large + `"]}`, 400, "file_paths[0]", "longer than a URL"},
		"long URL":                     {`{"prompt":"a","file_paths":["https://x.example/` + large + `"]}`, 400, "file_paths[0]", "longer than a URL"},
		"not base64":                   {`{"prompt":"a","files":[{"data":"` + large + `!"}]}`, 400, "files[0].data", ""},
		"no end":                       {`{"prompt":"a","files":[` + strings.TrimRight(strings.TrimSuffix(picture, `"}`), "=") + large, 400, "body", "does not end"},
		"too large, unkept":            {`{"prompt":"a","x":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "body", "without the files"},
		"garbage after":                {`{"prompt":"a","x":"` + large + `"} {}`, 400, "body", "after top-level value"},
		"a bare list":                  {`["` + large + `"]`, 400, "body", "must be a JSON object"},
		"kind":                         {`{"prompt":"a","kind":"sound"}`, 400, "kind", "video or image"},
		"image with a length":          {`{"prompt":"a","kind":"image","duration":5}`, 400, "duration", "is for videos"},
		"video with an image's option": {`{"prompt":"a","model":"jimeng-video-3.0","sample_strength":0.5}`, 400, "sample_strength", "is for images"},
		"kind of the model":            {`{"prompt":"a","kind":"image","model":"jimeng-video-3.0"}`, 400, "model", "jimeng-4.5"},
	} {
		t.Run(name, func(t *testing.T) {
			g := *g
			g.t = t
			res, raw := g.do("POST", "/api/v1/tasks", "application/json", strings.NewReader(test.body))
			answer := g.decode(res, raw, test.status)
			if detail := answer["detail"].(string); !strings.HasPrefix(detail, test.field) || !strings.Contains(detail, test.message) {
				t.Errorf("%s, want %s and %q", raw, test.field, test.message)
			}
			if list := files(); len(list) != 0 {
				t.Errorf("left behind: %q", list)
			}
		})
	}
	if list := g.json("GET", "/api/v1/tasks", "", http.StatusOK)["tasks"].([]any); len(list) != 0 {
		t.Errorf("tasks %v", list)
	}
}

// endless repeats a text and counts how often it was asked for.
type endless struct {
	text string
	rest []byte
	n    atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		e.n.Add(1)
		e.rest = []byte(e.text)
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// A million parts are answered after the first hundred.
func TestMillionParts(t *testing.T) {
	t.Parallel()
	g, files := serveOwnBlobs(t, nil)
	for name, text := range map[string]string{
		"texts":       "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n",
		"empty files": "--b\r\nContent-Disposition: form-data; name=\"x\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n",
		"no name":     "--b\r\n\r\ny\r\n",
	} {
		parts := &endless{text: text}
		r, err := http.NewRequestWithContext(t.Context(), "POST", g.url+"/v1/videos/generations", parts)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+g.key)
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		// The server closes the connection while the client still sends, so that
		// the client may not see the answer.
		if res, err := g.client.Do(r); err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %s", name, res.Status)
			}
		}
		if n := parts.n.Load(); n > 500_000 {
			t.Errorf("%s: %d parts were read", name, n)
		}
	}
	if list := files(); len(list) != 0 {
		t.Errorf("left behind: %q", list)
	}
}

// However large an upload is, and in whatever form, the gateway needs next to no
// memory for it.
func TestMemoryOfUploads(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 600 MB")
	}
	const length = 300 << 20
	// They are refused after the last byte, which spares the disk.
	g, files := serveOwnBlobs(t, func(c *api.Config) {
		c.Materials.Video, c.Materials.Total = api.KindLimits{Size: 1 << 30, Length: time.Second}, 1<<30
	})
	video := func() io.Reader {
		head := binary.BigEndian.AppendUint32(bytes.Clone(mp4File), length)
		head = append(head, "free"...)
		return io.MultiReader(bytes.NewReader(head), io.LimitReader(zeros{}, length-8))
	}
	inForm := func() io.Reader {
		return io.MultiReader(strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.mp4\"\r\n\r\n"), video(), strings.NewReader("\r\n--b--\r\n"))
	}
	inJSON := func() io.Reader {
		r, w := io.Pipe()
		go func() { w.CloseWithError(writeFileInJSON(w, video())) }()
		return r
	}
	for name, test := range map[string]struct {
		contentType string
		body        func() io.Reader
	}{"form": {"multipart/form-data; boundary=b", inForm}, "JSON": {"application/json", inJSON}} {
		peak := watchHeap(t)
		res, raw := g.do("POST", "/api/v1/materials", test.contentType, test.body())
		if problem := g.decode(res, raw, http.StatusRequestEntityTooLarge); !strings.Contains(problem["detail"].(string), "takes 3s") {
			t.Errorf("%s: %v", name, problem)
		}
		if grown := peak(); grown > 32<<20 {
			t.Errorf("%s: the heap grew by %d MiB", name, grown>>20)
		}
		if list := files(); len(list) != 0 {
			t.Errorf("%s: left behind: %q", name, list)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// watchHeap measures how much the heap grows until it is asked.
func watchHeap(t *testing.T) (peak func() uint64) {
	t.Helper()
	runtime.GC()
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	before := inUse()
	ctx, stop := context.WithCancel(t.Context())
	result := make(chan uint64)
	go func() {
		most := before
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			most = max(most, inUse())
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
		result <- most - before
	}()
	return func() uint64 {
		stop()
		return <-result
	}
}
