package freeapi

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func stored(kind upstream.MediaKind, name, contentType, content string) upstream.Material {
	return upstream.Material{
		Kind: kind, Name: name, ContentType: contentType, Size: int64(len(content)),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

func link(kind upstream.MediaKind, url string) upstream.Material {
	return upstream.Material{Kind: kind, URL: url}
}

// dump writes a request as one line per field, in the order of a form and in
// alphabetical order for JSON.
func dump(t *testing.T, r *http.Request) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\n", r.Method, r.URL.Path, r.Header.Get("Authorization"))
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		t.Error(err)
	}
	if kind == "application/json" {
		var object map[string]json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&object); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"model", "prompt", "ratio", "resolution", "duration", "functionMode", "file_paths", "negative_prompt", "sample_strength", "intelligent_ratio", "images", "image_file_1", "image_file_2", "video_file_1"} {
			if v, ok := object[name]; ok {
				fmt.Fprintf(&b, "%s=%s\n", name, v)
				delete(object, name)
			}
		}
		if len(object) > 0 {
			t.Errorf("unexpected fields %s", object)
		}
		return b.String()
	}
	form := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return b.String()
		} else if err != nil {
			t.Error(err)
			return b.String()
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(&b, "%s=%s", part.FormName(), content)
		if part.FileName() != "" {
			fmt.Fprintf(&b, " (%s, %s)", part.FileName(), part.Header.Get("Content-Type"))
		}
		b.WriteByte('\n')
	}
}

// added is a request for a model that the configuration has named for the
// upstream, with the most that it says of it.
func added(model string, kind upstream.MediaKind, materials ...upstream.Material) upstream.Request {
	r := upstream.Request{
		Kind: kind, Model: model, Prompt: "a boat", Materials: materials,
		Named: true, Override: &upstream.Override{MaxImages: new(9)},
	}
	if kind == upstream.Video {
		r.Duration, r.Override.Durations = 20, []int{5, 20}
	}
	return r
}

const (
	blockingAnswer = `{"created":1767225600,"data":[{"url":"https://v.example/a","revised_prompt":"x"},{"url":"https://v.example/b"}]}`
	submitAnswer   = `{"code":0,"message":"submitted","data":{"history_record_id":8918159809292,"status":20}}`
)

