package queue_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// faultCase is one fault at one moment.
type faultCase struct {
	fault string // as the simulator wants it, with its phase and form
	late  bool
	want  outcome
}

func (c *faultCase) is(names string) bool {
	name, _, _ := strings.Cut(c.fault, "@")
	return strings.Contains(names, " "+name+" ")
}

// faultCases are all cases of a variant: every fault at the submit and at the
// generation and, where a record tells of it, in every form.
func faultCases(v simulator.Variant) (early, late []faultCase) {
	for i := range faultTable {
		row := &faultTable[i]
		for name := range strings.FieldsSeq(row.names) {
			early = append(early, faultCase{name + "@submit", false, row.expect(v, false)})
			forms := []string{""}
			if v == simulator.Fork && !strings.Contains(transport, " "+name+" ") {
				forms = []string{":number", ":string", ":key", ":empty"}
				if os.Getenv("FAULTS_LONG") == "" {
					forms = []string{":number", forms[1+len(late)%3]}
				}
			}
			for _, form := range forms {
				late = append(late, faultCase{name + "@generation" + form, true, row.expect(v, true)})
			}
		}
	}
	return early, late
}

// third keeps every third fault.
func third(cases []faultCase, from int) (kept []faultCase) {
	n, last := -1, ""
	for _, c := range cases {
		if name, _, _ := strings.Cut(c.fault, "@"); name != last {
			n, last = n+1, name
		}
		if n%3 == from {
			kept = append(kept, c)
		}
	}
	return kept
}

// Every fault that the upstream may have, in every variant, does to the task, to
// the session and to the money what the reference says. With FAULTS_LONG=1, fork's
// records of failed generations come in all forms instead of two of four. Under
// the race detector, which makes a case as expensive as five, each fault is
// driven in one of the variants, unless FAULTS_LONG=1 is set.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	for i, v := range []simulator.Variant{simulator.Fork, simulator.Stock, simulator.Iptag} {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			early, late := faultCases(v)
			// Calls that wait fail late only after the servers' first poll, so many
			// wait together.
			lanes, waiting := 12, 48
			if storetest.Race && os.Getenv("FAULTS_LONG") == "" {
				early, late = third(early, i), third(late, i)
				lanes, waiting = 6, 12 // each is an upstream more in every admission
			}
			if v == simulator.Fork {
				lanes, waiting = 2*lanes, 0
			}
			h := faultHouse(t, storetest.SQLite(t), v, lanes+waiting)
			h.knowsEveryFault()
			if v == simulator.Fork {
				h.drive(early, late)
			} else {
				var both sync.WaitGroup
				both.Go(func() { h.driveLanes(0, lanes, early) })
				both.Go(func() { h.driveLanes(lanes, lanes+waiting, late) })
				both.Wait()
			}
			h.consistent()
		})
	}
}

// One fault of each class, on PostgreSQL.
func TestAFaultOfEachClassOnPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		if !strings.HasPrefix(databaseURL, "postgres") {
			t.Skip("TestEveryFault is on SQLite")
		}
		var cases []faultCase
		for i := range faultTable {
			name := strings.Fields(faultTable[i].names)[0]
			cases = append(cases, faultCase{name + "@submit", false, faultTable[i].expect(simulator.Fork, false)},
				faultCase{name + "@generation", true, faultTable[i].expect(simulator.Fork, true)})
		}
		h := faultHouse(t, databaseURL, simulator.Fork, 8)
		h.drive(cases)
		h.consistent()
	})
}

// faults is a house in which cases do not see each other: each lane is an
// upstream of its own with a model of its own, all of them the same simulator.
type faults struct {
	*house
	variant simulator.Variant
	lanes   int
}

func lane(i int) string { return fmt.Sprintf("lane%d", i) }

func faultHouse(t *testing.T, databaseURL string, v simulator.Variant, lanes int) *faults {
	t.Helper()
	h := build(t, databaseURL, options{variant: v, delay: time.Millisecond, settings: func(s *queue.Settings) {
		sim := s.Upstreams["sim"]
		s.Upstreams, s.Models = map[string]queue.Upstream{}, map[string]queue.ModelSettings{}
		for i := range lanes {
			s.Upstreams[lane(i)] = sim
			s.Models["model-of-"+lane(i)] = queue.ModelSettings{Upstreams: map[string]string{lane(i): "seedance-2.0"}}
		}
	}})
	return &faults{h, v, lanes}
}

