package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func TestIsAPI(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/api": true, "/api/": true, "/api/v1/tasks": true, "/v1/videos": true, "/auth/me": true, "/ping": true, "/livez": true, "/readyz": true,
		"//api/v1": true, "/x/../v1/models": true,
		"/": false, "/apis": false, "/v1x": false, "/v2/x": false, "/ping/x": false, "/assets/api/v1": false, "/author": false,
	} {
		if isAPI(path) != want {
			t.Errorf("%s: want %t", path, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:5100": true, "localhost:5100": true, "[::1]:5100": true, "unix//run/x.sock": true, "127.0.0.2:80": true,
		":5100": false, "0.0.0.0:5100": false, "[::]:5100": false, "192.168.1.2:5100": false, "example.com:443": false, "{no.such}:1": false,
	} {
		if loopback(address) != want {
			t.Errorf("%s: want %t", address, want)
		}
	}
}

// The HTTP app may start before the gateway's: requests wait, but not for ever.
func TestRequestBeforeStart(t *testing.T) {
	t.Parallel()
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusTeapot)
		return nil
	})
	synctest.Test(t, func(t *testing.T) {
		app := &App{started: make(chan struct{})}
		handler := &Handler{app: app}

		w := httptest.NewRecorder()
		if err := handler.ServeHTTP(w, httptest.NewRequest("GET", "/index.html", nil), next); err != nil || w.Code != http.StatusTeapot {
			t.Errorf("another path: %d, %v", w.Code, err)
		}

		begin := time.Now()
		w = httptest.NewRecorder()
		err := handler.ServeHTTP(w, httptest.NewRequest("GET", "/ping", nil), next)
		if err != nil || w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || time.Since(begin) != startPatience {
			t.Errorf("not started: %v, %v after %s", err, w.Header(), time.Since(begin))
		}

		for path, want := range map[string]int{"/livez": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
			w := httptest.NewRecorder()
			begin := time.Now()
			if err := handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil), next); err != nil || w.Code != want || time.Since(begin) != 0 {
				t.Errorf("%s before the start: %d, %v after %s", path, w.Code, err, time.Since(begin))
			}
		}

		time.AfterFunc(3*time.Second, func() {
			app.api = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
			close(app.started)
		})
		w = httptest.NewRecorder()
		if err := handler.ServeHTTP(w, httptest.NewRequest("GET", "/ping", nil), next); err != nil || w.Code != http.StatusAccepted {
			t.Errorf("started meanwhile: %d, %v", w.Code, err)
		}
	})
}
