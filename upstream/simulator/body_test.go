package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sum(content string) string {
	s := sha256.Sum256([]byte(content))
	return hex.EncodeToString(s[:])
}

func TestMaterialsAreRecorded(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	model := [2]string{"model", "seedance-2.0"}
	r := multipartForm("/v1/videos/submit", [][2]string{model, {"prompt", "@1 and @2"}, {"duration", "5"}},
		"files=a.png=first", "files=b.mp4=second", "other=c.mp3=third")
	if got := text(do(t, s, r, "t")); got != "ok" {
		t.Fatal(got)
	}
	inline := "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte("inline"))
	body := map[string]any{"model": "seedance-2.0", "filePaths": []string{}, "file_paths": []string{"https://files.example/x,y.png", inline, "data:text/plain,a%20b"}}
	if got := text(call(t, s, "POST", "/v1/videos/submit", "t", body)); got != "ok" {
		t.Fatal(got)
	}
	encoded := url.Values{"prompt": {"a"}, "images": {inline, inline}}.Encode()
	r = httptest.NewRequest("POST", "/v1/images/compositions", strings.NewReader(encoded))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := text(do(t, s, r, "t")); got != "ok" {
		t.Fatal(got)
	}
	octets := "application/octet-stream"
	png := Material{Field: "images", ContentType: "image/png", Size: 6, SHA256: sum("inline")}
	want := [][]Material{
		{
			{Field: "files", Filename: "a.png", ContentType: octets, Size: 5, SHA256: sum("first")},
			{Field: "files", Filename: "b.mp4", ContentType: octets, Size: 6, SHA256: sum("second")},
			{Field: "other", Filename: "c.mp3", ContentType: octets, Size: 5, SHA256: sum("third")},
		},
		{
			{Field: "file_paths", URL: "https://files.example/x,y.png"},
			{Field: "file_paths", ContentType: "image/png", Size: 6, SHA256: sum("inline")},
			{Field: "file_paths", ContentType: "text/plain", Size: 3, SHA256: sum("a b")},
		},
		{png, png},
	}
	var got [][]Material
	for _, submit := range s.Submits() {
		got = append(got, submit.Materials)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("materials (-want +got):\n%s", diff)
	}
}