// knowsEveryFault fails when the simulator has a fault that the table has not.
func (h *faults) knowsEveryFault() {
	h.t.Helper()
	response, err := http.Get(h.web.URL + "/_simulator/faults")
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	var names []string
	if err := json.NewDecoder(response.Body).Decode(&names); err != nil || len(names) == 0 {
		h.t.Fatalf("%d faults: %v", len(names), err)
	}
	known := map[string]int{}
	for _, row := range faultTable {
		for name := range strings.FieldsSeq(row.names) {
			known[name]++
		}
	}
	for _, name := range names {
		if known[name] != 1 {
			h.t.Errorf("the fault %s is %d times in the table", name, known[name])
		}
		delete(known, name)
	}
	for name := range maps.Keys(known) {
		h.t.Errorf("the fault %s of the table is not the simulator's", name)
	}
}

func (h *faults) drive(cases ...[]faultCase) { h.driveLanes(0, h.lanes, slices.Concat(cases...)) }

// driveLanes runs the cases in some lanes, one after the other in each. They are
// no subtests, of which only a few would wait together.
func (h *faults) driveLanes(from, to int, cases []faultCase) {
	// What takes longest goes first.
	slices.SortStableFunc(cases, func(a, b faultCase) int {
		switch x, y := a.is(" hang slow "), b.is(" hang slow "); {
		case x == y:
			return 0
		case x:
			return -1
		default:
			return 1
		}
	})
	next := make(chan faultCase)
	var all sync.WaitGroup
	for i := from; i < to; i++ {
		all.Go(func() {
			for c := range next {
				for !h.check(lane(i), c) {
					h.t.Logf("%s %s: the machine has stalled, once more", h.variant, c.fault)
				}
			}
		})
	}
	for _, c := range cases {
		next <- c
	}
	close(next)
	all.Wait()
}

// check runs one case in a lane that nobody else uses. It reports false if the
// machine has stalled for so long that another case has come of it.
func (h *faults) check(lane string, c faultCase) bool {
	t := h.t
	name := fmt.Sprintf("%s %s", h.variant, c.fault)
	problem := func(format string, args ...any) { t.Helper(); t.Errorf(name+": "+format, args...) }
	// The one that was added first is chosen first.
	ill, healthy := h.account(lane), h.account(lane)
	if healthy.ID < ill.ID {
		ill, healthy = healthy, ill
	}
	n := h.video(admin, "a boat")
	n.Model = "model-of-" + lane
	switch {
	case c.late && h.variant == simulator.Fork:
		n.Prompt = "[[fault:" + c.fault + "]]"
	case c.late:
		n.Prompt = "[[delay:5200ms]]" // the servers' first poll is after 5 s
		fallthrough
	default:
		h.control("tokens/"+ill.Label, map[string]any{"fault": c.fault})
	}
	if c.is(" hang ") {
		n.Deadline = 20 * time.Second // of which the rest is for a machine that is busy
	}
	task := h.end(h.submit(n).ID)
	var attempts []*store.Attempt
	eventually(t, func() (why string) { // a deadline may be quicker than the call that it ends
		var err error
		if attempts, err = h.store.Attempts(t.Context(), task.ID); err != nil {
			return err.Error()
		}
		if attempts[0].State == store.Sending {
			return name + ": the attempt is not settled"
		}
		return ""
	})
	first := attempts[0]
	late := h.variant != simulator.Fork && !c.late && !c.is(" hang slow ") && first.SettledAt-first.SentAt >= 5000
	unsent := c.is(" hang ") && first.State == store.Rejected // at the deadline
	if late || unsent {
		h.leave(func(string, ...any) {}, lane, c.want, ill, healthy)
		return false
	}

	want := c.want
	more := want.over || want.again
	switch {
	case more || want.kind == "":
		if task.Status != store.Succeeded || task.ErrorKind != "" {
			problem("the task is %s, %s: %s", task.Status, task.ErrorKind, task.ErrorMessage)
		}
	case task.Status != store.Failed || task.ErrorKind != want.kind || task.ErrorMessage == "":
		problem("the task is %s, %s: %s, want %s", task.Status, task.ErrorKind, task.ErrorMessage, want.kind)
	}
	if sent := 1 + toInt(more); len(attempts) != sent || task.Attempt != sent || task.Failovers != toInt(want.over) {
		problem("%d attempts, %d failovers", len(attempts), task.Failovers)
	}
	if first.SessionID != ill.ID || want.over && task.SessionID != healthy.ID {
		problem("it went to other sessions: %+v", task)
	}
	if doubt := first.State == store.InDoubt; doubt != want.doubt || doubt && !more != strings.Contains(task.ErrorMessage, "not sent again by itself") {
		problem("the attempt is %s, the message %q", first.State, task.ErrorMessage)
	}
	if more && (first.State != store.Rejected || string(first.ErrorKind) == "") {
		problem("the attempt is %s %s", first.State, first.ErrorKind)
	}

	h.checkSession(problem, ill.ID, want)
	if s, err := h.pool.Session(t.Context(), healthy.ID); err != nil || s.State != store.Ready || s.Running != 0 {
		problem("the other session is %+v, %v", s, err)
	}
	paid := map[string]int{}
	for _, s := range h.sim.Submits() {
		paid[s.Token]++
	}
	total := want.spent + toInt(more)
	if paid[ill.Label]+paid[healthy.Label] != total || !want.again && paid[ill.Label] != want.spent {
		problem("paid %d times with the session and %d times with the other", paid[ill.Label], paid[healthy.Label])
	}
	h.leave(problem, lane, want, ill, healthy)
	return true
}

