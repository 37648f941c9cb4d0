package queue_test

import (
	"context"
	"database/sql"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// trouble is what goes wrong between a gateway and its upstream.
type trouble string

const (
	lose     trouble = "lose the answer" // the upstream has acted on the request
	down     trouble = "down"            // the request never arrives
	tooOften trouble = "429 for a second"
	nonsense trouble = "an answer that is none"
)

// gate stands between one process of the gateway and one upstream. It causes
// trouble, and when the process is to crash, it holds everything that is on the
// wire: what a dead process has sent may arrive, but it hears of nothing.
type gate struct {
	sim   *simulator.Server
	files string // where its results lie, whatever becomes of the gate
	web   *httptest.Server

	mu     sync.Mutex
	next   map[string][]trouble // by the last part of the path: what its next requests get
	always trouble
	held   chan struct{} // nil, or closed when the process is dead
}

func newGate(sim *simulator.Server, files string) *gate {
	g := &gate{sim: sim, files: files, next: map[string][]trouble{}}
	g.web = httptest.NewServer(g)
	return g
}

func (g *gate) cause(path string, what trouble, times int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range times {
		g.next[path] = append(g.next[path], what)
	}
}

func (g *gate) be(what trouble) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.always = what
	clear(g.next)
}

func (g *gate) take(path string) trouble {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := path[strings.LastIndexByte(path, '/')+1:]
	if list := g.next[name]; g.always == "" && len(list) > 0 {
		g.next[name] = list[1:]
		return list[0]
	}
	return g.always
}

// hold stops everything on the wire until release.
func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = make(chan struct{})
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != nil {
		close(g.held)
	}
}

// wait breaks the connection if it is held, when it is released.
func (g *gate) wait() {
	g.mu.Lock()
	held := g.held
	g.mu.Unlock()
	if held != nil {
		<-held
		panic(http.ErrAbortHandler)
	}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.wait()
	what := g.take(r.URL.Path)
	switch what {
	case down:
		panic(http.ErrAbortHandler)
	case tooOften:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case nonsense:
		io.WriteString(w, "<html>502</html>")
		return
	}
	answer := httptest.NewRecorder()
	r.Host = g.files
	g.sim.ServeHTTP(answer, r)
	think(r)
	g.wait()
	if what == lose {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes()) // the gateway may have gone
}

// think takes the time that an upstream takes: what comes meanwhile races with
// the answer.
func think(r *http.Request) {
	select {
	case <-time.After(rand.N(80 * time.Millisecond)):
	case <-r.Context().Done():
	}
}

// cable is the connection of one process to PostgreSQL, which can be cut.
type cable struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	conns []net.Conn
	cut   bool
	ended sync.WaitGroup
}

func newCable(t *testing.T, server string) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: listener, server: server}
	c.ended.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.ended.Go(func() { c.carry(conn) })
		}
	})
	t.Cleanup(c.Cut)
	return c
}

func (c *cable) carry(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer to.Close()
	c.mu.Lock()
	c.conns = append(c.conns, from, to)
	cut := c.cut
	c.mu.Unlock()
	if cut {
		return
	}
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			io.Copy(pair[0], pair[1]) // however it ends, it has ended
			from.Close()
			to.Close()
		})
	}
	both.Wait()
}

// Cut ends all connections and takes no new ones.
func (c *cable) Cut() {
	c.mu.Lock()
	c.cut = true
	for _, conn := range c.conns {
		conn.Close()
	}
	c.mu.Unlock()
	c.listener.Close()
	c.ended.Wait()
}

// process is what a crash takes: gates, drivers, the connection to the database.
type process struct {
	gates map[string]*gate
	cable *cable // nil on SQLite
	ended []func()
}

// up starts a process on the database that is there.
func (p *property) up() {
	now := &process{gates: map[string]*gate{}}
	upstreams := map[string]queue.Upstream{}
	for name, sim := range p.sims {
		g := newGate(sim, p.files[name])
		driver, err := freeapi.New(freeapi.Config{URL: g.web.URL})
		if err != nil {
			p.t.Fatal(err)
		}
		now.gates[name] = g
		now.ended = append(now.ended, driver.Close, g.web.Close)
		upstreams[name] = queue.Upstream{Driver: driver}
	}
	p.house.url = p.database
	if u, err := url.Parse(p.database); err == nil && u.Scheme != "sqlite" {
		now.cable = newCable(p.t, u.Host)
		u.Host = now.cable.listener.Addr().String()
		p.house.url = u.String()
		now.ended = append(now.ended, now.cable.Cut)
	}
	p.drivers = upstreams
	p.stack = nil
	p.limits(func() { p.house.settings = p.apply(p.inForce()) })
	p.house.start()
	p.process = now
}

// stop ends the process in good order.
func (p *property) stop() {
	p.house.stop()
	for _, end := range p.process.ended {
		end()
	}
	p.process = nil
}

// crash ends the process as kill -9 does: what is committed at one moment stays,
// and from then on it neither writes nor is heard of.
func (p *property) crash() {
	dead := p.process
	for _, g := range dead.gates {
		g.hold()
	}
	if dead.cable != nil {
		dead.cable.Cut()
	} else {
		// What the process still writes goes into the file that it has open.
		path, err := store.SQLitePath(p.database)
		if err != nil {
			p.t.Fatal(err)
		}
		p.crashes++
		copied := filepath.Join(p.t.TempDir(), "gateway.db")
		if _, err := p.watch.Exec("VACUUM INTO '" + copied + "'"); err != nil {
			p.t.Fatalf("copy %s: %v", path, err)
		}
		p.database = "sqlite://" + copied
		p.open()
	}
	for _, g := range dead.gates {
		g.release()
	}
	p.kill()
}

// kill ends what is left of a process. Its identity is free at once, as the lock
// of a dead one is.
func (p *property) kill() {
	dead, st, q, blobs := p.process, p.house.store, p.house.queue, p.house.blobs
	p.process = nil
	past, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	q.Stop(past)  // it is dead
	st.Close()    // likewise
	blobs.Close() // likewise
	for _, end := range dead.ended {
		end()
	}
}

// open opens the database for looking at it, beside the gateway.
func (p *property) open() {
	if p.watch != nil {
		if err := p.watch.Close(); err != nil {
			p.t.Fatal(err)
		}
	}
	var err error
	if path, ok := strings.CutPrefix(p.database, "sqlite://"); ok {
		p.watch, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(30000)")
	} else {
		p.watch, err = sql.Open("pgx", p.database)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
