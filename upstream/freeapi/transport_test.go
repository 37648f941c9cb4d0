package freeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

var (
	session = upstream.Session{Secret: "0123456789abcdef"}
	classic = upstream.Request{Kind: upstream.Video, Model: "jimeng-video-3.0", Prompt: "a boat", Duration: 5}
)

// What an answer to a submit proves, by its HTTP status and body.
func TestSubmitAnswers(t *testing.T) {
	t.Parallel()
	seedance := upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "a boat", Duration: 4, Materials: []upstream.Material{link(upstream.Image, "https://x.example/a.png")}}
	for _, c := range []struct {
		name        string
		r           upstream.Request
		status      int
		body        string
		kind        upstream.Kind
		notAccepted bool
		unreachable bool
	}{
		{"HTML", classic, 200, "<html>", upstream.InDoubt, false, true},
		{"bad gateway", classic, 502, "<html>502</html>", upstream.InDoubt, false, true},
		{"JSON of a proxy", classic, 503, `{"error":"unavailable"}`, upstream.InDoubt, false, true},
		{"nothing", classic, 204, "", upstream.InDoubt, false, true},
		{"half", classic, 200, `{"created":1,`, upstream.InDoubt, false, true},
		{"data of another type", classic, 200, `{"created":1,"data":{"url":7}}`, upstream.InDoubt, false, true},
		{"a redirect", classic, 307, "", upstream.InDoubt, false, true},
		{"too many requests", classic, 429, "<html>", upstream.RateLimited, true, false},
		{"too large", seedance, 413, "<html>", upstream.BadInput, true, false},
		{"an envelope under any status", classic, 500, `{"code":-2002,"message":"login error","data":null}`, upstream.Auth, true, false},
		{"no result", classic, 200, `{"created":1,"data":[]}`, upstream.GenerationFailed, false, false},
		{"no URL", classic, 200, `{"created":1,"data":[{"revised_prompt":"x"}]}`, upstream.GenerationFailed, false, false},
		{"an unknown route", classic, 200, detectAnswers[stock], upstream.Network, true, true},
		{"fork without an id", seedance, 200, `{"code":0,"message":"submitted","data":{"status":20}}`, upstream.InDoubt, false, false},
		{"fork, unknown fault", seedance, 200, `{"code":-2001,"message":"[请求jimeng失败]: odd","data":null}`, upstream.Unknown, false, false},
		{"fork, risk control", seedance, 200, `{"code":-2001,"message":"[请求jimeng失败]: shark not pass","data":null}`, upstream.RiskControl, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var submits atomic.Int64
			d := serve(t, fork, func(w http.ResponseWriter, r *http.Request) {
				submits.Add(1)
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body) // the test looks at the driver
			})
			_, err := d.Submit(t.Context(), session, &c.r)
			e := asError(err)
			if e.Kind != c.kind || e.NotAccepted != c.notAccepted || e.Unreachable != c.unreachable {
				t.Errorf("got %+v", e)
			}
			if c.status == 429 && e.RetryAfter != 7*time.Second {
				t.Errorf("retry after %s", e.RetryAfter)
			}
			if n := submits.Load(); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

// A late failure of a blocking call may come from a poll of paid work.
func TestSettle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  upstream.Kind
		media upstream.MediaKind
		took  time.Duration
		want  bool
	}{
		{upstream.Auth, upstream.Video, time.Second, true},
		{upstream.Auth, upstream.Video, 5 * time.Second, false},
		{upstream.Auth, upstream.Image, time.Second, false},
		{upstream.RateLimited, upstream.Video, time.Minute, false},
		{upstream.Network, upstream.Video, time.Minute, false},
		{upstream.Quota, upstream.Video, time.Minute, true},
		{upstream.FileTransfer, upstream.Video, time.Minute, true},
	} {
		e := &upstream.Error{Kind: c.kind, NotAccepted: true, Code: "-2001"}
		if settle(e, c.media, c.took); e.NotAccepted != c.want {
			t.Errorf("%+v: %t", c, e.NotAccepted)
		}
	}
	for _, e := range []*upstream.Error{
		{Kind: upstream.ContentRisk, NotAccepted: true, Code: "-2006", Message: "内容被过滤"},
		{Kind: upstream.ContentRisk, NotAccepted: true, Code: "-2008", Message: "视频生成失败，状态码: 30，错误码: 2038"},
	} {
		if settle(e, upstream.Video, 0); e.NotAccepted {
			t.Errorf("%+v was generated and paid", e)
		}
	}
}

