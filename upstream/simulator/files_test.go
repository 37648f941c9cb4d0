package simulator

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// boxes returns the types of the MP4 boxes in b, in order.
func boxes(t *testing.T, b []byte) (types []string, content map[string][]byte) {
	t.Helper()
	content = map[string][]byte{}
	for len(b) > 0 {
		if len(b) < 8 {
			t.Fatalf("%d bytes are left after the last box", len(b))
		}
		size := int(binary.BigEndian.Uint32(b))
		if size < 8 || size > len(b) {
			t.Fatalf("box of %d bytes in %d", size, len(b))
		}
		name := string(b[4:8])
		types = append(types, name)
		content[name] = b[8:size]
		b = b[size:]
	}
	return types, content
}

func TestSampleIsAPlayableMP4(t *testing.T) {
	t.Parallel()
	types, top := boxes(t, sampleMP4)
	if types[0] != "ftyp" || slices.Index(types, "moov") < 0 || slices.Index(types, "moov") > slices.Index(types, "mdat") {
		t.Errorf("boxes %v: want ftyp first, and moov before mdat", types)
	}
	_, moov := boxes(t, top["moov"])
	_, trak := boxes(t, moov["trak"])
	_, mdia := boxes(t, trak["mdia"])
	_, minf := boxes(t, mdia["minf"])
	_, stbl := boxes(t, minf["stbl"])
	if entry := stbl["stsd"]; len(entry) < 16 || string(entry[12:16]) != "avc1" {
		t.Error("the track is not H.264")
	}
	if frames := binary.BigEndian.Uint32(stbl["stsz"][8:]); frames != 45 {
		t.Errorf("%d frames, want 45", frames)
	}
	if len(sampleMP4) > 100<<10 {
		t.Errorf("%d bytes are too many to embed", len(sampleMP4))
	}
}

func TestVideoLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{URLLifetime: time.Hour})
		link := status(t, s, "t", submit(t, s, "t", "x"))["video_url"].(string)
		get := func(link, byteRange string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", link, nil)
			if byteRange != "" {
				r.Header.Set("Range", byteRange)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w
		}
		if w := get(link, ""); w.Code != 200 || w.Header().Get("Content-Type") != "video/mp4" || !bytes.Equal(w.Body.Bytes(), sampleMP4) {
			t.Errorf("HTTP %d %v", w.Code, w.Header())
		}
		if w := get(link, "bytes=4-7"); w.Code != 206 || w.Body.String() != "ftyp" {
			t.Errorf("range: HTTP %d %q", w.Code, w.Body)
		}
		if w := get(strings.Replace(link, "/files/", "/files/1", 1), ""); w.Code != 403 {
			t.Errorf("another file with the same signature: HTTP %d", w.Code)
		}
		time.Sleep(time.Hour)
		if w := get(link, ""); w.Code != 403 {
			t.Errorf("expired: HTTP %d", w.Code)
		}
	})
}

func TestImages(t *testing.T) {
	t.Parallel()
	s := New(Config{Variant: Stock})
	body := map[string]any{"prompt": "a", "ratio": "16:9", "resolution": "1k", "images": []string{"https://files.example/a.png"}}
	answer := call(t, s, "POST", "/v1/images/generations", "t", body)
	if answer["input_images"] != 1.0 || answer["composition_type"] != "multi_image_synthesis" {
		t.Errorf("stock makes a composition of it: %v", answer)
	}
	seen := map[string]bool{}
	for _, item := range answer["data"].([]any) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", item.(map[string]any)["url"].(string), nil))
		picture, err := png.DecodeConfig(bytes.NewReader(w.Body.Bytes()))
		if err != nil || picture.Width != 1024 || picture.Height != 576 {
			t.Errorf("picture %+v, %v", picture, err)
		}
		seen[w.Body.String()] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d different pictures, want 4", len(seen))
	}
	body["response_format"] = "b64_json"
	item := call(t, s, "POST", "/v1/images/compositions", "t", body)["data"].([]any)[0].(map[string]any)
	raw, err := base64.StdEncoding.DecodeString(fmt.Sprint(item["b64_json"]))
	if _, decodeErr := png.Decode(bytes.NewReader(raw)); err != nil || decodeErr != nil {
		t.Errorf("b64_json: %v, %v", err, decodeErr)
	}
	if got := call(t, New(Config{Variant: Iptag}), "POST", "/v1/images/generations", "t", body); got["input_images"] != nil {
		t.Error("iptag ignores images at generations")
	}
}

func TestFileFaults(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	link := func(directive string) (id, link string) {
		id = submit(t, s, "t", "a boat "+directive)
		u, err := url.Parse(status(t, s, "t", id)["video_url"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return id, server.URL + u.RequestURI()
	}
	get := func(link string) (code int, length int64, got []byte, err error) {
		response, err := http.Get(link)
		if err != nil {
			return 0, 0, nil, err
		}
		defer response.Body.Close()
		got, err = io.ReadAll(response.Body)
		return response.StatusCode, response.ContentLength, got, err
	}
	half := sampleMP4[:len(sampleMP4)/2]
	for name, want := range map[string]struct {
		code   int
		length int
		got    []byte
		broken bool
	}{
		"cut":       {200, len(sampleMP4), half, true},
		"short":     {200, len(half), half, false},
		"page":      {200, len(loginPage), []byte(loginPage), false},
		"garbage":   {200, len(loginPage), []byte(loginPage), false},
		"forbidden": {403, -2, nil, false},
		"slow":      {200, len(sampleMP4), sampleMP4, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, once := link("[[file:" + name + ":1]]")
			code, length, got, err := get(once)
			if code != want.code || want.got != nil && !bytes.Equal(got, want.got) || (err != nil) != want.broken {
				t.Errorf("HTTP %d, %d bytes, %v", code, len(got), err)
			}
			if name != "page" && name != "garbage" && want.length >= 0 && length != int64(want.length) {
				t.Errorf("length %d, want %d", length, want.length)
			}
			if code, _, got, err := get(once); code != 200 || !bytes.Equal(got, sampleMP4) || err != nil {
				t.Errorf("second fetch: HTTP %d, %d bytes, %v", code, len(got), err)
			}
			_, always := link("[[file:" + name + "]]")
			for range 2 {
				if code, _, got, _ := get(always); code != want.code || want.got != nil && !bytes.Equal(got, want.got) {
					t.Errorf("every time: HTTP %d, %d bytes", code, len(got))
				}
			}
		})
	}
	for _, name := range []string{"hold", "hold_open"} {
		id, held := link("[[file:" + name + "]]")
		response, err := http.Get(held)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(half))
		if _, err := io.ReadFull(response.Body, got); err != nil {
			t.Fatal(err)
		}
		if name == "hold" && response.ContentLength != int64(len(sampleMP4)) || name == "hold_open" && response.ContentLength >= 0 {
			t.Errorf("%s says that it has %d bytes", name, response.ContentLength)
		}
		for range 2 {
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/_simulator/release/"+id, nil))
		}
		rest, err := io.ReadAll(response.Body)
		if err != nil || !bytes.Equal(append(got, rest...), sampleMP4) {
			t.Errorf("%s: %d bytes after the release, %v", name, len(rest), err)
		}
		response.Body.Close()
	}
	for _, bad := range []string{"[[file:]]", "[[file:burnt]]", "[[file:cut:0]]", "[[file:cut:10]]", "[[file:cut:x]]"} {
		if _, err := s.script(http.Header{}, bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
