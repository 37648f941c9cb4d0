package api

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// standalone is an API without anything behind it but the blob store.
func standalone(t testing.TB, blobs blob.Store) *api {
	a := &api{Config: Config{Blobs: blobs, Logger: zap.NewNop(), Queue: &queue.Queue{}}}
	a.Materials.setDefaults()
	return a
}

func parseJSON(t testing.TB, a *api, body []byte) (*create, error) {
	c := a.newCreate(videoFields, upstream.Video)
	return c, c.parseJSON(t.Context(), body)
}

func TestParseJSON(t *testing.T) {
	t.Parallel()
	c, err := parseJSON(t, standalone(t, nil), []byte(` {"model":" seedance-2.0 ","prompt":" a\nb ","duration":5.0,"ratio":null,"resolution":"720p","priority":-3,
		"start_timeout":60,"timeout":3600,"file_paths":["http://a.example/1.png"],"filePaths":["http://a.example/2.mp4","http://a.example/3.wav"],
		"size":null,"webhook_url":"","files":[],"Prompt":"another field","n":4} `))
	if err != nil {
		t.Fatal(err)
	}
	n := c.task
	if n.Model != "seedance-2.0" || n.Prompt != " a\nb " || n.Duration != 5 || n.Ratio != "" || n.Resolution != "720p" || n.Priority != -3 ||
		n.StartDeadline != time.Minute || n.Deadline != time.Hour {
		t.Errorf("task %+v", n)
	}
	if in := c.inputs; len(in["file_paths"]) != 1 || len(in["filePaths"]) != 2 || in["filePaths"][1] != (input{field: "filePaths[1]", url: "http://a.example/3.wav"}) {
		t.Errorf("materials %v", in)
	}
}

