package freeapi

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// 100 MB of JSON, packed or not, may not cost a part of that.
func TestLargeAnswersAreNotRead(t *testing.T) {
	for name, misbehave := range map[string]func(net.Conn){
		"plain": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n"+`{"message":"`)
			flood(c, "aaaaaaaa", 100<<20)
		}, // the test looks at the driver
		"packed":  answer("200 OK", bomb, "Content-Encoding: gzip"),
		"headers": endless("X-" + strings.Repeat("a", 1000) + ": b\r\n"),
		"results": answer("200 OK", `{"created":1,"data":[`+strings.Repeat(`{},`, 1<<20)+`{}]}`),
	} {
		server := newWild(t, stock, misbehave)
		d, err := New(Config{URL: server.address})
		if err != nil {
			t.Fatal(err)
		}
		for call, do := range map[string]func() error{
			"submit": func() error { _, err := d.Submit(t.Context(), session, &classic); return err },
			"poll":   func() error { _, err := d.Poll(t.Context(), session, "1"); return err },
			"probe":  func() error { _, err := d.Probe(t.Context(), session); return err },
			"ping":   func() error { return d.Ping(t.Context()) },
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := do(); err == nil {
				t.Errorf("%s, %s: no error", call, name)
			}
			runtime.ReadMemStats(&after)
			// Everything that was allocated on the way, freed or not, of both sides.
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("%s, %s: allocated %d MiB", call, name, used>>20)
			}
		}
		d.Close()
	}
}

// What an upstream says beyond reason is left out, and costs nobody a paid result.
func TestWordsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 1<<20)
	p, err := parsePoll([]byte(`{"code":0,"data":{"status":20,"queue_eta":"`+long+`","queue_position":`+long+`}}`), token)
	if err != nil || len(p.QueueETA) > maxETA+len("…") || p.QueuePosition != nil {
		t.Errorf("%.200s, %v", fmt.Sprint(p), err)
	}
	p, err = parsePoll([]byte(`{"code":0,"data":{"status":20,"queue_eta":"2 min for `+token+`"}}`), token)
	if err != nil || p.QueueETA != "2 min for ***" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := accepted([]byte(`{"history_record_id":"` + long + `"}`)); asError(err).Kind != upstream.InDoubt {
		t.Errorf("an id of 1 MB: %v", err)
	}
	many := strings.Repeat(`{"url":"https://v.example/a"},`, 100)
	if s, err := finished(upstream.Image, []byte("["+many[:len(many)-1]+"]")); err != nil || len(s.Results) != maxResults {
		t.Errorf("%d results, %v", len(s.Results), err)
	}
}

// A generation that failed says nothing of the network between the upstream and
// the gateway, whatever its words are.
func TestAFailedGenerationIsNoNetworkFault(t *testing.T) {
	t.Parallel()
	p, err := parsePoll([]byte(`{"code":0,"data":{"status":30,"fail_code":1500,"raw":{"fail_starling_message":"Network Error"}}}`), token)
	if err != nil || p.State != upstream.Failed || p.Failure.Kind != upstream.GenerationFailed || p.Failure.Unreachable {
		t.Errorf("%+v, %v", p.Failure, err)
	}
}

// buffer is a log that many write.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// net/http writes what comes on a connection that it keeps, and that nobody has
// asked for, into the log. The answers to a probe hold the token.
func TestNothingOfAProbeIsLogged(t *testing.T) {
	var logged buffer
	before := log.Writer()
	log.SetOutput(&logged)
	defer log.SetOutput(before)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		good := `[{"token":"` + token + `","points":{"totalCredit":66}}]`
		switch r.URL.Path {
		case detectPath:
			good = detectAnswers[stock]
		case "/token/check":
			good = `{"live":true}`
		}
		// The length is that of the good answer; more comes behind it.
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", len(good), good, good)
		conn.SetReadDeadline(time.Now().Add(time.Second)) // the test looks at the log
		io.Copy(io.Discard, conn)                         // likewise
	}))
	defer server.Close()
	d, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if p, err := d.Probe(t.Context(), upstream.Session{Secret: token}); err != nil || p.Credits == nil {
		t.Errorf("%+v, %v", p, err)
	}
	server.Close() // waits for the handlers, and so for what the driver makes of it
	if strings.Contains(logged.String(), "0123") {
		t.Errorf("logged: %s", logged.String())
	}
}

// A server may close a connection that it kept open just when the next request
// comes. net/http sends some requests again then; a submit never is one of them.
func TestASubmitIsSentOnce(t *testing.T) {
	t.Parallel()
	var submits, kept atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case detectPath:
			io.WriteString(w, detectAnswers[fork]) // the test looks at the driver
			return
		case "/ping":
			kept.Add(1)
			io.WriteString(w, "pong") // the test looks at the driver
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // it would not act on half of a request
		}
		submits.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}))
	t.Cleanup(server.Close)
	d, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	const rounds, together = 50, 4
	seedance := upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "a boat", Duration: 4,
		Materials: []upstream.Material{stored(upstream.Image, "a.png", "image/png", "PNG")}}
	var sent atomic.Int64
	for range rounds {
		var all sync.WaitGroup
		for i := range together {
			all.Go(func() {
				d.Ping(t.Context()) // it leaves a connection that is kept
				r := []upstream.Request{classic, seedance}[i%2]
				_, err := d.Submit(t.Context(), session, &r)
				if e := asError(err); e.Kind == upstream.InDoubt {
					sent.Add(1)
				} else if !e.NotAccepted {
					t.Errorf("%+v", err)
				}
			})
		}
		all.Wait()
		server.CloseClientConnections()
	}
	if submits.Load() != sent.Load() || sent.Load() == 0 || kept.Load() == 0 {
		t.Errorf("%d submits arrived, of %d that were sent", submits.Load(), sent.Load())
	}
}

// The addresses of a machine are no client's business, also when a result breaks
// off or comes as what it is not.
func TestDownloadsMisbehave(t *testing.T) {
	t.Parallel()
	for name, misbehave := range map[string]func(net.Conn){
		"garbage":            say("\x00\x01\xff%s\r\n\r\n", echo),
		"nothing":            func(net.Conn) {},
		"inside the headers": say("HTTP/1.1 200 OK\r\nContent-Type: vid"),
		"headers":            endless("X-" + strings.Repeat("a", 1000) + ": b\r\n"),
		"cut":                say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nMP4"),
		"half a chunk":       say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nMP4"),
		"no chunk":           say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n", token),
		"a page":             answer("200 OK", "<html>"+echo, "Content-Type: text/html; "+echo),
		"forbidden":          answer("403 Forbidden", echo, "Content-Type: "+echo),
		"moved to a file":    answer("302 Found", "", "Location: file:///etc/passwd?"+echo),
		"moved to nobody":    answer("307 Moved", "", "Location: http://"+stranger+"/"+token),
		"moved to nowhere":   answer("302 Found", "", "Location: http://%zz/"+token),
		"packed":             answer("200 OK", "MP4", "Content-Encoding: gzip", "Content-Type: text/html"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newWild(t, fork, misbehave)
			d, err := New(Config{URL: server.address})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			got, err := d.Download(t.Context(), upstream.Session{Secret: token}, server.address+"/a.mp4?sig=1")
			if err == nil {
				_, err = io.ReadAll(got.Body)
				got.Body.Close()
			} else if e := asError(err); e.Kind != upstream.Network || e.NotAccepted {
				t.Errorf("%+v", err)
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, secret := range []string{"0123", "56789", "abcdef", "127.0.0.1", "sig=1", "passwd"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q shows %q", err, secret)
				}
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "0": 0, "7": 7 * time.Second, "3600": time.Hour, "315360000": time.Hour,
		strings.Repeat("9", 100): time.Hour, "-" + strings.Repeat("9", 100): 0,
		"Fri, 31 Dec 9999 23:59:59 GMT": time.Hour, "Mon, 01 Jan 1990 00:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
