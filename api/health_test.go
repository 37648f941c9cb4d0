package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/health"
)

// withHealth serves the shared engine with these components in place of its own.
func withHealth(t *testing.T, change func(*api.Config), components ...health.Component) *gateway {
	t.Helper()
	monitor := health.NewMonitor(zap.NewNop())
	t.Cleanup(func() { monitor.Close(context.Background()) })
	var checks []health.Check
	for _, c := range components {
		checks = append(checks, health.Check{Name: c.Name, Do: func(context.Context) []health.Component { return []health.Component{c} }})
	}
	monitor.Configure(checks)
	return serve(t, func(c *api.Config) {
		c.Health = monitor
		if change != nil {
			change(c)
		}
	})
}

func (g *gateway) health(status int) map[string]any {
	g.t.Helper()
	return g.json("GET", "/api/v1/health", "", status)
}

func TestHealthByCaller(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	stranger := *admin
	stranger.key = ""
	reader, writer := admin.as(`{"name":"reader"}`), admin.as(`{"name":"writer","scopes":["video:create"]}`)
	operator := admin.as(`{"name":"operator","scopes":["pool:read"]}`)
	wrong := *admin
	wrong.key = "gw_" + strings.Repeat("0", 32)

	for name, g := range map[string]*gateway{"stranger": &stranger, "wrong key": &wrong, "writer": writer} {
		answer := g.health(http.StatusOK)
		if len(answer) != 4 || answer["ok"] != true || answer["gateway_version"] != "test" || answer["container"] != nil || answer["status"] == nil {
			t.Errorf("%s: %v", name, answer)
		}
	}
	answer := reader.health(http.StatusOK)
	if answer["components"] != nil || answer["tasks"].(map[string]any)["total"] != 0.0 || answer["sessions"] == nil || answer["storage"] == nil ||
		answer["container"].(map[string]any)["name"] != "jimeng-api" {
		t.Errorf("reader: %v", answer)
	}
	if answer := operator.health(http.StatusOK); answer["components"] == nil || answer["tasks"] != nil {
		t.Errorf("operator: %v", answer)
	}
	names := map[string]string{}
	for _, c := range admin.health(http.StatusOK)["components"].([]any) {
		c := c.(map[string]any)
		names[c["name"].(string)] = c["state"].(string)
		if since, err := time.Parse(time.RFC3339, c["since"].(string)); err != nil || time.Since(since) > time.Hour {
			t.Errorf("since: %v", c)
		}
	}
	for _, name := range []string{"database", "engine", "storage", "pool", "upstream/jimeng"} {
		if names[name] == "" {
			t.Errorf("%s is missing: %v", name, names)
		}
	}
}

// Degraded is not dead, and only what takes tasks is vital.
func TestHealthByComponents(t *testing.T) {
	t.Parallel()
	well := []health.Component{{Name: "database", State: health.OK}, {Name: "engine", State: health.OK}}
	with := func(c health.Component) []health.Component { return append(append([]health.Component{}, well...), c) }
	exiting := func(c *api.Config) { c.Exiting = func() bool { return true } }
	tests := map[string]struct {
		components []health.Component
		change     func(*api.Config)
		status     int
		state      string
		ready      string
	}{
		"well":          {well, nil, 200, "ok", "ok\n"},
		"not used":      {with(health.Component{Name: "docker", State: health.Off}), nil, 200, "ok", "ok\n"},
		"pool down":     {with(health.Component{Name: "pool", State: health.Down, Reason: "at 192.0.2.7"}), nil, 200, "degraded", "ok\n"},
		"slow engine":   {[]health.Component{well[0], {Name: "engine", State: health.Degraded}}, nil, 200, "degraded", "ok\n"},
		"no database":   {[]health.Component{well[1], {Name: "database", State: health.Down, Reason: "It is away."}}, nil, 503, "down", "It is away.\n"},
		"nothing known": {nil, nil, 503, "down", "It is not known yet how the database is.\n"},
		"stopping":      {well, exiting, 503, "down", "The gateway is stopping.\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := withHealth(t, test.change, test.components...)
			answer := g.health(test.status)
			if answer["ok"] != (test.status == 200) || answer["status"] != test.state || len(answer["components"].([]any)) != len(test.components) {
				t.Errorf("health: %v", answer)
			}
			g.key = ""
			if res, raw := g.do("GET", "/readyz", "", nil); res.StatusCode != test.status || string(raw) != test.ready {
				t.Errorf("readyz: %s %q", res.Status, raw)
			}
			_, raw := g.do("GET", "/readyz?verbose", "", nil)
			if strings.Contains(string(raw), "192.0.2.7") || strings.Count(string(raw), "\n") != 1+len(test.components) {
				t.Errorf("readyz?verbose: %q", raw)
			}
			if res, raw := g.do("GET", "/livez", "", nil); res.StatusCode != 200 || string(raw) != "ok\n" {
				t.Errorf("livez: %s %q", res.Status, raw)
			}
			if res, _ := g.do("HEAD", "/readyz", "", nil); res.StatusCode != test.status {
				t.Errorf("HEAD readyz: %s", res.Status)
			}
		})
	}
}

// While the database is away, the health answers, soon, and whoever is known is told
// what is wrong; a key that cannot be looked up is a stranger's.
func TestHealthWithoutDatabase(t *testing.T) {
	t.Parallel()
	var own engine
	dir := t.TempDir()
	if err := own.start(t.Context(), dir, "sqlite://"+dir+"/gateway.db", "http://127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	if err := own.stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	own.health = health.NewMonitor(zap.NewNop())
	defer own.health.Close(context.Background())
	own.health.Configure([]health.Check{{Name: "database", Do: own.store.Health}, {Name: "engine", Do: own.queue.Health}, {Name: "pool", Do: own.pool.Health}})
	handler := own.handler(t, nil)
	for _, key := range []string{adminToken, "gw_" + strings.Repeat("0", 32), ""} {
		r := httptest.NewRequest("GET", "/api/v1/health", nil)
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		w := record(handler, r)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 503 || answer["ok"] != false || answer["status"] != "down" {
			t.Errorf("with %q: %d %v %v", key, w.Code, err, answer)
		}
		if (answer["components"] != nil) != (key == adminToken) {
			t.Errorf("with %q: %v", key, answer)
		}
	}
	if w := record(handler, httptest.NewRequest("GET", "/livez", nil)); w.Code != 200 {
		t.Errorf("livez: %d", w.Code)
	}
}

func record(handler http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}