func TestWire(t *testing.T) {
	t.Parallel()
	png := stored(upstream.Image, "dir/猫 \"1\".png", "image/png", "PNG")
	jpg := stored(upstream.Image, "", "image/jpeg", "JPG")
	mp4 := stored(upstream.Video, "b@c.mp4", "video/mp4", "MP4")
	for _, c := range []struct {
		name string
		v    variant
		r    upstream.Request
		want string
	}{
		{"fork seedance files", fork,
			upstream.Request{Kind: upstream.Video, Model: "seedance-2.0-pro", Prompt: "@1 and @图2", Duration: 5, Ratio: "1:1", Resolution: "720p", Materials: []upstream.Material{png, mp4}},
			"POST /v1/videos/submit Bearer SECRETSECRET\nmodel=jimeng-video-seedance-2.0\nprompt=@1 and @图2\nratio=1:1\nresolution=720p\nduration=5\nfiles=PNG (猫 \"1\".png, image/png)\nfiles=MP4 (bc.mp4, video/mp4)\n"},
		{"fork seedance one URL", fork,
			upstream.Request{Kind: upstream.Video, Model: "seedance-2.0-fast", Duration: 4, Materials: []upstream.Material{link(upstream.Image, "https://x.example/a.png")}},
			"POST /v1/videos/submit Bearer SECRETSECRET\nmodel=\"jimeng-video-seedance-2.0-fast\"\nduration=4\nfile_paths=[\"https://x.example/a.png\"]\n"},
		{"fork classic text", fork,
			upstream.Request{Kind: upstream.Video, Model: "jimeng-video-3.0", Prompt: "a boat", Duration: 5, Ratio: "1:1"},
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=\"jimeng-video-3.0\"\nprompt=\"a boat\"\nratio=\"1:1\"\nduration=5\n"},
		{"stock seedance", stock,
			upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "a boat", Duration: 6, Ratio: "4:3", Materials: []upstream.Material{jpg}},
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=jimeng-video-seedance-2.0\nprompt=a boat\nratio=4:3\nduration=6\nfiles=JPG (material1.jpg, image/jpeg)\n"},
		{"stock images", stock,
			upstream.Request{Kind: upstream.Image, Model: "jimeng-4.5", Prompt: "a boat", Ratio: "21:9", Resolution: "4k"},
			"POST /v1/images/generations Bearer SECRETSECRET\nmodel=\"jimeng-4.5\"\nprompt=\"a boat\"\nratio=\"21:9\"\nresolution=\"4k\"\n"},
		{"stock composition", stock,
			upstream.Request{Kind: upstream.Image, Model: "jimeng-4.5", Prompt: "a boat", Materials: []upstream.Material{link(upstream.Image, "https://x.example/a.png")}},
			"POST /v1/images/compositions Bearer SECRETSECRET\nmodel=\"jimeng-4.5\"\nprompt=\"a boat\"\nimages=[\"https://x.example/a.png\"]\n"},
		{"stock composition of files and a URL", stock,
			upstream.Request{Kind: upstream.Image, Model: "jimeng-4.5", Prompt: "a \"boat\"", Materials: []upstream.Material{png, link(upstream.Image, "https://x.example/a.png?a=1&b=2"), jpg}},
			"POST /v1/images/compositions Bearer SECRETSECRET\nmodel=\"jimeng-4.5\"\nprompt=\"a \\\"boat\\\"\"\n" +
				`images=["data:image/png;base64,UE5H","https://x.example/a.png?a=1\u0026b=2","data:image/jpeg;base64,SlBH"]` + "\n"},
		{"image options", stock,
			upstream.Request{Kind: upstream.Image, Model: "jimeng-4.5", Prompt: "a boat",
				Options: map[string]any{"negative_prompt": "rain", "sample_strength": 0.7, "intelligent_ratio": true, "unknown": 1}},
			"POST /v1/images/generations Bearer SECRETSECRET\nmodel=\"jimeng-4.5\"\nprompt=\"a boat\"\nnegative_prompt=\"rain\"\nsample_strength=0.7\nintelligent_ratio=true\n"},
		{"iptag image options in a form", iptag,
			upstream.Request{Kind: upstream.Image, Model: "jimeng-4.5", Prompt: "a boat", Materials: []upstream.Material{jpg}, Options: map[string]any{"sample_strength": 0.7, "intelligent_ratio": true}},
			"POST /v1/images/compositions Bearer SECRETSECRET\nmodel=jimeng-4.5\nprompt=a boat\nsample_strength=0.7\nintelligent_ratio=true\nimages=JPG (material1.jpg, image/jpeg)\n"},
		{"iptag composition of files", iptag,
			upstream.Request{Kind: upstream.Image, Model: "jimeng-4.5", Prompt: "a boat", Materials: []upstream.Material{png, jpg}},
			"POST /v1/images/compositions Bearer SECRETSECRET\nmodel=jimeng-4.5\nprompt=a boat\nimages=PNG (猫 \"1\".png, image/png)\nimages=JPG (material2.jpg, image/jpeg)\n"},
		{"iptag seedance text", iptag,
			upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "a boat", Duration: 4},
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=\"jimeng-video-seedance-2.0\"\nprompt=\"a boat\"\nduration=4\nfunctionMode=\"first_last_frames\"\n"},
		{"iptag omni, files and a URL", iptag,
			upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "@1 like @2, @image3", Duration: 4, Materials: []upstream.Material{png, mp4, link(upstream.Image, "https://x.example/a.png")}},
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=jimeng-video-seedance-2.0\nprompt=@image_file_1 like @video_file_1, @image_file_2\nduration=4\nfunctionMode=omni_reference\nimage_file_2=https://x.example/a.png\nimage_file_1=PNG (猫 \"1\".png, image/png)\nvideo_file_1=MP4 (bc.mp4, video/mp4)\n"},
		{"iptag omni, one URL", iptag,
			upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "@1", Duration: 4, Materials: []upstream.Material{link(upstream.Video, "https://x.example/a.mp4")}},
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=\"jimeng-video-seedance-2.0\"\nprompt=\"@video_file_1\"\nduration=4\nfunctionMode=\"omni_reference\"\nvideo_file_1=\"https://x.example/a.mp4\"\n"},
		{"iptag frames in two fields", iptag,
			upstream.Request{Kind: upstream.Video, Model: "jimeng-video-3.0", Prompt: "a boat", Duration: 10, Resolution: "1080p", Materials: []upstream.Material{png, jpg}},
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=jimeng-video-3.0\nprompt=a boat\nresolution=1080p\nduration=10\nfunctionMode=first_last_frames\nimage_file_1=PNG (猫 \"1\".png, image/png)\nimage_file_2=JPG (material2.jpg, image/jpeg)\n"},
		{"iptag frames by URL", iptag,
			upstream.Request{Kind: upstream.Video, Model: "jimeng-video-3.0", Prompt: "a boat", Duration: 5, Materials: []upstream.Material{link(upstream.Image, "https://x.example/a.png")}},
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=\"jimeng-video-3.0\"\nprompt=\"a boat\"\nduration=5\nfunctionMode=\"first_last_frames\"\nfile_paths=[\"https://x.example/a.png\"]\n"},
		{"fork, a Seedance that only the configuration knows", fork, added("jimeng-video-seedance-2.5", upstream.Video, jpg),
			"POST /v1/videos/submit Bearer SECRETSECRET\nmodel=jimeng-video-seedance-2.5\nprompt=a boat\nduration=20\nfiles=JPG (material1.jpg, image/jpeg)\n"},
		{"fork, a video model that only the configuration knows", fork, added("jimeng-video-4.0", upstream.Video),
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=\"jimeng-video-4.0\"\nprompt=\"a boat\"\nduration=20\n"},
		{"iptag, a Seedance that only the configuration knows", iptag, added("seedance-2.5", upstream.Video, jpg),
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=seedance-2.5\nprompt=a boat\nduration=20\nfunctionMode=omni_reference\nimage_file_1=JPG (material1.jpg, image/jpeg)\n"},
		{"an image model that only the configuration knows", stock, added("jimeng-6.0", upstream.Image),
			"POST /v1/images/generations Bearer SECRETSECRET\nmodel=\"jimeng-6.0\"\nprompt=\"a boat\"\n"},
		{"more than the driver knows of", fork,
			upstream.Request{Kind: upstream.Video, Model: "jimeng-video-3.0", Prompt: "a boat", Duration: 20, Override: &upstream.Override{Durations: []int{20}}},
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=\"jimeng-video-3.0\"\nprompt=\"a boat\"\nduration=20\n"},
		{"taken before the configuration forbade it", fork,
			upstream.Request{Kind: upstream.Video, Model: "jimeng-video-3.0", Prompt: "a boat", Duration: 5, Override: &upstream.Override{Durations: []int{20}}},
			"POST /v1/videos/generations Bearer SECRETSECRET\nmodel=\"jimeng-video-3.0\"\nprompt=\"a boat\"\nduration=5\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got string
			d := serve(t, c.v, func(w http.ResponseWriter, r *http.Request) {
				got = dump(t, r)
				if r.URL.Path == submitPath {
					io.WriteString(w, submitAnswer) // the test looks at the driver
					return
				}
				io.WriteString(w, blockingAnswer) // the test looks at the driver
			})
			sub, err := d.Submit(t.Context(), upstream.Session{Secret: "SECRETSECRET"}, &c.r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			want := upstream.Submission{Progress: upstream.Progress{State: upstream.Succeeded, Results: []upstream.Result{
				{Kind: c.r.Kind, URL: "https://v.example/a"}, {Kind: c.r.Kind, URL: "https://v.example/b"},
			}}}
			if strings.Contains(got, submitPath) {
				want = upstream.Submission{Ref: "8918159809292"}
			}
			if diff := cmp.Diff(want, sub); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a server would run differently than asked must not reach it.
func TestRefused(t *testing.T) {
	t.Parallel()
	png := stored(upstream.Image, "a.png", "image/png", "PNG")
	address := link(upstream.Image, "https://x.example/a.png")
	seedance := func(materials ...upstream.Material) upstream.Request {
		return upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "a boat", Duration: 6, Materials: materials}
	}
	image := func(materials ...upstream.Material) upstream.Request {
		return upstream.Request{Kind: upstream.Image, Model: "jimeng-4.5", Prompt: "a boat", Materials: materials}
	}
	large := png
	large.Size = maxInline + 1
	rewritten := seedance(png)
	rewritten.Duration = 5
	oneToOne := seedance(png)
	oneToOne.Ratio = "1:1"
	insisted, anew := rewritten, added("seedance-2.5", upstream.Video, png)
	insisted.Override = &upstream.Override{Durations: []int{5}}
	anew.Duration = 5
	unvouched := added("jimeng-video-4.0", upstream.Video)
	unvouched.Named = false
	for _, c := range []struct {
		name   string
		v      variant
		secret string
		r      upstream.Request
		field  string
	}{
		{"files and addresses", fork, "", seedance(png, address), "files"},
		{"no file", stock, "", seedance(), "files"},
		{"stock would make 4 s", stock, "", rewritten, "duration"},
		{"stock would make 4:3", stock, "", oneToOne, "ratio"},
		{"stock would make 4 s, whatever the configuration says", stock, "", insisted, "duration"},
		{"stock would make 4 s with a new Seedance", stock, "", anew, "duration"},
		{"limits of a model that nobody vouches for", fork, "", unvouched, "model"},
		{"beyond what the configuration says", fork, "", func() upstream.Request { r := added("seedance-2.5", upstream.Video, png); r.Duration = 6; return r }(), "duration"},
		{"a known model as another kind", fork, "", added("jimeng-video-3.0", upstream.Image), "model"},
		{"large image on stock", stock, "", image(large), "files"},
		{"image data URI", stock, "", image(link(upstream.Image, "data:image/png;base64,AAAA")), "file_paths"},
		{"image as video", fork, "", upstream.Request{Kind: upstream.Video, Model: "jimeng-4.5", Prompt: "x", Duration: 5}, "model"},
		{"model of another variant", fork, "", upstream.Request{Kind: upstream.Video, Model: "jimeng-video-veo3", Prompt: "x", Duration: 8}, "model"},
		{"model of another region", iptag, "", upstream.Request{Kind: upstream.Video, Model: "jimeng-video-veo3", Prompt: "x", Duration: 8}, "model"},
		{"seedance abroad", iptag, "us-0123456789abcdef", seedance(), "model"},
		{"a video that would pass for an image", fork, "", seedance(stored(upstream.Video, "a.webm", "video/webm", "x")), "files"},
		{"an audio that would pass for an image", fork, "", seedance(stored(upstream.Audio, "a", "audio/flac", "x")), "files"},
		{"a video address without an extension", stock, "", seedance(link(upstream.Video, "https://x.example/clip?f=a.mp4")), "file_paths"},
		{"omni data URI", iptag, "", seedance(link(upstream.Image, "data:image/png;base64,AAAA")), "file_paths"},
		{"omni audio", iptag, "", seedance(stored(upstream.Audio, "a.mp3", "audio/mpeg", "x")), "files"},
		{"iptag needs a prompt", iptag, "", upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Duration: 4, Materials: []upstream.Material{png}}, "prompt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := serve(t, c.v, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was called", r.URL.Path) })
			_, err := d.Submit(t.Context(), upstream.Session{Secret: stdcmp.Or(c.secret, "0123456789abcdef")}, &c.r)
			e := asError(err)
			if e.Kind != upstream.BadInput || !e.NotAccepted || !strings.HasPrefix(e.Message, c.field+": ") {
				t.Errorf("got %+v, want a bad %s", err, c.field)
			}
		})
	}
}