// end is ended for many at once: asking every few milliseconds for each of them
// would be most of the work.
func (h *faults) end(id string) *store.Task {
	h.t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		<-tick.C
		task, err := h.store.Task(h.t.Context(), "", id)
		switch {
		case err != nil:
			h.t.Fatal(err)
		case task.Status.Ended():
			return task
		case time.Now().After(deadline):
			h.t.Fatalf("task %s is still %s, attempt %d", id, task.Status, task.Attempt)
		}
	}
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

var accounts struct {
	sync.Mutex
	n int
}

// account adds a session whose label is its token.
func (h *faults) account(lane string) *store.Session {
	h.t.Helper()
	accounts.Lock()
	accounts.n++
	token := fmt.Sprintf("account-%016d", accounts.n)
	accounts.Unlock()
	s, err := h.pool.Add(h.t.Context(), pool.NewSession{Upstream: lane, Secret: token, Label: token, Slots: 1})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// checkSession compares a session with what the fault should have done to it.
func (h *faults) checkSession(problem func(string, ...any), id string, want outcome) {
	s, err := h.pool.Session(h.t.Context(), id)
	if err != nil {
		problem("%v", err)
		return
	}
	if s.State != want.session || s.Running != 0 {
		problem("the session is %s and runs %d, want %s", s.State, s.Running, want.session)
		return
	}
	switch s.State {
	case store.Ready:
		if s.Until != 0 || s.Reason != "" || s.Faults != 0 {
			problem("a ready session: %+v", s)
		}
		return
	case store.Dead:
		if s.Until != 0 {
			problem("a dead session comes back at %d", s.Until)
		}
	case store.Cooling:
		if pause := time.Duration(s.Until-s.UpdatedAt) * time.Millisecond; pause != want.pause || s.Faults != 1 {
			problem("it rests for %s after %d faults, want %s", pause, s.Faults, want.pause)
		}
	case store.Exhausted:
		// Credits come at midnight in China.
		if until := time.UnixMilli(s.Until).UTC(); until.Sub(time.UnixMilli(s.UpdatedAt)) > 24*time.Hour || until.Hour() != 16 || until.Minute() != 0 {
			problem("it is exhausted until %s", until)
		}
	}
	if s.Reason == "" {
		problem("nobody learns why the session is %s", s.State)
	}
}

// leave looks whether the upstream was benched, and makes the lane as it was.
func (h *faults) leave(problem func(string, ...any), lane string, want outcome, sessions ...*store.Session) {
	err := h.store.Write(h.t.Context(), store.Durable, func(tx *store.Tx) error {
		upstreams, err := tx.Upstreams()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(upstreams, func(u *store.Upstream) bool { return u.Name == lane })
		// A success forgets the faults before it.
		if bench := i >= 0 && upstreams[i].Faults > 0; bench != (want.bench && !want.again) {
			problem("the upstream was benched: %t", bench)
		}
		return tx.Unbench(lane, true)
	})
	if err != nil {
		problem("%v", err)
	}
	for _, s := range sessions {
		if err := h.pool.Remove(h.t.Context(), s.ID); err != nil {
			problem("%v", err)
		}
	}
}
