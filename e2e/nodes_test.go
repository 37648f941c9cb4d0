package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// twoNodes starts two gateways on one PostgreSQL and one upstream.
func twoNodes(t *testing.T, delay string) (w, other *world) {
	t.Helper()
	return twoNodesOf(t, "fork", delay)
}

func twoNodesOf(t *testing.T, variant, delay string) (w, other *world) {
	t.Helper()
	if os.Getenv(storetest.PostgresURL) == "" {
		t.Skip("there is no PostgreSQL (" + storetest.PostgresURL + ")")
	}
	w = newWorld(t, variant, delay)
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
	w.t.Cleanup(other.checkLog)
	other.gateway = "http://127.0.0.1:" + port
	other.env = append(append([]string{}, w.env...), "PORT="+port, "DATA_DIR="+filepath.Join(other.dir, "data"),
		"CADDY_ADMIN=unix/"+filepath.Join(other.dir, "admin.sock"))
	return &other
}

// held fails unless no session has ever run more than its two slots.
func (w *world) held() {
	w.t.Helper()
	var stats struct {
		Tokens map[string]struct {
			MaxRunning int `json:"max_running"`
		} `json:"tokens"`
	}
	if err := w.fromSimulator("stats", &stats); err != nil {
		w.t.Fatal(err)
	}
	for token, load := range stats.Tokens {
		if load.MaxRunning > 2 {
			w.t.Errorf("%s ran %d at once", token, load.MaxRunning)
		}
	}
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
	running := w.withStatus("polling")
	w.kill()
	killed := time.Now()
	other.eventually(time.Minute, func() string {
		for _, id := range running {
			if task := other.task(id); task.Status != "succeeded" {
				return fmt.Sprintf("%+v", task)
			}
		}
		return ""
	})
	// A dead node is known after 10 s, or 13 s when its last sign of life came
	// just after the other's look. A machine that stalls takes longer.
	t.Logf("what ran when the node was killed had ended %v later", time.Since(killed).Round(time.Millisecond))
	other.eventually(90*time.Second, func() string {
		s := other.stats()
		if s["succeeded"] != tasks {
			return fmt.Sprint(s)
		}
		return ""
	})
	other.paidOnce(tasks)
	other.held()
	other.term()
}

// A node that is frozen until the other has taken over, and woken then, must not
// write over what the other did: neither where it was polling, nor where a call
// of its own was on the wire.
func TestAFrozenNode(t *testing.T) {
	for variant, delay := range map[string]string{"fork": "8s", "stock": "12s"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			w, other := twoNodesOf(t, variant, delay)
			w.sessions(5, 2)
			const tasks = 10
			for i := range tasks {
				if _, _, err := []*world{w, other}[i%2].seedance(fmt.Sprint("boat ", i)); err != nil {
					t.Fatal(err)
				}
			}
			w.eventually(time.Minute, func() string {
				if n := len(w.paid()); n < tasks {
					return fmt.Sprintf("%d of %d were sent", n, tasks)
				}
				return ""
			})
			w.signal(syscall.SIGSTOP)
			other.eventually(2*time.Minute, func() string {
				if s := other.stats(); s["succeeded"]+s["failed"] != tasks {
					return fmt.Sprint(s)
				}
				return ""
			})
			ends := make(map[string]task)
			for _, id := range other.withStatus("succeeded", "failed") {
				ends[id] = other.task(id)
				if e := ends[id]; e.Status == "failed" && (variant == "fork" || e.ErrorKind != "in_doubt") {
					t.Errorf("while the node was frozen: %+v", e)
				}
			}
			w.signal(syscall.SIGCONT)
			// It is awake when it has done something that it had not begun before.
			for i := range tasks {
				if _, _, err := w.seedance(fmt.Sprint("later boat ", i)); err != nil {
					t.Fatal(err)
				}
			}
			w.eventually(2*time.Minute, func() string {
				if s := w.stats(); s["succeeded"]+s["failed"] != 2*tasks {
					return fmt.Sprint(s)
				}
				return ""
			})
			for id, before := range ends {
				// The signature of a link is new with every answer.
				after := w.task(id)
				before.VideoURL, after.VideoURL = "", ""
				if after != before {
					t.Errorf("%+v became %+v", before, after)
				}
				if n := w.ends(id); n != 1 {
					t.Errorf("task %s ended %d times", id, n)
				}
			}
			w.paidOnce(2 * tasks)
			w.held()
			other.term()
			w.term()
		})
	}
}

// The database goes away while tasks come in and run, by refusing and by not
// answering: requests get 503 with Retry-After, nothing that was accepted is
// lost, nothing is bought twice, and the work resumes.
func TestTheDatabaseGoesAway(t *testing.T) {
	for how, breakIt := range map[string]func(*storetest.Wire){"refuses": (*storetest.Wire).Refuse, "hangs": (*storetest.Wire).Hang} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			if os.Getenv(storetest.PostgresURL) == "" {
				t.Skip("there is no PostgreSQL (" + storetest.PostgresURL + ")")
			}
			w := newWorld(t, "fork", "1s")
			wire := storetest.NewWire(t, storetest.Postgres(t))
			w.env = append(w.env, "DATABASE_URL="+wire.URL, "SECRET_KEY="+strings.Repeat("5e", 32))
			w.start()
			w.sessions(10, 2)
			var (
				away     = make(chan struct{})
				refused  atomic.Int32
				accepted sync.Map
				clients  sync.WaitGroup
			)
			const tasks = 60
			for i := range tasks {
				clients.Go(func() {
					if i >= tasks/2 {
						<-away
					}
					// A refusal leaves open whether the task was stored, so the client
					// repeats the request until it knows.
					for {
						prompt := fmt.Sprint("boat ", i)
						id, status, retryAfter, err := w.submit(map[string]string{"Idempotency-Key": prompt}, prompt)
						if err == nil {
							accepted.Store(id, true)
							return
						}
						if status != http.StatusServiceUnavailable || retryAfter == "" {
							t.Errorf("submit %d: Retry-After %q: %v", i, retryAfter, err)
							return
						}
						refused.Add(1)
						<-time.After(time.Second)
					}
				})
			}
			w.eventually(time.Minute, func() string {
				if len(w.paid()) == 0 {
					return "nothing was sent"
				}
				return ""
			})
			breakIt(wire)
			close(away)
			<-time.After(max(12*time.Second, long(t)))
			wire.Restore()
			clients.Wait()
			w.eventually(2*time.Minute, func() string {
				if s := w.stats(); s["succeeded"] != tasks {
					return fmt.Sprint(s)
				}
				return ""
			})
			accepted.Range(func(id, _ any) bool {
				if task := w.task(id.(string)); task.Status != "succeeded" {
					t.Errorf("task: %+v", task)
				}
				return true
			})
			if refused.Load() == 0 {
				t.Error("no request met the database away")
			}
			w.paidOnce(tasks)
			w.held()
			t.Logf("%d refusals", refused.Load())
			w.term()
		})
	}
}
