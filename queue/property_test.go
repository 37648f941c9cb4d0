package queue_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// TestAnyOrderOfEvents lets everything happen to a gateway in any order and
// compares what it does with a model that is computed from its events alone,
// with its own rows and with what the upstreams have counted.
//
//	PROPERTY_SEED=n     begins with this seed in place of a random one
//	PROPERTY_RUNS=n     that many seeds one after the other, 1 by default
//	PROPERTY_STEPS=n    steps of each run, 60 by default
//
// The seed decides what is done in which order; what overlaps with what is the
// machine's.
func TestAnyOrderOfEvents(t *testing.T) {
	t.Parallel()
	first := number("PROPERTY_SEED", rand.IntN(1_000_000))
	for seed := first; seed < first+number("PROPERTY_RUNS", 1); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, databaseURL string) {
				p := newProperty(t, seed, databaseURL)
				p.run(number("PROPERTY_STEPS", 60))
			})
		})
	}
}

func number(variable string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		return n
	}
	return otherwise
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// property is one run.
type property struct {
	t        *testing.T
	random   *rand.Rand
	database string
	house    *house
	process  *process
	sims     map[string]*simulator.Server
	files    map[string]string // by upstream: the host of its results
	drivers  map[string]queue.Upstream
	watch    *sql.DB
	model    *model

	keys     []*store.Key
	stack    []*reloaded // the reloads that hold, the last one in force
	chains   map[string][]string
	attempts map[string][]attempt
	tags     int
	until    map[string]int // the step at which the trouble of an account or upstream ends

	step, checks, crashes, paid int
	restarts                    int

	mu    sync.Mutex
	log   []string
	began time.Time
	busy  sync.WaitGroup // what is done beside the steps
}

func newProperty(t *testing.T, seed int, databaseURL string) *property {
	p := &property{
		t: t, random: rand.New(rand.NewPCG(uint64(seed), 0)), database: databaseURL, began: time.Now(),
		sims: map[string]*simulator.Server{}, files: map[string]string{}, until: map[string]int{},
		chains: map[string][]string{}, attempts: map[string][]attempt{},
		model: &model{tasks: map[string]*modelTask{}, keys: map[string]*modelKey{}, sessions: map[string]*modelSession{},
			upstream: map[string]*limit{}, gateway: newLimit(0)},
	}
	t.Cleanup(func() {
		if p.process != nil { // it failed on the way
			p.kill()
			p.busy.Wait()
		}
		if p.watch != nil {
			p.watch.Close()
		}
		if t.Failed() {
			t.Logf("the steps:\n%s", strings.Join(p.log, "\n"))
			t.Logf("again: PROPERTY_SEED=%d go test ./queue -count=1 -run '%s'", seed, "TestAnyOrderOfEvents")
		}
	})
	for _, name := range []string{"a", "b"} {
		p.sims[name] = simulator.New(simulator.Config{Variant: simulator.Fork, Delay: 150 * time.Millisecond, Log: zap.NewNop()})
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			think(r)
			p.sims[name].ServeHTTP(w, r)
		}))
		t.Cleanup(web.Close)
		p.files[name] = web.Listener.Addr().String()
		p.model.upstream[name] = newLimit(0)
	}
	p.house = &house{t: t, dir: t.TempDir(), url: databaseURL, away: true}
	if path, err := store.SQLitePath(databaseURL); err == nil && strings.HasPrefix(databaseURL, "sqlite://") {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.up()
	p.open()
	for i, k := range []store.Key{{Weight: 1}, {Weight: 2, Concurrency: 3}, {Weight: 5}, {Weight: 1, Concurrency: 1}} {
		key := p.house.key(fmt.Sprint("key", i), func(key *store.Key) { key.Weight, key.Concurrency = k.Weight, k.Concurrency })
		p.keys = append(p.keys, key)
		p.model.keys[key.ID] = &modelKey{weight: key.Weight, limit: newLimit(key.Concurrency)}
	}
	for name := range p.sims {
		p.addSession(name, "steady-"+name, 2)
		p.addSession(name, "shaky-"+name+"-1", 1)
		p.addSession(name, "shaky-"+name+"-2", 2)
	}
	return p
}

// steady is an account that never does anything wrong.
func steady(token string) bool { return strings.HasPrefix(token, "steady") }

func (p *property) run(steps int) {
	p.check()
	for i := range steps {
		p.mu.Lock()
		p.step = i
		p.mu.Unlock()
		p.act()
		p.pause()
		if p.step%4 == 3 {
			p.check()
		}
	}
	p.settle()
	p.t.Logf("%d steps, %d tasks, %d admissions, %d paid submits, %d crashes and stops, %d looks at all rows in %s",
		steps, len(p.model.tasks), p.model.admitted, p.paid, p.restarts, p.checks, time.Since(p.began).Round(time.Second/10))
}

// settle ends all trouble. Then everything must end.
func (p *property) settle() {
	p.busy.Wait()
	p.note("everything is healed")
	for _, g := range p.process.gates {
		g.be("")
	}
	p.stack = nil
	p.limits(func() { p.house.queue.Configure(p.apply(p.inForce())) })
	for id, s := range p.model.sessions {
		if !steady(s.token) {
			p.heal(s.token)
		}
		p.enable(id, true)
	}
	last := ""
	eventually(p.t, func() string {
		var open int
		var some string
		err := p.watch.QueryRow(`SELECT count(*), coalesce(min(id || ' ' || status || ' ' || attempt), '') FROM tasks
			WHERE status IN ('queued', 'submitting', 'polling', 'downloading')`).Scan(&open, &some)
		if err != nil {
			p.t.Fatal(err)
		}
		if open == 0 {
			return ""
		}
		if some != last {
			p.check()
			last = some
		}
		return fmt.Sprintf("%d tasks do not end: %s", open, some)
	})
	p.check()
	p.checkLedger()
	p.stop()
}

// note writes down what is done, to be read when something has gone wrong.
func (p *property) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, fmt.Sprintf("%8s step %d: ", time.Since(p.began).Round(time.Millisecond), p.step)+fmt.Sprintf(format, args...))
}

// pause lets the gateway work: until a few things have happened, or nothing has
// for a moment.
func (p *property) pause() {
	target := p.now().seq + p.random.Int64N(8)
	enough := time.NewTimer(time.Duration(p.random.IntN(200)) * time.Millisecond)
	defer enough.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for p.now().seq < target {
		select {
		case <-tick.C:
		case <-enough.C:
			return
		}
	}
}

// now is the present moment in the course of things.
func (p *property) now() (m mark) {
	if err := p.watch.QueryRow("SELECT value FROM counters WHERE name = 'events'").Scan(&m.seq); err != nil {
		p.t.Fatal(err)
	}
	m.at = time.Now().UnixMilli()
	return m
}
