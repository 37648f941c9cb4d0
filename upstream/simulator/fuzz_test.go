package simulator

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// What a prompt asks for stands in the id of the generation, and every id that is
// read is one that was made.
func FuzzScript(f *testing.F) {
	for _, seed := range []string{"a boat", "[[delay:3s]] [[queue:37/812]] [[states]] [[lag:4]]", "[[fault:2047@generation:string]]", "[[file:cut:2]][[file:hold]]", "[[delay:-1s]]", "[[delay:9999999ms]]", "[[fault:down@submit]]", "[[x]]", "[[file:]]", "[[queue:0/1]]"} {
		f.Add(seed, "token", "0")
	}
	s := New(Config{Delay: time.Second})
	now := time.UnixMilli(1_800_000_000_123)
	f.Fuzz(func(t *testing.T, prompt, token, id string) {
		if h, ok := parseHistory(id); ok && (h.id != id || h.script.delay < 0 || h.script.lag > 4) {
			t.Errorf("%q became %+v", id, h)
		}
		sc, err := s.script(http.Header{}, prompt)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "simulator: ") {
				t.Errorf("%q: %v", prompt, err)
			}
			return
		}
		made := newHistory(token, now, sc)
		h, ok := parseHistory(made.id)
		if !ok {
			t.Fatalf("%q gives the id %q, which nobody can read", prompt, made.id)
		}
		if h.owner != ownerOf(token) || !h.start.Equal(now) || h.script.delay != sc.delay.Truncate(time.Millisecond) || h.script.queueIndex != sc.queueIndex ||
			h.script.queueTotal != sc.queueTotal || h.script.lag != sc.lag || h.script.states != sc.states || h.script.file != sc.file || h.faultIndex != made.faultIndex {
			t.Errorf("%q: %+v became %+v", prompt, sc, h.script)
		}
	})
}

// No body makes a request fail in another way than the protocol has.
func FuzzRequest(f *testing.F) {
	for path, body := range map[string]string{
		"/v1/videos/submit":       `{"model":"seedance-2.0","prompt":"[[queue:1/2]]","file_paths":["https://a.example/a.png"]}`,
		"/v1/videos/generations":  `{"model":"jimeng-video-3.0","prompt":"a boat","duration":5,"ratio":"16:9"}`,
		"/v1/images/generations":  `{"model":"jimeng-4.0","prompt":"a boat","ratio":"1:1","resolution":"2k"}`,
		"/v1/images/compositions": `{"model":"jimeng-4.0","prompt":"a boat","images":["data:image/png;base64,AAAA"]}`,
		"/token/points":           ``, "/token/check": `{"token":"x"}`, "/_simulator/tokens/x": `{"fault":"","credits":-1,"daily":9223372036854775807}`,
	} {
		for v := range uint8(3) {
			f.Add(v, path, "application/json", "Bearer account", []byte(body))
		}
	}
	f.Add(uint8(0), "/v1/videos/submit", "multipart/form-data; boundary=b", "Bearer a,b", []byte("--b\r\nContent-Disposition: form-data; name=prompt\r\n\r\nx\r\n--b--"))
	f.Add(uint8(0), "/v1/videos/1/status", "application/x-www-form-urlencoded", "", []byte("a=%zz"))
	f.Fuzz(func(t *testing.T, which uint8, path, contentType, authorization string, body []byte) {
		if !strings.HasPrefix(path, "/") || strings.Contains(string(body)+path, "faults") || strings.Contains(string(body), "[[") && !strings.Contains(string(body), "[[queue") {
			t.Skip("what a fault breaks is seen elsewhere")
		}
		s := New(Config{Variant: []Variant{Fork, Stock, Iptag}[which%3], Delay: time.Nanosecond})
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
		r.URL.Path = path
		r.Header["Content-Type"], r.Header["Authorization"] = []string{contentType}, []string{authorization}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || strings.HasPrefix(path, "/v1/") && w.Code != http.StatusOK && w.Code/100 != 3 {
			t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
		}
	})
}

func FuzzCaddyfile(f *testing.F) {
	for _, seed := range []string{"simulator", "simulator {\nvariant iptag\ndelay 2s\nlisten 127.0.0.1:8000\n}", "simulator {\ndelay 9999999999d\n}", "simulator {\nvariant {env.X}\n}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		// NewTestDispenser ends the process for what is no Caddyfile at all.
		tokens, err := caddyfile.Tokenize([]byte(input), "Caddyfile")
		if err != nil {
			return
		}
		var m Module
		if err := m.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens)); err != nil {
			return
		}
		if m.Variant != "" {
			if _, err := ParseVariant(m.Variant); err != nil {
				t.Errorf("%q: %v", input, err)
			}
		}
	})
}