func TestMultipartTraps(t *testing.T) {
	t.Parallel()
	model := [2]string{"model", "seedance-2.0"}
	path := [2]string{"file_paths", "https://files.example/a.png"}
	for name, tt := range map[string]struct {
		fields [][2]string
		want   string
	}{
		"one path is a string":      {[][2]string{model, path}, "-2000 Params body.file_paths invalid"},
		"two paths are a list":      {[][2]string{model, path, path}, "ok"},
		"duration as text":          {[][2]string{model, path, path, {"duration", "15"}}, "ok"},
		"duration with a fraction":  {[][2]string{model, path, path, {"duration", "4.7"}}, "ok"},
		"duration out of the range": {[][2]string{model, path, path, {"duration", "16"}}, "-2000 Params body.duration invalid"},
	} {
		if got := text(do(t, New(Config{}), multipartForm("/v1/videos/submit", tt.fields), "t")); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
	prompt := [2]string{"prompt", "a"}
	for _, tt := range []struct {
		variant Variant
		path    string
		fields  [][2]string
		files   []string
		want    string
	}{
		{Iptag, "/v1/videos/generations", [][2]string{prompt}, []string{"image_file_1=a=x", "image_file_2=b=y"}, "ok"},
		{Iptag, "/v1/videos/generations", [][2]string{prompt}, []string{"a=a=x", "b=b=y", "c=c=z"}, "-1000 最多只能上传2个图片文件"},
		{Iptag, "/v1/videos/generations", [][2]string{prompt, {"duration", "5.0"}}, nil, "-1000 duration 必须是整数，当前值: 5.0"},
		{Iptag, "/v1/images/compositions", [][2]string{prompt}, []string{"images=a=x"}, "ok"},
		{Stock, "/v1/images/compositions", [][2]string{prompt}, []string{"images=a=x"}, "-2000 Params body.images invalid"},
		{Stock, "/v1/images/generations", [][2]string{prompt}, []string{"images=a=x"}, "ok"},
	} {
		s := New(Config{Variant: tt.variant})
		if got := text(do(t, s, multipartForm(tt.path, tt.fields, tt.files...), "t")); got != tt.want {
			t.Errorf("%s %s %v: got %s, want %s", tt.variant, tt.path, tt.files, got, tt.want)
		}
	}
	r := httptest.NewRequest("POST", "/v1/videos/submit", strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\nhalf"))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	if got := text(do(t, New(Config{}), r, "t")); !strings.HasPrefix(got, "-1000 ") {
		t.Errorf("a broken body: %s", got)
	}
}

func TestOmniMaterials(t *testing.T) {
	t.Parallel()
	s := New(Config{Variant: Iptag})
	body := map[string]any{
		"model": "jimeng-video-seedance-2.0", "prompt": "@image_file_1", "functionMode": "omni_reference",
		"image_file_1": "https://files.example/1.png", "video_file_1": "http://files.example/1.mp4", "image_file": "https://not.counted/",
		"filePaths": []string{"https://files.example/2.png"},
	}
	if got := text(call(t, s, "POST", "/v1/videos/generations", "t", body)); got != "ok" {
		t.Fatal(got)
	}
	want := []Material{
		{Field: "image_file_1", URL: "https://files.example/1.png"},
		{Field: "video_file_1", URL: "http://files.example/1.mp4"},
		{Field: "filePaths", URL: "https://files.example/2.png"},
	}
	if diff := cmp.Diff(want, s.Submits()[0].Materials); diff != "" {
		t.Errorf("materials (-want +got):\n%s", diff)
	}
}

// zeros are n bytes of the base64 of zeros.
type zeros struct{ n int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(z.n, len(p))
	for i := range n {
		p[i] = 'A'
	}
	z.n -= n
	return n, nil
}

// A data URI of 48 MiB must not be held in memory.
func TestDataURIStreams(t *testing.T) { //nolint:paralleltest // measures the memory of the process
	s := New(Config{})
	const size = 48 << 20
	body := io.MultiReader(strings.NewReader(`{"model":"seedance-2.0","file_paths":["data:image\/png;base64,"],"filePaths":["data:video/mp4;base64,`),
		&zeros{size / 3 * 4}, strings.NewReader(`"]}`))
	r := httptest.NewRequest("POST", "/v1/videos/submit", body)
	r.Header.Set("Content-Type", "application/json")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	answer := do(t, s, r, "t")
	runtime.ReadMemStats(&after)
	if got := text(answer); got != "ok" {
		t.Fatal(got)
	}
	if m := s.Submits()[0].Materials[0]; m.Size != size/3*3 || m.ContentType != "video/mp4" {
		t.Errorf("material %+v", m)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("allocated %d bytes for a file of %d", grown, size)
	}
}

func FuzzJSONBody(f *testing.F) {
	for _, seed := range []string{`{"a":"data:x;base64,QUJD"}`, `{"a":["data:,%41","\"",""]}`, `"data:`, `{"a":"data:x;base64,QUJ`, "\ufeff{}", `{a:'b',}`} {
		f.Add(seed)
	}
	s := New(Config{Variant: Iptag})
	f.Fuzz(func(t *testing.T, text string) {
		if b, err := s.readJSON(strings.NewReader(text)); err == nil {
			for name := range b.fields {
				b.list(name)
			}
		}
	})
}

func ExampleServer() {
	s := New(Config{Variant: Fork})
	r := httptest.NewRequest("POST", "/v1/videos/submit", strings.NewReader(`{"model":"seedance-2.0"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer anything")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 {"code":-2001,"message":"Seedance 2.0 需要至少一个文件（图片/视频/音频）","data":null}
}
