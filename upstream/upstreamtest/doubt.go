package upstreamtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// front is a reverse proxy before the upstream that gives submits to spoil.
func front(t *testing.T, h Harness, spoil http.HandlerFunc) (driver upstream.Driver, submits *atomic.Int64) {
	t.Helper()
	target, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
	}
	submits = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.IsSubmit(r) {
			proxy.ServeHTTP(w, r)
			return
		}
		submits.Add(1)
		spoil(w, r)
	}))
	t.Cleanup(server.Close)
	return h.New(t, server.URL), submits
}

func testDeadAddress(t *testing.T, h Harness) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.URL
	server.Close()
	_, err := h.New(t, address).Submit(testContext(t), h.Session, &h.Request)
	if e := wantFault(t, h, err); !e.NotAccepted || !e.Unreachable || e.Kind != upstream.Network {
		t.Errorf("got %+v, want a network error, surely not accepted", e)
	}
}

// inDoubt submits once to an upstream that took the request whole and said
// nothing that can be understood.
func inDoubt(t *testing.T, h Harness, spoil http.HandlerFunc) {
	t.Helper()
	driver, submits := front(t, h, spoil)
	// A call before it leaves a connection that could be used again.
	if _, err := driver.Probe(testContext(t), h.Session); err != nil {
		t.Fatalf("probe: %v", err)
	}
	_, err := driver.Submit(testContext(t), h.Session, &h.Request)
	if e := wantFault(t, h, err); e.NotAccepted || !e.Unreachable || e.Kind != upstream.InDoubt {
		t.Errorf("got %+v, want in doubt", e)
	}
	if n := submits.Load(); n != 1 {
		t.Errorf("the request was sent %d times", n)
	}
}

func testCut(t *testing.T, h Harness) {
	inDoubt(t, h, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // cut anyway
		panic(http.ErrAbortHandler)
	})
}

func testGarbage(t *testing.T, h Harness) {
	inDoubt(t, h, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // answered anyway
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		io.WriteString(w, "<html><h1>502 Bad Gateway</h1></html>") // the test looks at the driver
	})
}

// testHalfUpload hangs up while the materials are on their way.
func testHalfUpload(t *testing.T, h Harness) {
	driver, submits := front(t, h, func(_ http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, 64<<10) // cut anyway
		panic(http.ErrAbortHandler)
	})
	large := upstream.Material{
		Kind: upstream.Image, Name: "a.png", ContentType: "image/png", Size: 64 << 20,
		Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(io.LimitReader(zeros{}, 64<<20)), nil
		},
	}
	r := h.Request
	r.Materials = []upstream.Material{large}
	_, err := driver.Submit(testContext(t), h.Session, &r)
	if e := wantFault(t, h, err); !e.NotAccepted || !e.Unreachable || e.Kind != upstream.Network {
		t.Errorf("got %+v, want a network error, surely not accepted", e)
	}
	if n := submits.Load(); n != 1 {
		t.Errorf("the request was sent %d times", n)
	}
}

// testCancel gives a submit up that nobody answers.
func testCancel(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(testContext(t))
	release := make(chan struct{})
	driver, _ := front(t, h, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // never answered
		cancel()
		<-release
		panic(http.ErrAbortHandler)
	})
	defer close(release)
	start := time.Now()
	_, err := driver.Submit(ctx, h.Session, &h.Request)
	if e := wantFault(t, h, err); e.NotAccepted || e.Unreachable || e.Kind != upstream.InDoubt {
		t.Errorf("got %+v, want in doubt", e)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap context.Canceled", err)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("returned after %s", took)
	}
	_, err = driver.Submit(ctx, h.Session, &h.Request)
	if e := wantFault(t, h, err); !e.NotAccepted {
		t.Errorf("submit with a context that had ended: %+v", e)
	}
}

// testCancelUpload gives a submit up while a material is read.
func testCancelUpload(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	stuck := upstream.Material{
		Kind: upstream.Image, Name: "a.png", ContentType: "image/png", Size: 1 << 20,
		Open: func(ctx context.Context) (io.ReadCloser, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	r := h.Request
	r.Materials = []upstream.Material{stuck}
	_, err := h.Driver.Submit(ctx, h.Session, &r)
	if e := wantFault(t, h, err); !e.NotAccepted || e.Unreachable {
		t.Errorf("got %+v, want surely not accepted", e)
	}
	if n := len(h.Received()); n != 0 {
		t.Errorf("the upstream accepted %d requests", n)
	}
}

func testCancelPoll(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	_, err := h.Driver.Poll(ctx, h.Session, "1")
	if e := wantFault(t, h, err); e.Unreachable || !errors.Is(err, context.Canceled) {
		t.Errorf("poll: %+v", e)
	}
	_, err = h.Driver.Probe(ctx, h.Session)
	if e := wantFault(t, h, err); e.Unreachable || !errors.Is(err, context.Canceled) {
		t.Errorf("probe: %+v", e)
	}
	if _, err := h.Driver.Download(ctx, h.Session, h.URL); err != nil {
		wantFault(t, h, err)
	} else {
		t.Error("download with a context that had ended")
	}
}

// testPollDead: a poll that gets no answer is an error and no end.
func testPollDead(t *testing.T, h Harness) {
	progress, err := h.New(t, "http://127.0.0.1:1").Poll(testContext(t), h.Session, "1")
	if e := wantFault(t, h, err); e.NotAccepted || !e.Unreachable || progress.State != upstream.Running {
		t.Errorf("got %+v, %+v", progress, e)
	}
}