// Exactly one token per request: of a list the server would pick one at random.
func TestOneToken(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was called", r.URL.Path) }))
	r := upstream.Request{Kind: upstream.Video, Model: "jimeng-video-3.0", Prompt: "x", Duration: 5}
	for _, secret := range []string{"", " ", "aaaaaaaaaaaa,bbbbbbbbbbbb", "aaaaaaaaaaaa\r\nX: y"} {
		s := upstream.Session{Secret: secret}
		_, submit := d.Submit(t.Context(), s, &r)
		_, poll := d.Poll(t.Context(), s, "1")
		_, probe := d.Probe(t.Context(), s)
		for _, err := range []error{submit, poll, probe} {
			if e := asError(err); e.Kind != upstream.Auth || !e.NotAccepted || strings.Contains(e.Message, "aaaa") {
				t.Errorf("%q: %+v", secret, err)
			}
		}
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.png": "a.png", `C:\x\a.png`: "a.png", "../../a.png": "a.png", "a\r\nb.png": "ab.png",
		"": "material1.png", "..": "material1.png", "图.png": "图.png",
	} {
		if got := fileName(upstream.Material{Name: name, Kind: upstream.Image, ContentType: "image/png"}, 1); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	m := stored(upstream.Image, "a.png", "image/png\r\nX-Evil: 1", "x")
	if err := writeFile(t.Context(), w, file{"files", m}, 1); err != nil || strings.Contains(form.String(), "Evil") {
		t.Errorf("%v: %s", err, form.String())
	}
}
