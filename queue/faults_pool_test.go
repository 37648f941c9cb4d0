package queue_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

func (h *house) state(id string) *store.Session {
	h.t.Helper()
	s, err := h.pool.Session(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// pauseEnds ends the pause of a session in half a second, for which its upstream
// asks for hours.
func (h *house) pauseEnds(id string) {
	h.t.Helper()
	err := h.store.Write(h.t.Context(), store.Durable, func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE sessions SET until = $2 WHERE id = $1", id, tx.Now+500)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// attempts counts the attempts of all tasks.
func (h *house) attempts(ids []string) (n int) {
	h.t.Helper()
	for _, id := range ids {
		task, err := h.store.Task(h.t.Context(), "", id)
		if err != nil {
			h.t.Fatal(err)
		}
		n += task.Attempt
	}
	return n
}

// After a pause, one attempt decides while many tasks wait: another fault makes
// the pause longer, a success lets them all go.
func TestHalfOpenIsDecidedByOneOfMany(t *testing.T) {
	each(t, options{settings: func(s *queue.Settings) { s.MaxFailovers = 100 }}, func(t *testing.T, h *house) {
		session := h.session("account-0000000001", 4)
		h.control("tokens/account-0000000001", map[string]any{"fault": "rate_limited"})
		var ids []string
		for i := range 12 {
			ids = append(ids, h.submit(h.video(admin, fmt.Sprint("boat ", i))).ID)
		}
		rests := func(faults int) {
			t.Helper()
			eventually(t, func() string {
				if s := h.state(session.ID); s.State != store.Cooling || s.Faults != faults || s.Running != 0 || s.Until <= time.Now().UnixMilli() {
					return fmt.Sprintf("the session is %s, runs %d, after %d faults", s.State, s.Running, s.Faults)
				}
				return ""
			})
		}
		rests(1)
		before := h.attempts(ids)
		for faults := 2; faults <= 4; faults++ {
			h.pauseEnds(session.ID)
			rests(faults)
			if n := h.attempts(ids); n != before+1 {
				t.Errorf("%d attempts decided", n-before)
			}
			before = h.attempts(ids)
			if s := h.state(session.ID); time.Duration(s.Until-s.UpdatedAt)*time.Millisecond != 30*time.Second<<(faults-1) {
				t.Errorf("it rests for %d ms after %d faults", s.Until-s.UpdatedAt, faults)
			}
		}
		h.control("tokens/account-0000000001", map[string]any{"fault": ""})
		h.pauseEnds(session.ID)
		for _, id := range ids {
			if task := h.ended(id); task.Status != store.Succeeded {
				t.Errorf("task: %s %s", task.Status, task.ErrorMessage)
			}
		}
		if s := h.state(session.ID); s.State != store.Ready || s.Faults != 0 || len(h.sim.Submits()) != len(ids) {
			t.Errorf("session: %+v, %d paid submits", s, len(h.sim.Submits()))
		}
		h.consistent()
	})
}

// Credits run out in the middle of the work. What waits goes on when a probe sees
// new ones.
func TestCreditsRunOutAndComeBack(t *testing.T) {
	each(t, options{settings: func(s *queue.Settings) { s.MaxFailovers = 100 }}, func(t *testing.T, h *house) {
		session := h.session("account-0000000001", 2)
		h.control("tokens/account-0000000001", map[string]any{"credits": 3})
		var ids []string
		for i := range 6 {
			ids = append(ids, h.submit(h.video(admin, fmt.Sprint("boat ", i))).ID)
		}
		eventually(t, func() string {
			counts, err := h.queue.Stats(t.Context(), "")
			if err != nil || counts[store.Succeeded] != 3 || counts[store.Queued] != 3 || h.state(session.ID).State != store.Exhausted {
				return fmt.Sprintf("%v, %v, session %s", counts, err, h.state(session.ID).State)
			}
			return ""
		})
		if result, err := h.pool.Test(t.Context(), session.ID); err != nil || result.OK {
			t.Errorf("probe: %+v, %v", result, err)
		}
		h.control("tokens/account-0000000001", map[string]any{"credits": 50})
		if result, err := h.pool.Test(t.Context(), session.ID); err != nil || !result.OK {
			t.Errorf("probe: %+v, %v", result, err)
		}
		for _, id := range ids {
			if task := h.ended(id); task.Status != store.Succeeded {
				t.Errorf("task: %s %s", task.Status, task.ErrorMessage)
			}
		}
		if n := len(h.sim.Submits()); n != len(ids) {
			t.Errorf("%d paid submits", n)
		}
		h.consistent()
	})
}

// The servers collect an account's daily credits by themselves when it has none
// left and submits, so the work goes on at the next reset without a probe.
func TestDailyCreditsAreCollected(t *testing.T) {
	t.Parallel()
	for _, v := range []simulator.Variant{simulator.Fork, simulator.Iptag} {
		h := build(t, storetest.SQLite(t), options{variant: v})
		session := h.session("account-0000000001", 1)
		h.control("tokens/account-0000000001", map[string]any{"credits": 0, "daily": 0})
		id := h.submit(h.video(admin, "a boat")).ID
		h.until(id, "back in the queue", func(t *store.Task) bool { return t.Attempt == 1 && t.Status == store.Queued })
		if s := h.state(session.ID); s.State != store.Exhausted || s.Until == 0 || s.Credits == nil || *s.Credits != 0 {
			t.Errorf("%s: session %+v", v, s)
		}
		h.control("tokens/account-0000000001", map[string]any{"daily": 60})
		h.pauseEnds(session.ID) // it is midnight in China
		if task := h.ended(id); task.Status != store.Succeeded || task.Attempt != 2 || len(h.sim.Submits()) != 1 {
			t.Errorf("%s: %+v", v, task)
		}
		if s := h.state(session.ID); s.State != store.Ready || s.Until != 0 {
			t.Errorf("%s: session %+v", v, s)
		}
	}
}

// A login expires while a task is being generated: the task stays bound to it and
// goes on when an admin has renewed it.
func TestALoginExpiresAndIsRenewed(t *testing.T) {
	each(t, options{delay: time.Second}, func(t *testing.T, h *house) {
		session := h.session("account-0000000001", 1)
		running := h.submit(h.video(admin, "one")).ID
		waiting := h.submit(h.video(admin, "two")).ID
		h.reaches(running, store.Polling)
		h.control("tokens/account-0000000001", map[string]any{"fault": "login_expired"})
		eventually(t, func() string {
			if s := h.state(session.ID); s.State != store.Dead || s.Until != 0 {
				return "the session is " + string(s.State)
			}
			return ""
		})
		if task, err := h.store.Task(t.Context(), "", running); err != nil || task.Status != store.Polling {
			t.Errorf("the running task: %+v, %v", task, err)
		}
		if result, err := h.pool.Test(t.Context(), session.ID); err != nil || result.OK || h.state(session.ID).State != store.Dead {
			t.Errorf("probe: %+v, %v", result, err)
		}
		h.control("tokens/account-0000000001", map[string]any{"fault": ""})
		if result, err := h.pool.Test(t.Context(), session.ID); err != nil || !result.OK {
			t.Errorf("probe: %+v, %v", result, err)
		}
		for _, id := range []string{running, waiting} {
			if task := h.ended(id); task.Status != store.Succeeded || task.Attempt != 1 {
				t.Errorf("task: %+v", task)
			}
		}
		h.consistent()
	})
}

// A network fault is the upstream's: it is never taken out on one session after
// the other, however many tasks meet it.
func TestANetworkFaultBenchesNoSession(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		for i := range 6 {
			h.session(fmt.Sprintf("account-%010d", i), 2)
		}
		h.control("faults", map[string]any{"fault": "econnrefused", "path": "/v1/videos/submit"})
		var ids []string
		for i := range 20 {
			ids = append(ids, h.submit(h.video(admin, fmt.Sprint("boat ", i))).ID)
		}
		h.until(ids[0], "sent twice", func(t *store.Task) bool { return t.Attempt >= 2 })
		sessions, err := h.pool.Sessions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sessions {
			if s.State != store.Ready || s.Until != 0 || s.Faults != 0 {
				t.Errorf("session: %+v", s)
			}
		}
		h.control("faults", map[string]any{"fault": ""})
		for _, id := range ids {
			if task := h.ended(id); task.Status != store.Succeeded || task.Failovers != 0 {
				t.Errorf("task: %+v", task)
			}
		}
		if n := len(h.sim.Submits()); n != len(ids) {
			t.Errorf("%d paid submits", n)
		}
		h.consistent()
	})
}

// An upstream that hangs when it is asked whether it is back keeps no other task
// from ending in time.
func TestAHangingUpstreamDelaysNoDeadline(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var asked atomic.Int64
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(release) })
	const upstreams = 8
	h := build(t, storetest.SQLite(t), options{delay: time.Hour, settings: func(s *queue.Settings) {
		for i := range upstreams {
			driver, err := freeapi.New(freeapi.Config{URL: hanging.URL})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { driver.Close() })
			s.Upstreams[fmt.Sprint("hanging", i)] = queue.Upstream{Driver: driver}
		}
	}})
	err := h.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
		for i := range upstreams {
			if err := tx.Bench(fmt.Sprint("hanging", i), tx.Now-1, "test"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		if asked.Load() < upstreams {
			return fmt.Sprintf("%d upstreams were asked", asked.Load())
		}
		return ""
	})
	for range 3 {
		n := h.video(admin, "never starts")
		n.StartDeadline = 100 * time.Millisecond
		task := h.ended(h.submit(n).ID)
		// One after the other, the pings would have taken 40 s.
		if late := time.Duration(task.FinishedAt-task.StartDeadline) * time.Millisecond; task.ErrorKind != "timeout" || late > 20*time.Second {
			t.Errorf("it ended %s after its deadline: %+v", late, task)
		}
	}
}

