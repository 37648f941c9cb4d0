package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The probes follow the gateway through a reload, which they do not notice, and a
// graceful stop, of which /readyz tells while the gateway still serves.
func TestProbes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "100ms")
	text, err := os.ReadFile(caddyfile(t))
	if err != nil {
		t.Fatal(err)
	}
	w.caddyfile = filepath.Join(w.dir, "Caddyfile")
	slow := strings.Replace(string(text), "grace_period 10s", "grace_period 10s\n\tshutdown_delay 3s", 1)
	if err := os.WriteFile(w.caddyfile, []byte(slow), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start()
	probe := func(path string) (int, string) {
		t.Helper()
		response, err := w.client.Get(w.gateway + path)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		return response.StatusCode, string(body)
	}
	if status, body := probe("/readyz?verbose"); status != http.StatusOK || !strings.HasPrefix(body, "ok\ndatabase: ok\nengine: ok\n") {
		t.Errorf("ready: %d %q", status, body)
	}
	// The old configuration stops three seconds later, and new requests find the new one.
	reloaded := make(chan struct{})
	go func() {
		defer close(reloaded)
		w.reload()
	}()
	for done := false; !done; {
		select {
		case <-reloaded:
			done = true
		case <-time.After(50 * time.Millisecond):
		}
		if status, body := probe("/readyz"); status != http.StatusOK && status != 0 { // Caddy may reset a connection
			t.Errorf("ready while it reloads: %d %q", status, body)
		}
	}
	w.signal(syscall.SIGTERM)
	w.eventually(10*time.Second, func() string {
		if status, body := probe("/readyz"); status != http.StatusServiceUnavailable || body != "The gateway is stopping.\n" {
			return body
		}
		return ""
	})
	if status, body := probe("/livez"); status != http.StatusOK {
		t.Errorf("alive while it stops: %d %q", status, body)
	}
	if err := w.process.Wait(); err != nil {
		t.Errorf("the gateway did not end well: %v", err)
	}
}