func TestCheckType(t *testing.T) {
	t.Parallel()
	const mp4, mov, m4v = "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42", "\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ", "\x00\x00\x00\x18ftypM4V \x00\x00\x00\x01M4V mp42"
	const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00"
	tests := []struct{ head, declared, want, kind string }{
		{png, "image/png", "image/png", "image"},
		{png, "", "image/png", "image"},
		{png, "application/octet-stream", "image/png", "image"},
		{png, "image/png; charset=binary", "image/png", "image"},
		{png, "IMAGE/PNG", "image/png", "image"},
		{png, "image/gif", "", ""},
		{png, "text/html", "", ""},
		{"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpg", "image/jpeg", "image"},
		{"GIF89a\x01\x00\x01\x00\x00\x00\x00", "image/gif", "image/gif", "image"},
		{"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp", "image/webp", "image"},
		{"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "image/x-ms-bmp", "image/bmp", "image"},
		{mp4, "video/mp4", "video/mp4", "video"},
		{mp4, "video/x-m4v", "video/mp4", "video"},
		{mp4, "video/quicktime", "", ""},
		{mov, "video/quicktime", "video/quicktime", "video"},
		{m4v, "video/mp4", "video/x-m4v", "video"},
		{"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00", "audio/x-wav", "audio/wav", "audio"},
		{"ID3\x04\x00\x00\x00\x00\x00\x21TIT2\x00\x00\x00\x05\x00\x00\x03boat", "audio/mp3", "audio/mpeg", "audio"},
		{"\xff\xfb\x90\x64", "audio/mpeg", "audio/mpeg", "audio"},
		{"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "image/svg+xml", "", ""},
		{"MZ\x90\x00", "image/png", "", ""},
		{"hello", "", "", ""},
	}
	for _, test := range tests {
		contentType, kind, err := checkType("files", test.declared, []byte(test.head))
		if contentType != test.want || string(kind) != test.kind || (err == nil) != (test.want != "") {
			t.Errorf("%q declared %q: %q, %q, %v", test.head, test.declared, contentType, kind, err)
		}
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.png": "a.png", "/etc/passwd": "passwd", `C:\x\y.png`: "y.png", "..": "..", "": "", "/": "",
		"a\r\nb.png": "ab.png", "a\u202egnp.exe": "agnp.exe", "\xff.png": ".png", strings.Repeat("ä", 200) + ".png": strings.Repeat("ä", 96) + ".png",
	} {
		if got := fileName(name); got != want {
			t.Errorf("fileName(%q) = %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"boat.png":   `inline; filename=boat.png`,
		"":           `inline; filename=file.png`,
		`a "b".png`:  `inline; filename="a \"b\".png"`,
		"ü.png":      `inline; filename*=utf-8''%C3%BC.png`,
		"no-ending":  `inline; filename=no-ending.png`,
		"a;b\".html": `inline; filename="a;b\".html"`,
	} {
		if got := contentDisposition("inline", name, "image/png"); got != want {
			t.Errorf("contentDisposition(%q) = %q, want %q", name, got, want)
		}
	}
}

// Every error of the parser is one for the client, and what it takes is whole.
func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"prompt":"a","duration":5,"file_paths":["http://a.example/a.png"]}`, `{"prompt":null}`, `{"duration":1e9}`, `{"a":{"b":[{}]}}`, `[`, `{"prompt":"\ud800"}`, "{\"a\":1,\"a\":2}", `{"":1,"":2}`, `{"a\\"b":"\\\\","c" : -1.5e3 , "d":[{"x":"]}"}],"e":true}`, `{} {}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		disk, err := blob.OpenDisk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer disk.Close()
		c, err := parseJSON(t, standalone(t, disk), body)
		defer c.intake.close(t.Context(), err, nil)
		if err != nil {
			if e := explain(err); e.status != 400 || e.field == "" || e.cause != nil {
				t.Errorf("%q: %+v", body, e)
			}
			return
		}
		if !json.Valid(body) {
			t.Errorf("%q is no JSON", body)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(body, &members); err != nil || len(members) != len(c.seen) {
			t.Errorf("%q has %d members, %d seen, %v", body, len(members), len(c.seen), err)
		}
		for name := range members {
			if _, ok := c.seen[name]; !ok {
				t.Errorf("%q: %q was not seen", body, name)
			}
		}
		if c.task.Duration < 0 || c.task.Duration > maxDuration || strings.ContainsRune(c.task.Prompt, 0) {
			t.Errorf("%q gives %+v", body, c.task)
		}
	})
}

// Whatever a form is made of, a refusal leaves nothing in the blob store, and
// every file of an accepted one is there.
func FuzzParseForm(f *testing.F) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.SetBoundary("b"); err != nil {
		f.Fatal(err)
	}
	part, err := w.CreateFormFile("files", "a.gif")
	if err == nil {
		_, err = part.Write([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"))
	}
	if err == nil {
		err = w.WriteField("prompt", "a boat")
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Add(form.Bytes())
	f.Add(form.Bytes()[:100])
	f.Add([]byte("--b\r\n\r\n\r\n--b--"))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=duration\r\n\r\n5\r\n--b--"))
	dir := f.TempDir()
	disk, err := blob.OpenDisk(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = disk.Close() })
	a := standalone(f, disk)
	a.Materials.Count, a.Materials.Total, a.Materials.Image.Size = 3, 2000, 1000
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.Contains(body, []byte("model")) {
			t.Skip("a model is checked by the queue, which is not here")
		}
		r := httptest.NewRequest("POST", "/v1/videos/generations", bytes.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		c := a.newCreate(videoFields, upstream.Video)
		err := c.parseForm(httptest.NewRecorder(), r)
		if err != nil && explain(err).status >= 500 {
			t.Errorf("%q: %v", body, err)
		}
		left, _ := os.ReadDir(filepath.Join(dir, ".tmp"))
		if err == nil && len(left) != len(c.inputs["files"]) {
			t.Errorf("%q: %d files, want %d", body, len(left), len(c.inputs["files"]))
		}
		c.intake.close(t.Context(), err, nil)
		if files, err := filepath.Glob(filepath.Join(dir, "materials", "*", "*")); err != nil || len(files) != 0 {
			t.Errorf("%q: %d files, %v", body, len(files), err)
		}
		if left, _ := os.ReadDir(filepath.Join(dir, ".tmp")); len(left) != 0 {
			t.Errorf("%q: temporary files stay", body)
		}
	})
}

func BenchmarkParseJSON(b *testing.B) {
	body := []byte(`{"model":"jimeng-video-seedance-2.0","prompt":"a paper boat on a pond, @1 slowly turning","duration":5,"ratio":"16:9","file_paths":["https://files.example/boat.png"]}`)
	b.ReportAllocs()
	a := standalone(b, nil)
	for b.Loop() {
		if _, err := parseJSON(b, a, body); err != nil {
			b.Fatal(err)
		}
	}
}
