package caddymodule

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"
)

// rejected are ways in which Caddy refuses a configuration: before Start, in
// Start, and because another app fails after or before our Start.
var rejected = map[string]func(*gateway) map[string]any{
	"provision": func(g *gateway) map[string]any {
		config := g.config("grace_period 99s", "")
		config["apps"].(map[string]any)["jimeng"].(map[string]any)["concurrency"] = "many"
		return config
	},
	"driver": func(g *gateway) map[string]any {
		config := g.config("grace_period 99s", "")
		config["apps"].(map[string]any)["jimeng"].(map[string]any)["upstreams"] = map[string]any{"x": map[string]any{"driver": "nobody"}}
		return config
	},
	"handler": func(g *gateway) map[string]any {
		config := g.config("grace_period 99s", "")
		server := config["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)["srv0"].(map[string]any)
		server["routes"] = append(server["routes"].([]any), map[string]any{"handle": []any{map[string]any{"handler": "nobody"}}})
		return config
	},
	"start": func(g *gateway) map[string]any {
		return g.config("grace_period 99s\ndata_dir "+g.dir+"/other", "")
	},
	"sibling": func(g *gateway) map[string]any {
		config := g.config("grace_period 99s", "")
		config["apps"].(map[string]any)["jimeng_test_failing"] = map[string]any{}
		return config
	},
}

func TestRejectedReload(t *testing.T) {
	g := newGateway(t)
	g.mustLoad("grace_period 7s", "")
	e := g.running()
	for name, config := range rejected {
		if err := g.load(config(g)); err == nil {
			t.Fatalf("%s: the configuration was accepted", name)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %v", name, err)
		}
		g.onlyEngine(e, "7s")
		g.alive()
	}
}

// Caddy starts apps in random order, so only many reloads meet every order.
func TestManyReloads(t *testing.T) {
	g := newGateway(t)
	g.mustLoad("grace_period 1s", "")
	e := g.running()
	grace := "1s"
	for i := range 120 {
		if kind := rand.N(3); kind > 0 {
			name := [...]string{"sibling", "provision", "start"}[rand.N(3)]
			if err := g.load(rejected[name](g)); err == nil {
				t.Fatalf("%s: the configuration was accepted", name)
			}
		} else {
			grace = fmt.Sprintf("%ds", 2+i%50)
			g.mustLoad("grace_period "+grace, "")
		}
		g.onlyEngine(e, grace)
		if i%10 == 0 {
			g.alive()
		}
	}
}

func TestAnotherDatabase(t *testing.T) {
	g := newGateway(t)
	g.mustLoad("", "")
	first := g.running()
	g.mustLoad("database sqlite://"+g.dir+"/second.db\ndata_dir "+g.dir+"/second", "")
	if g.running() != nil {
		t.Error("the first engine still runs")
	}
	if first.store.Ping(t.Context()) == nil {
		t.Error("the first database is still open")
	}
	g.alive()
	g.mustLoad("", "")
	if e := g.running(); e == nil || e == first {
		t.Error("the first database was not opened again")
	}
	g.alive()
}

// A configuration without the gateway ends it; what it ran is gone.
func TestStop(t *testing.T) {
	g := newGateway(t)
	if err := g.load(map[string]any{"admin": map[string]any{"disabled": true, "config": map[string]any{"persist": false}}}); err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	g.mustLoad("upstream simulator {\ndelay 1s\n}", "")
	g.alive()
	g.client.CloseIdleConnections()
	if err := g.load(map[string]any{"admin": map[string]any{"disabled": true, "config": map[string]any{"persist": false}}}); err != nil {
		t.Fatal(err)
	}
	if g.running() != nil {
		t.Error("the engine still runs")
	}
	goleak.VerifyNone(t, before,
		// Caddy's own, which live as long as the process.
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*Cache).maintainAssets"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/caddy/v2/modules/caddytls.(*TLS).keepStorageClean.func1"),
	)
}

// `validate` runs beside a gateway on the same data.
func TestValidateHasNoEffect(t *testing.T) {
	g := newGateway(t)
	text, err := json.Marshal(g.config("upstream simulator", "jimeng_dashboard"))
	if err != nil {
		t.Fatal(err)
	}
	var config caddy.Config
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&config); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(g.dir, "data")); !os.IsNotExist(err) {
		t.Errorf("the data folder was made: %v", err)
	}
	if g.running() != nil {
		t.Error("an engine runs")
	}
}

func TestCleanupWithoutProvision(t *testing.T) {
	t.Parallel()
	app := new(App)
	if err := app.Stop(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := app.Cleanup(); err != nil {
			t.Error(err)
		}
	}
}

func TestStartErrors(t *testing.T) {
	g := newGateway(t)
	file := filepath.Join(g.dir, "file")
	if err := os.WriteFile(file, []byte("not a database, but long enough to be read as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ options, want string }{
		"scheme":      {"database {env.JIMENG_TEST_DATABASE}", "mysql"},
		"unreachable": {"database postgres://ana:hunter2@127.0.0.1:1/jimeng?connect_timeout=2", "127.0.0.1"},
		"no database": {"database sqlite://" + file, "not an SQLite database"},
		"no folder":   {"database sqlite://" + file + "/x/gateway.db", file},
		"data folder": {"data_dir " + file + "/x", file},
		"auth":        {"auth off", ""},
	} {
		t.Setenv("JIMENG_TEST_DATABASE", "mysql://ana:hunter2@db/x")
		config := g.config(test.options, "")
		if name == "auth" {
			server := config["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)["srv0"].(map[string]any)
			server["listen"] = []string{":0"}
			test.want = "auth is off and :0 can be reached from other machines"
		}
		err := g.load(config)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if text := err.Error(); !strings.Contains(text, test.want) || strings.Contains(text, "\n") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %s", name, text)
		}
		engines.Range(func(any, any) bool {
			t.Errorf("%s: an engine was left behind", name)
			return true
		})
	}
}

func TestAuthOff(t *testing.T) {
	g := newGateway(t)
	g.mustLoad("auth off insecure", "")
	if response, body := g.get("/api/v1/tasks", "Authorization", ""); response.StatusCode != http.StatusOK {
		t.Errorf("%d: %s", response.StatusCode, body)
	}
	g.mustLoad("", "")
	if response, _ := g.get("/api/v1/tasks", "Authorization", ""); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("authentication is on, and a stranger gets %d", response.StatusCode)
	}
}
