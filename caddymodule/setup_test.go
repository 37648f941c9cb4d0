package caddymodule

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

const testToken = "a-token-that-nobody-guesses"

// gateway is a real Caddy in this process with the gateway in it. Caddy has one
// running configuration per process, so tests with a gateway are not parallel.
type gateway struct {
	t       *testing.T
	dir     string
	address string
	admin   string // where Caddy's admin endpoint listens, "off" unless a test says otherwise
	client  *http.Client
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // Caddy takes the port
	transport := new(http.Transport)
	g := &gateway{t: t, dir: realPath(t.TempDir()), address: listener.Addr().String(), admin: "off", client: &http.Client{Transport: transport}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// database is the URL of the gateway's usual database.
func (g *gateway) database() string { return "sqlite://" + g.dir + "/data/gateway.db" }

// config adapts a Caddyfile with these options of jimeng and these lines in the
// site, and returns it as a value that a test can change.
func (g *gateway) config(options, site string) map[string]any {
	g.t.Helper()
	if !strings.Contains(options, "database ") {
		options += "\ndatabase " + g.database()
	}
	if !strings.Contains(options, "data_dir ") {
		options += "\ndata_dir " + g.dir + "/data"
	}
	text := "{\nadmin " + g.admin + "\npersist_config off\nstorage file_system " + g.dir + "/caddy\nlog {\nlevel ERROR\n}\njimeng {\nadmin_token " + testToken + "\n" + options + "\n}\n}\n" +
		"http://" + g.address + " {\nbind 127.0.0.1\njimeng\n" + site + "\n}\n"
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(adapted, &config); err != nil {
		g.t.Fatal(err)
	}
	return config
}

func (g *gateway) load(config map[string]any) error {
	g.t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		g.t.Fatal(err)
	}
	return caddy.Load(text, true)
}

func (g *gateway) mustLoad(options, site string) {
	g.t.Helper()
	if err := g.load(g.config(options, site)); err != nil {
		g.t.Fatal(err)
	}
}

// get asks with the admin token.
func (g *gateway) get(path string, header ...string) (*http.Response, string) {
	g.t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://"+g.address+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testToken)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := g.client.Do(request)
	for range 5 {
		// On Linux each of Caddy's servers has a listener of its own on the
		// port; one that closes resets the connections that it has not accepted.
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			break
		}
		response, err = g.client.Do(request)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return response, string(body)
}

// alive fails the test unless the API answers from its database.
func (g *gateway) alive() {
	g.t.Helper()
	if response, body := g.get("/api/v1/tasks"); response.StatusCode != http.StatusOK {
		g.t.Fatalf("the tasks answer %d: %s", response.StatusCode, body)
	}
}

// running returns the engine on the gateway's usual database, nil for none.
func (g *gateway) running() (found *engine) {
	engines.Range(func(_, value any) bool {
		if e := value.(*engine); e.identity == g.database() {
			found = e
		}
		return true
	})
	return found
}

// onlyEngine fails the test unless that engine is the only one and has one
// reference, one configuration, and the settings of that.
func (g *gateway) onlyEngine(want *engine, grace string) {
	g.t.Helper()
	count := 0
	engines.Range(func(any, any) bool { count++; return true })
	references, _ := engines.References(want.identity)
	want.mu.Lock()
	defer want.mu.Unlock()
	if e := g.running(); e != want || count != 1 || references != 1 || len(want.layers) != 1 || want.grace.String() != grace || !want.running {
		g.t.Fatalf("engine %p, want %p; %d engines, %d references, %d layers, grace %s, want %s, running %t",
			e, want, count, references, len(want.layers), want.grace, grace, want.running)
	}
}

// failing is an app whose start fails, beside the gateway.
type failing struct{}

func init() { caddy.RegisterModule(failing{}) }

func (failing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "jimeng_test_failing", New: func() caddy.Module { return new(failing) }}
}
func (failing) Start() error { return errors.New("this app always fails") }
func (failing) Stop() error  { return nil }
