package freeapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// detection texts of the three servers.
var detectAnswers = map[variant]string{
	fork:  `{"code":-2000,"message":"Params headers.authorization invalid","data":null}`,
	stock: `{"code":-1000,"message":"[请求有误]: 正确请求为 POST -> /v1/chat/completions，当前请求为 GET -> /v1/videos/0/status 请纠正","data":null}`,
	iptag: `{"code":-1000,"message":"[请求有误]: 请检查API文档确认正确的请求路径，当前请求为 GET -> /v1/videos/0/status 请纠正","data":null}`,
}

// serve runs a server that is v to whoever asks, and handle for the rest.
func serve(t *testing.T, v variant, handle http.HandlerFunc) *Driver {
	t.Helper()
	return newTestDriver(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == detectPath {
			if r.Header.Get("Authorization") != "" {
				t.Error("the detection shows a token")
			}
			io.WriteString(w, detectAnswers[v]) // the test looks at the driver
			return
		}
		handle(w, r)
	}))
}

func newTestDriver(t *testing.T, h http.Handler) *Driver {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	d, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for want, answer := range detectAnswers {
		d := newTestDriver(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
		if got, err := d.variant(t.Context()); err != nil || got != want {
			t.Errorf("%s: %q, %v", want, got, err)
		}
	}
	for _, answer := range []string{`{"code":0,"data":{}}`, `<html></html>`, `{"error":"not found"}`, ``, `{"code":-1000,"message":"other"}`} {
		d := newTestDriver(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
		_, err := d.variant(t.Context())
		if err == nil {
			t.Errorf("%q is taken for a variant", answer)
			continue
		}
		if e := asError(err); !e.Unreachable || !e.NotAccepted || e.Kind != upstream.Network {
			t.Errorf("%q: %+v", answer, e)
		}
	}
}

func TestDetectOnceForMany(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	release := make(chan struct{})
	d := newTestDriver(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		<-release
		fmt.Fprint(w, detectAnswers[iptag])
	}))
	// One who gives up does not take the answer away from the others.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.variant(ctx); err == nil {
		t.Error("an answer for a context that had ended")
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if v, err := d.variant(t.Context()); v != iptag || err != nil {
				t.Errorf("%q, %v", v, err)
			}
		})
	}
	close(release)
	all.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestDetectAgain(t *testing.T) {
	t.Parallel()
	var now atomic.Value
	now.Store(stock)
	var asked atomic.Int64
	d := newTestDriver(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == detectPath:
			asked.Add(1)
			fmt.Fprint(w, detectAnswers[now.Load().(variant)])
		case r.Method == http.MethodGet:
			fmt.Fprint(w, detectAnswers[iptag]) // an unknown route
		default:
			panic(http.ErrAbortHandler)
		}
	}))
	s := upstream.Session{Secret: "0123456789abcdef"}
	if n := len(d.Models()); n != len(catalogue(unknown)) {
		t.Errorf("%d models before the first answer", n)
	}
	d.variant(t.Context()) // counted
	d.variant(t.Context()) // counted
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	now.Store(iptag)
	if _, err := d.Poll(t.Context(), s, "1"); err == nil || !asError(err).Unreachable {
		t.Errorf("poll of an unknown route: %v", err)
	}
	if v, _ := d.variant(t.Context()); v != iptag || asked.Load() != 2 {
		t.Errorf("after an unknown route: %s, asked %d times", v, asked.Load())
	}
	if _, err := d.Probe(t.Context(), s); err == nil || !asError(err).Unreachable {
		t.Errorf("probe of a dead server: %v", err)
	}
	now.Store(fork)
	if v, _ := d.variant(t.Context()); v != fork || asked.Load() != 3 {
		t.Errorf("after the server was unreachable: %s, asked %d times", v, asked.Load())
	}
	if n := len(d.Models()); n != len(catalogue(fork)) {
		t.Errorf("%d models of fork", n)
	}
}

func TestVariantLifetime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d detector
		if _, ok := d.valid(); ok {
			t.Error("valid before anything was learnt")
		}
		if !d.learn(fork) || d.learn(fork) {
			t.Error("only the first is news")
		}
		time.Sleep(variantLifetime - time.Second)
		if _, ok := d.valid(); !ok {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Second)
		if _, ok := d.valid(); ok || d.last() != fork {
			t.Error("never asked again, or forgotten for the models")
		}
	})
}
