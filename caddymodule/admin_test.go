package caddymodule

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// adminSocket gives the gateway an admin endpoint on a socket of its own, in any
// configuration that it makes from now on, and returns its path.
func (g *gateway) adminSocket() string {
	path := filepath.Join(g.dir, "admin.sock")
	g.admin = "unix/" + path
	// Caddy keeps an endpoint until another configuration takes its place.
	g.t.Cleanup(func() {
		if err := g.load(nothing()); err != nil {
			g.t.Error(err)
		}
	})
	return path
}

// nothing is a configuration without any app.
func nothing() map[string]any {
	return map[string]any{
		"admin":   map[string]any{"disabled": true, "config": map[string]any{"persist": false}},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{"level": "ERROR"}}},
	}
}

// through sends a request to the admin endpoint at a network address.
func (g *gateway) through(network, address, method, url string, header ...string) (status int, body string) {
	g.t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(g.t.Context(), method, url, strings.NewReader(""))
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// Who reaches the admin endpoint needs no key, whichever configuration came last
// and whatever became of it.
func TestAdminEndpoint(t *testing.T) {
	g := newGateway(t)
	socket := g.adminSocket()
	ask := func(path string, want int) string {
		t.Helper()
		status, body := g.through("unix", socket, http.MethodGet, "http://localhost"+path)
		if status != want {
			t.Errorf("%s: %d, want %d: %s", path, status, want, body)
		}
		return body
	}
	g.mustLoad("", "")
	if me := ask("/jimeng/api/v1/me", http.StatusOK); !strings.Contains(me, `"scopes":["admin"]`) {
		t.Error(me)
	}
	ask("/jimeng/api/v1/nothing", http.StatusNotFound)
	ask("/jimengapi/v1/me", http.StatusNotFound)
	if response, _ := g.get("/api/v1/me", "Authorization", ""); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("at the public address a stranger gets %d", response.StatusCode)
	}
	if response, _ := g.get("/jimeng/api/v1/me"); response.StatusCode != http.StatusOK || response.ContentLength != 0 {
		t.Errorf("the public address knows the path: %d, %d bytes", response.StatusCode, response.ContentLength)
	}
	for name, config := range rejected {
		if err := g.load(config(g)); err == nil {
			t.Fatalf("%s: the configuration was accepted", name)
		}
		ask("/jimeng/api/v1/keys", http.StatusOK)
	}
	// Another database, another engine: the endpoint follows.
	g.mustLoad("database sqlite://"+g.dir+"/second.db\ndata_dir "+g.dir+"/second", "")
	ask("/jimeng/api/v1/keys", http.StatusOK)

	config := g.config("", "")
	delete(config, "apps")
	if err := g.load(config); err != nil {
		t.Fatal(err)
	}
	if body := ask("/jimeng/api/v1/keys", http.StatusServiceUnavailable); !strings.Contains(body, "no gateway runs here") {
		t.Error(body)
	}
}

// Caddy's own protection against web pages covers the gateway too.
func TestAdminEndpointAndBrowsers(t *testing.T) {
	g := newGateway(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	g.adminSocket()
	g.admin = listener.Addr().String()
	g.mustLoad("", "")
	const path = "/jimeng/api/v1/keys"
	for name, test := range map[string]struct {
		host   string
		header []string
		want   int
	}{
		"program":      {g.admin, nil, http.StatusOK},
		"own origin":   {g.admin, []string{"Origin", "http://" + g.admin}, http.StatusOK},
		"foreign page": {g.admin, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		"sandbox":      {g.admin, []string{"Origin", "null"}, http.StatusBadRequest},
		"image":        {g.admin, []string{"Sec-Fetch-Mode", "no-cors"}, http.StatusBadRequest},
		"link":         {g.admin, []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"rebound name": {"evil.example", nil, http.StatusForbidden},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			status, body := g.through("tcp", g.admin, method, "http://"+test.host+path, test.header...)
			if method == http.MethodPost && test.want == http.StatusOK {
				test.want = http.StatusBadRequest // the gateway's own complaint about the empty body
			}
			if status != test.want {
				t.Errorf("%s: %s is answered with %d: %s", name, method, status, body)
			}
		}
	}
}

// A stream comes through as it is written, and ends at once when the gateway is
// configured anew.
func TestStreamsOfTheAdminEndpoint(t *testing.T) {
	g := newGateway(t)
	socket := g.adminSocket()
	const options = "upstream simulator {\nvariant iptag\n}\n"
	g.mustLoad(options, "")
	g.jimeng("secret-of-a-session", "session", "add")
	id := g.create("[[delay:10m]] a boat")
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/jimeng/api/v1/tasks/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	stream := bufio.NewReader(response.Body)
	for line := ""; line != "event: snapshot\n"; {
		if line, err = stream.ReadString('\n'); err != nil {
			t.Fatal("before the snapshot:", err)
		}
	}
	g.mustLoad(options+"grace_period 3s\n", "")
	if _, err := io.Copy(io.Discard, stream); err != nil {
		t.Error("the stream did not end well:", err)
	}
	g.jimeng("", "task", "cancel", id)
}

// deadlines is an answer that remembers the deadline for reading the request.
type deadlines struct {
	*httptest.ResponseRecorder
	read time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error { d.read = at; return nil }

// Caddy's limit of ten seconds would cut an upload off, and a stream.
func TestAdminEndpointHasTime(t *testing.T) {
	g := newGateway(t)
	g.mustLoad("", "")
	w := &deadlines{httptest.NewRecorder(), time.Now()}
	if err := serveAdmin(w, httptest.NewRequest(http.MethodGet, "/jimeng/api/v1/me", nil)); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusOK || !w.read.IsZero() {
		t.Errorf("%d, the request must be read by %v", w.Code, w.read)
	}
}

// A link is the gateway's public address or none; the admin endpoint's would lead
// nowhere.
func TestLinksOfTheAdminEndpoint(t *testing.T) {
	g := newGateway(t)
	socket := g.adminSocket()
	const options = "poll_interval 100ms\nupstream simulator {\nvariant iptag\ndelay 0s\n}\n"
	g.mustLoad(options, "")
	g.jimeng("secret-of-a-session", "session", "add")
	g.jimeng("", "generate", "--prompt", "a boat")
	for prefix, more := range map[string]string{"/v1/artifacts/": "", "https://video.example.com/sub/v1/artifacts/": "public_url https://video.example.com/sub"} {
		g.mustLoad(options+more, "")
		_, body := g.through("unix", socket, http.MethodGet, "http://localhost/jimeng/api/v1/tasks")
		var list struct {
			Tasks []struct {
				VideoURL string `json:"video_url"`
			}
		}
		if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Tasks) != 1 || !strings.HasPrefix(list.Tasks[0].VideoURL, prefix) {
			t.Errorf("%s: %v", body, err)
		}
		out := filepath.Join(g.dir, "video.mp4")
		g.jimeng("", "task", "watch", g.onlyTask(), "--out", out)
		if video, err := os.ReadFile(out); err != nil || len(video) < 1000 || string(video[4:8]) != "ftyp" {
			t.Errorf("%d bytes, %v", len(video), err)
		}
	}
}

func TestAdminWithoutCaddy(t *testing.T) {
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	err := serveAdmin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/jimeng/api/v1/me", nil))
	if e, ok := errors.AsType[caddy.APIError](err); !ok || e.HTTPStatus != http.StatusServiceUnavailable {
		t.Error(err)
	}
}
