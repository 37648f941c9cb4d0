package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// moment is how far one call of the gateway to its upstream has come.
type moment int

const (
	submitSent     moment = iota // the whole request is here, the upstream has not seen it
	submitAnswered               // the upstream has answered, the gateway has not heard it
	submitHeard                  // the answer has been written to the gateway's connection
	pollSent
	pollHeard
	fileSent
	fileHalf // half of the file has been written to the gateway's connection
	fileHeard
	moments
)

// wire stands between the gateway and its upstream, sees every call, and can
// hold each at any [moment]. It knows calls by the name of their task, a word of
// the prompt.
type wire struct {
	upstream string
	client   *http.Client
	latency  time.Duration // most that a call takes longer at each moment

	mu    sync.Mutex
	calls map[string]*calls
	names map[string]string // of tasks, by the upstream's id
	holds map[hold]*held
	conns map[net.Conn]bool // from the gateway
}

// calls are those of one task.
type calls struct {
	last   [moments]time.Time
	n      [moments]int
	refuse int // submits that still get a 429
}

type hold struct {
	moment moment
	name   string
}

type held struct {
	reached chan struct{} // closed when a call is there
	release chan bool     // true lets it go on, false drops it
}

var (
	taskName   = regexp.MustCompile(`boat-[a-z0-9]+(-[a-z0-9]+)*`)
	upstreamID = regexp.MustCompile(`"history_record_id":"(\d+)"|/_simulator/files/(\d+)`)
)

// newWire returns the wire and its base URL.
func newWire(t *testing.T, upstream string) (*wire, string) {
	t.Helper()
	w := &wire{
		upstream: upstream,
		client:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		calls:    map[string]*calls{}, names: map[string]string{}, holds: map[hold]*held{}, conns: map[net.Conn]bool{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: w, ConnState: func(c net.Conn, state http.ConnState) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch state {
		case http.StateNew:
			w.conns[c] = true
		case http.StateClosed, http.StateHijacked:
			delete(w.conns, c)
		}
	}}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("wire: %v", err)
		}
	})
	t.Cleanup(func() {
		server.Close()
		serving.Wait()
		w.client.CloseIdleConnections()
	})
	return w, "http://" + listener.Addr().String()
}

// ServeHTTP passes one call on. What has come in whole reaches the upstream,
// also if the gateway has died meanwhile.
func (w *wire) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // an upstream parses the whole body first
	}
	path := r.URL.Path
	sent, answered, heard, name := moments, moments, moments, ""
	switch {
	case r.Method == http.MethodPost && strings.HasPrefix(path, "/v1/video"):
		sent, answered, heard, name = submitSent, submitAnswered, submitHeard, taskName.FindString(string(body))
	case strings.HasSuffix(path, "/status"):
		sent, heard, name = pollSent, pollHeard, w.nameOf(strings.Split(path, "/")[3])
	case strings.HasPrefix(path, "/_simulator/files/"):
		sent, heard = fileSent, fileHeard
		if id := upstreamID.FindStringSubmatch(path); id != nil {
			name = w.nameOf(id[2])
		}
	}
	w.at(sent, name)
	if sent == submitSent && w.refuses(name) {
		to.Header().Set("Retry-After", "1")
		http.Error(to, "too many requests", http.StatusTooManyRequests)
		return
	}
	status, header, answer, broken := w.forward(r, body)
	if id := upstreamID.FindSubmatch(answer); sent == submitSent && id != nil {
		w.mu.Lock()
		w.names[string(id[1])+string(id[2])] = name
		w.mu.Unlock()
	}
	w.at(answered, name)
	for key, values := range header {
		to.Header()[key] = values
	}
	to.WriteHeader(status)
	rest := answer
	if sent == fileSent {
		half := answer[:len(answer)/2]
		rest = answer[len(half):]
		write(to, half)
		w.at(fileHalf, name)
	}
	write(to, rest)
	if broken {
		panic(http.ErrAbortHandler)
	}
	w.at(heard, name)
}

func write(to http.ResponseWriter, b []byte) {
	if _, err := to.Write(b); err != nil {
		panic(http.ErrAbortHandler)
	}
	if err := http.NewResponseController(to).Flush(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// forward asks the upstream, with the Host of the gateway's request, so that the
// links in its answer lead here. An answer may be broken off.
func (w *wire) forward(r *http.Request, body []byte) (status int, header http.Header, answer []byte, broken bool) {
	out := r.Clone(context.WithoutCancel(r.Context()))
	target, err := url.Parse(w.upstream + r.URL.RequestURI())
	if err != nil {
		panic(err)
	}
	out.URL, out.RequestURI = target, ""
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		out.Body = http.NoBody
	}
	response, err := w.client.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, response.Header, answer, err != nil
}

func (w *wire) of(name string) *calls {
	c := w.calls[name]
	if c == nil {
		c = &calls{}
		w.calls[name] = c
	}
	return c
}

func (w *wire) nameOf(upstreamID string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.names[upstreamID]
}

// at counts a call that has come to the moment, and holds it there if asked to.
func (w *wire) at(m moment, name string) {
	if m == moments || name == "" {
		return
	}
	w.mu.Lock()
	c := w.of(name)
	c.last[m] = time.Now()
	c.n[m]++
	h := w.holds[hold{m, name}]
	delete(w.holds, hold{m, name})
	w.mu.Unlock()
	if w.latency > 0 {
		<-time.After(rand.N(w.latency))
	}
	if h == nil {
		return
	}
	close(h.reached)
	if !<-h.release {
		panic(http.ErrAbortHandler)
	}
}

// hold stops the next call of the task at the moment, until it is released.
func (w *wire) hold(m moment, name string) *held {
	h := &held{make(chan struct{}), make(chan bool, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holds[hold{m, name}] = h
	return h
}

// unhold takes back what no call has met.
func (w *wire) unhold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.holds)
}

// refuse answers the next n submits of the task with 429.
func (w *wire) refuse(name string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of(name).refuse = n
}

func (w *wire) refuses(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.of(name)
	c.refuse--
	return c.refuse >= 0
}

// seen is what has happened to the calls of a task so far.
func (w *wire) seen(name string) calls {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.of(name)
}

// drain waits until everything that a dead gateway has sent has been served.
// Connections are accepted in order, so all of its are known once one that was
// made later is.
func (w *wire) drain(own string) error {
	probe, err := net.Dial("tcp", strings.TrimPrefix(own, "http://"))
	if err != nil {
		return err
	}
	defer probe.Close()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
		w.mu.Lock()
		known, others := false, 0
		for c := range w.conns {
			if c.RemoteAddr().String() == probe.LocalAddr().String() {
				known = true
			} else {
				others++
			}
		}
		w.mu.Unlock()
		if known && others == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("calls of the dead gateway do not end")
		}
	}
}