// before puts a handler between the gateway and the simulator.
func (h *house) before(change func(http.ResponseWriter, *http.Request) (handled bool)) {
	h.t.Helper()
	target, err := url.Parse(h.web.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !change(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	h.t.Cleanup(server.Close)
	driver, err := freeapi.New(freeapi.Config{URL: server.URL, Logger: h.log})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { driver.Close() })
	s := h.settings
	s.Upstreams = map[string]queue.Upstream{"sim": {Driver: driver}}
	h.queue.Configure(s)
}

// A burst limit that an upstream announces itself is honoured, by another session
// and in time.
func TestRetryAfterIsHonoured(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		var first sync.Once
		h.before(func(w http.ResponseWriter, r *http.Request) (handled bool) {
			if !strings.HasSuffix(r.URL.Path, "/submit") {
				return false
			}
			first.Do(func() {
				w.Header().Set("Retry-After", "2")
				w.WriteHeader(http.StatusTooManyRequests)
				handled = true
			})
			return handled
		})
		session := h.session("account-0000000001", 1)
		task := h.ended(h.submit(h.video(admin, "a boat")).ID)
		attempts, err := h.store.Attempts(t.Context(), task.ID)
		if err != nil || task.Status != store.Succeeded || len(attempts) != 2 || task.Failovers != 1 {
			t.Fatalf("task: %+v, %v", task, err)
		}
		if pause := attempts[1].CreatedAt - attempts[0].SettledAt; pause < 2000 {
			t.Errorf("sent again after %d ms", pause)
		}
		if s := h.state(session.ID); s.State != store.Ready || s.Faults != 0 {
			t.Errorf("session: %+v", s)
		}
	})
}