// raw answers every connection with f.
func raw(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"accepts and cuts":   raw(t, func(net.Conn) {}),
		"not HTTP":           raw(t, func(c net.Conn) { io.WriteString(c, "SSH-2.0-OpenSSH\r\n") }), // the test looks at the driver
		"refused":            "http://127.0.0.1:1",
		"no such host":       "http://no-such-host.invalid",
		"TLS where none is":  "https" + strings.TrimPrefix(raw(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), "http"), // the test looks at the driver
		"an address unknown": "http://127.0.0.1:1/prefix/",
	} {
		d, err := New(Config{URL: address})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Submit(t.Context(), session, &classic)
		if e := asError(err); !e.NotAccepted || !e.Unreachable || e.Kind != upstream.Network || strings.Contains(e.Message, "127.0.0.1") {
			t.Errorf("%s: %+v", name, err)
		}
		d.Close()
	}
}

// The server goes away between the detection and the submit.
func TestRefusedAfterDetection(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, detectAnswers[stock]) }))
	d, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.variant(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Close()
	r := upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "x", Duration: 4, Materials: []upstream.Material{stored(upstream.Image, "a.png", "image/png", "PNG")}}
	for _, r := range []upstream.Request{classic, r} {
		d.detector.learn(stock)
		_, err = d.Submit(t.Context(), session, &r)
		if e := asError(err); !e.NotAccepted || !e.Unreachable || e.Kind != upstream.Network {
			t.Errorf("%+v", err)
		}
		if _, ok := d.detector.valid(); ok {
			t.Error("the variant is still believed")
		}
	}
}

// Submits never share a connection: on a kept one, a hang-up of the server could
// not be told from a lost answer.
func TestFreshConnections(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == detectPath {
			fmt.Fprint(w, detectAnswers[stock])
			return
		}
		if r.Header.Get("Idempotency-Key") != "" || r.ContentLength <= 0 {
			t.Errorf("headers %v, length %d", r.Header, r.ContentLength)
		}
		fmt.Fprint(w, blockingAnswer)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	d, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for range 3 {
		if _, err := d.Submit(t.Context(), session, &classic); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 4 {
		t.Errorf("%d connections for a detection and three submits", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
func (zeros) Close() error               { return nil }

// A large material streams: sending 128 MiB may not allocate a part of that.
func TestStreams(t *testing.T) {
	const size = 128 << 20
	var got int64
	d := serve(t, fork, func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.Copy(io.Discard, r.Body)
		io.WriteString(w, submitAnswer) // the test looks at the driver
	})
	r := upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "x", Duration: 4, Materials: []upstream.Material{{
		Kind: upstream.Image, Name: "a.png", ContentType: "image/png", Size: size,
		Open: func(context.Context) (io.ReadCloser, error) {
			return struct {
				io.Reader
				io.Closer
			}{io.LimitReader(zeros{}, size), zeros{}}, nil
		},
	}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := d.Submit(t.Context(), session, &r); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got < size {
		t.Errorf("%d bytes arrived", got)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("allocated %d MiB for %d MiB", used>>20, size>>20)
	}
}

// A store that hangs and does not listen must not keep a call that was given up.
func TestHangingStore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	release, left := make(chan struct{}), make(chan struct{})
	d := serve(t, fork, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }) // never complete
	r := upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "x", Duration: 4, Materials: []upstream.Material{{
		Kind: upstream.Image, Name: "a.png", ContentType: "image/png",
		Open: func(context.Context) (io.ReadCloser, error) {
			defer close(left)
			cancel()
			<-release
			return nil, errors.New("too late")
		},
	}}}
	_, err := d.Submit(ctx, session, &r)
	if e := asError(err); !e.NotAccepted || e.Unreachable || !errors.Is(err, context.Canceled) {
		t.Errorf("%+v", err)
	}
	close(release)
	<-left
}

func TestDownload(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the download shows the secret")
		}
		switch r.URL.Path {
		case "/ok":
			w.Header().Set("Content-Type", "video/mp4")
			io.WriteString(w, "MP4") // the test looks at the driver
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/page":
			io.WriteString(w, "<html>") // the test looks at the driver
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	for _, path := range []string{"ok", "moved"} {
		got, err := d.Download(t.Context(), session, d.base.String()+path)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(got.Body)
		got.Body.Close()
		if string(content) != "MP4" || err != nil || got.ContentType != "video/mp4" || got.Size != 3 {
			t.Errorf("%s: %q, %v, %+v", path, content, err, got)
		}
	}
	for _, path := range []string{"page", "expired"} {
		_, err := d.Download(t.Context(), session, d.base.String()+path)
		if e := asError(err); e.Kind != upstream.Network || e.NotAccepted {
			t.Errorf("%s: %+v", path, err)
		}
	}
}
