package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// crash is a world whose gateway is killed and looked into while it is dead. It
// is one process that dies, never the machine: what a power cut would take from
// the page cache is not tested here.
type crash struct {
	*world
	wire     *wire
	wireURL  string
	database string // URL
	blocking bool   // the upstream answers when the result exists, and names no id
	listener *listener
	bornAt   time.Time
	killedAt time.Time
	files    map[string]int          // stored for a task by the lives so far
	met      map[string][]point      // by task
	wants    map[string]want         // by the task's name
	paidFor  map[string][]paidSubmit // everything the upstream accepted, by the task's name
}

// paidSubmit is a line of the simulator's ledger.
type paidSubmit struct {
	Time   time.Time `json:"time"`
	Prompt string    `json:"prompt"`
	ID     string    `json:"id"`
}

func newCrash(t *testing.T, database, variant, delay, poll string, env ...string) *crash {
	t.Helper()
	c := &crash{world: newWorld(t, variant, delay), database: database, blocking: variant != "fork", files: map[string]int{},
		met: map[string][]point{}, wants: map[string]want{}, paidFor: map[string][]paidSubmit{}}
	c.wire, c.wireURL = newWire(t, c.simulator)
	port := steadyPort(t)
	c.gateway = "http://127.0.0.1:" + port
	c.env = append(c.env, "PORT="+port, "JIMENG_UPSTREAM="+c.wireURL, "DATABASE_URL="+database, "POLL_INTERVAL_SECS="+poll)
	c.env = append(c.env, env...)
	c.live()
	c.listener = newListener(t, c.world)
	return c
}

// steadyPort is one that no outgoing connection can get while the gateway is
// dead: those have ports from 32768 on.
func steadyPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.N(20000)))
		if err != nil {
			continue
		}
		defer listener.Close()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no port is free")
	return ""
}

// live starts the gateway.
func (c *crash) live() {
	c.t.Helper()
	c.bornAt = time.Now()
	c.start()
}

// stop asks the gateway to end, and does not wait for it.
func (c *crash) stop() {
	c.t.Helper()
	if err := c.process.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
}

// die kills the gateway, and waits until what it has told the listener is heard.
func (c *crash) die() {
	c.t.Helper()
	c.kill()
	c.killedAt = time.Now()
	c.eventually(30*time.Second, func() string {
		c.listener.mu.Lock()
		defer c.listener.mu.Unlock()
		if c.listener.connected {
			return "the stream of the dead gateway does not end"
		}
		return ""
	})
}

// autopsy looks into the database of the dead gateway: the open tasks, and those
// that have ended in this life. Held calls must have been released.
func (c *crash) autopsy() []*row {
	c.t.Helper()
	if err := c.wire.drain(c.wireURL); err != nil {
		c.t.Fatal(err)
	}
	c.takeLedger()
	records := openRecords(c.t, c.database)
	defer records.close()
	records.alone()
	rows := records.tasks("t.status IN ('queued', 'submitting', 'polling', 'downloading') OR t.finished_at >= $1", c.bornAt.UnixMilli())
	for _, r := range rows {
		r.point = c.classify(r)
	}
	return rows
}

// takeLedger moves what the upstream has counted into the test's own ledger.
// Nothing may be on its way to the upstream.
func (c *crash) takeLedger() {
	c.t.Helper()
	var submits []paidSubmit
	if err := c.fromSimulator("submits", &submits); err != nil {
		c.t.Fatal(err)
	}
	if len(submits) == 0 {
		return
	}
	for _, s := range submits {
		name := taskName.FindString(s.Prompt)
		c.paidFor[name] = append(c.paidFor[name], s)
	}
	if err := c.forget(); err != nil {
		c.t.Fatal(err)
	}
}

// listener follows all events over all lives of the gateway, and must hear each
// once.
type listener struct {
	mu        sync.Mutex
	connected bool
	first     string // the id of the snapshot that it began with
	last      string
	events    map[string]bool   // ids
	ends      map[string]string // by task: the id of the event
}

func newListener(t *testing.T, w *world) *listener {
	l := &listener{events: map[string]bool{}, ends: map[string]string{}}
	begun := make(chan bool, 1)
	var running sync.WaitGroup
	running.Go(func() {
		for t.Context().Err() == nil {
			l.setConnected(true)
			_ = w.listen(t.Context(), "/api/v1/events", l.last, func(e event) bool { // it ends with the gateway
				if problem := l.hear(e); problem != "" {
					t.Error(problem)
				}
				select {
				case begun <- true:
				default:
				}
				return true
			})
			l.setConnected(false)
			select {
			case <-t.Context().Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	t.Cleanup(running.Wait) // the context of the test has ended by then
	<-begun
	return l
}

func (l *listener) setConnected(is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connected = is
}

func (l *listener) hear(e event) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.name == "snapshot" {
		if l.last != "" {
			return "the stream began anew with a snapshot after " + l.last
		}
		l.first, l.last = e.id, e.id
		return ""
	}
	if l.events[e.id] {
		return fmt.Sprintf("event %s came twice: %s", e.id, e.name)
	}
	l.events[e.id], l.last = true, e.id
	switch e.name {
	case "task.succeeded", "task.failed", "task.cancelled":
		_, after, _ := strings.Cut(e.data, `"task_id":"`)
		id, _, _ := strings.Cut(after, `"`)
		if l.ends[id] != "" {
			return fmt.Sprintf("the end of task %s was announced in %s and %s", id, l.ends[id], e.id)
		}
		l.ends[id] = e.id
	}
	return ""
}

// heard reports whether the end of the task was announced.
func (l *listener) heard(task string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ends[task] != ""
}

// missed lists what the listener should have heard of and has not.
func (l *listener) missed(r *records) (problems []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.each("SELECT seq, type, task_id FROM events WHERE seq > CAST($1 AS BIGINT)", []any{l.first}, func(scan func(...any) error) error {
		var seq, kind, task string
		err := scan(&seq, &kind, &task)
		if !l.events[seq] {
			problems = append(problems, fmt.Sprintf("event %s, %s of task %s, was not announced", seq, kind, task))
		}
		return err
	})
	return problems
}
