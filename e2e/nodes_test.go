package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// twoNodes starts two gateways on one PostgreSQL and one upstream.
func twoNodes(t *testing.T, delay string) (w, other *world) {
	t.Helper()
	if os.Getenv(storetest.PostgresURL) == "" {
		t.Skip("there is no PostgreSQL (" + storetest.PostgresURL + ")")
	}
	w = newWorld(t, "fork", delay)
	w.env = append(w.env, "DATABASE_URL="+storetest.Postgres(t), "SECRET_KEY="+strings.Repeat("5e", 32))
	other = w.second()
	w.start()
	other.start()
	return w, other
}

// second is another node on the same database and upstream.
func (w *world) second() *world {
	w.t.Helper()
	other := *w
	address := freeAddress(w.t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		w.t.Fatal(err)
	}
	other.dir = w.t.TempDir()
	other.gateway = "http://127.0.0.1:" + port
	other.env = append(append([]string{}, w.env...), "PORT="+port, "DATA_DIR="+filepath.Join(other.dir, "data"),
		"CADDY_ADMIN=unix/"+filepath.Join(other.dir, "admin.sock"))
	return &other
}

// Two nodes on one PostgreSQL share the sessions; when one is killed, the other
// goes on with its tasks, with the same sessions and without a second submit.
func TestTakeover(t *testing.T) {
	t.Parallel()
	w, other := twoNodes(t, "6s")
	w.sessions(5, 2)
	const tasks = 30
	for i := range tasks {
		node := w
		if i%2 == 1 {
			node = other
		}
		if _, _, err := node.seedance(fmt.Sprint("boat ", i)); err != nil {
			t.Fatal(err)
		}
	}
	w.eventually(10*time.Second, func() string {
		if s := w.stats(); s["polling"] < 10 {
			return fmt.Sprint(s)
		}
		return ""
	})
	w.kill()
	other.eventually(90*time.Second, func() string {
		s := other.stats()
		if s["succeeded"] != tasks {
			return fmt.Sprint(s)
		}
		return ""
	})
	other.paidOnce(tasks)
	var stats struct {
		Tokens map[string]struct {
			MaxRunning int `json:"max_running"`
		} `json:"tokens"`
	}
	if err := other.fromSimulator("stats", &stats); err != nil {
		t.Fatal(err)
	}
	for token, load := range stats.Tokens {
		if load.MaxRunning > 2 {
			t.Errorf("%s ran %d at once", token, load.MaxRunning)
		}
	}
	other.term()
}
