package queue_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
)

// desk stands before the simulator and can stop a task: requests wait where a
// test wants them, and work that is running can be stopped, which no upstream of
// this family can.
type desk struct {
	t       *testing.T
	h       *house
	web     *httptest.Server
	mu      sync.Mutex
	holds   map[string]*hold
	refs    []string // that were asked to be stopped
	refusal bool     // nothing can be stopped
}

// hold is a place at which one request waits.
type hold struct {
	arrived, released chan struct{}
}

// Places: before the simulator hears of a request, and after it has answered.
const (
	beforeSubmit  = "before /submit"
	afterSubmit   = "after /submit"
	beforeStatus  = "before /status"
	beforeDetect  = "before /0/status"
	betweenStatus = "between polls"
)

func (d *desk) hold(place string) *hold {
	h := &hold{make(chan struct{}), make(chan struct{})}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holds[place] = h
	d.t.Cleanup(h.release)
	return h
}

func (h *hold) release() {
	select {
	case <-h.released:
	default:
		close(h.released)
	}
}

func (d *desk) wait(place, path string) {
	d.mu.Lock()
	var found *hold
	for at, h := range d.holds {
		when, suffix, _ := strings.Cut(at, " ")
		asked := strings.HasSuffix(path, "/0/status") // what the upstream is, not a task
		if when == place && strings.HasSuffix(path, suffix) && asked == (at == beforeDetect) {
			found = h
			delete(d.holds, at)
		}
	}
	d.mu.Unlock()
	if found != nil {
		close(found.arrived)
		<-found.released
	}
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if ref, ok := strings.CutPrefix(r.URL.Path, "/stop/"); ok {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.refs = append(d.refs, ref)
		fmt.Fprint(w, !d.refusal)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	d.wait("before", r.URL.Path)
	// A request that has arrived is worked on, whether its sender waits or not.
	forward := r.Clone(context.WithoutCancel(r.Context()))
	forward.Host = d.h.web.Listener.Addr().String() // where results are fetched, past the desk
	forward.Body = io.NopCloser(strings.NewReader(string(body)))
	answer := httptest.NewRecorder()
	d.h.sim.ServeHTTP(answer, forward)
	d.wait("after", r.URL.Path)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes()) // the gateway may have gone
}

func (d *desk) asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.refs)
}

// stopper is a driver of an upstream that can stop work.
type stopper struct {
	*freeapi.Driver
	url string
	// deaf drivers get the answer in spite of a cancel, as happens when both
	// come at the same moment.
	deaf bool
}

// Submit implements [upstream.Driver].
func (s *stopper) Submit(ctx context.Context, session upstream.Session, r *upstream.Request) (upstream.Submission, error) {
	if s.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	return s.Driver.Submit(ctx, session, r)
}

// Cancel implements [upstream.Canceler].
func (s *stopper) Cancel(ctx context.Context, _ upstream.Session, ref string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/stop/"+ref, nil)
	if err != nil {
		return false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return string(answer) == "true", err
}

var _ upstream.Canceler = (*stopper)(nil)

func newDesk(t *testing.T, h *house) *desk {
	d := &desk{t: t, h: h, holds: map[string]*hold{}}
	d.web = httptest.NewServer(d)
	t.Cleanup(d.web.Close)
	return d
}

// sit puts a desk between a house and its upstream.
func sit(t *testing.T, h *house, deaf bool) *desk {
	t.Helper()
	d := newDesk(t, h)
	d.sit(deaf)
	return d
}

func (d *desk) sit(deaf bool) {
	t, h := d.t, d.h
	t.Helper()
	driver, err := freeapi.New(freeapi.Config{URL: d.web.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(driver.Close)
	h.settings.Upstreams = map[string]queue.Upstream{"sim": {Driver: &stopper{driver, d.web.URL, deaf}}}
	h.queue.Configure(h.settings)
}

// settled waits until no attempt of the task is on its way.
func (h *house) settled(id string) (last *store.Attempt) {
	h.t.Helper()
	eventually(h.t, func() string {
		attempts, err := h.store.Attempts(h.t.Context(), id)
		if err != nil {
			return err.Error()
		}
		if len(attempts) == 0 {
			return ""
		}
		if last = attempts[len(attempts)-1]; last.State == store.Sending {
			return "attempt is still being sent"
		}
		return ""
	})
	return last
}

// over checks that a task is cancelled for good: one end, its slot is free, and
// the answer about money agrees with what the upstream has counted.
func (h *house) over(id, money string, paid int) {
	h.t.Helper()
	h.until(id, money, func(t *store.Task) bool { return t.Status == store.Cancelled && t.Money == money })
	history, err := h.store.History(h.t.Context(), id, 0, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	ends := 0
	for i, e := range history {
		if e.What == store.Ended {
			ends++
		}
		if i > 0 && e.Seq <= history[i-1].Seq {
			h.t.Errorf("event %d comes after %d", e.Seq, history[i-1].Seq)
		}
		if ends > 0 && e.Change.Status != store.Cancelled {
			h.t.Errorf("a cancelled task is %s: %+v", e.Change.Status, e)
		}
	}
	if ends != 1 {
		h.t.Errorf("the task ended %d times", ends)
	}
	if n := len(h.sim.Submits()); n != paid {
		h.t.Errorf("%d paid submits, want %d", n, paid)
	}
	h.consistent()
	// The slot is free, and only once.
	next := h.submit(h.video(admin, "the next [[delay:1ms]]"))
	if task := h.ended(next.ID); task.Status != store.Succeeded {
		h.t.Errorf("the next task: %+v", task)
	}
	if task, err := h.store.Task(h.t.Context(), "", id); err != nil || task.Status != store.Cancelled || task.Money != money {
		h.t.Errorf("a cancelled task became %+v, %v", task, err)
	}
	h.consistent()
}

// Where a task is when it is cancelled, and what that costs.
func TestCancelAtEachPoint(t *testing.T) {
	for _, c := range []struct {
		place   string
		prompt  string
		deaf    bool
		refusal bool
		money   string
		paid    int
		stopped bool // the upstream is asked to stop
	}{
		{place: beforeDetect, money: queue.NotStarted},
		{place: beforeSubmit, money: queue.RunsOnUpstream, paid: 1},
		{place: afterSubmit, money: queue.RunsOnUpstream, paid: 1},
		{place: afterSubmit, prompt: "[[fault:content_filtered@submit]]", deaf: true, money: queue.NotStarted},
		{place: beforeSubmit, deaf: true, money: queue.Stopped, paid: 1, stopped: true},
		{place: afterSubmit, deaf: true, money: queue.Stopped, paid: 1, stopped: true},
		{place: afterSubmit, deaf: true, refusal: true, money: queue.RunsOnUpstream, paid: 1, stopped: true},
		{place: beforeStatus, money: queue.Stopped, paid: 1, stopped: true},
		{place: beforeStatus, refusal: true, money: queue.RunsOnUpstream, paid: 1, stopped: true},
		{place: betweenStatus, money: queue.Stopped, paid: 1, stopped: true},
	} {
		t.Run(fmt.Sprintf("%s deaf=%t refusal=%t %s", strings.ReplaceAll(c.place, "/", ""), c.deaf, c.refusal, c.money), func(t *testing.T) {
			each(t, options{delay: time.Hour}, func(t *testing.T, h *house) {
				d := newDesk(t, h)
				d.refusal = c.refusal
				held := d.hold(c.place)
				d.sit(c.deaf)
				task := h.submit(h.video(admin, "a boat "+c.prompt))
				h.session("account-0000000001", 1)
				if c.place == betweenStatus {
					h.until(task.ID, "polled", func(t *store.Task) bool { return t.Polls > 0 })
				} else {
					<-held.arrived
				}
				cancelled, err := h.queue.Cancel(t.Context(), "", task.ID)
				if err != nil {
					t.Fatal(err)
				}
				if cancelled.Money == queue.NotStarted && c.paid > 0 || cancelled.Money == queue.Stopped && !slices.Contains(d.asked(), cancelled.Ref) {
					t.Errorf("the answer was %s", cancelled.Money)
				}
				if !c.deaf {
					h.settled(task.ID) // the call is given up, and whatever comes comes too late
				}
				held.release()
				h.settled(task.ID)
				eventually(t, func() string {
					if n := len(h.sim.Submits()); n < c.paid {
						return fmt.Sprint(n, " submits have arrived")
					}
					return ""
				})
				h.over(task.ID, c.money, c.paid)
				if c.stopped != (len(d.asked()) == 1) || c.stopped && d.asked()[0] == "" {
					t.Errorf("asked to stop %q", d.asked())
				}
			})
		})
	}
}

// A task that waits, and one that has a slot and was not sent, cost nothing.
func TestCancelBeforeAnythingIsSent(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		waiting := h.submit(h.video(admin, "waiting"))
		if _, err := h.queue.Cancel(t.Context(), "", waiting.ID); err != nil {
			t.Fatal(err)
		}
		h.session("account-0000000001", 1)
		h.stop()
		h.open() // admits, and nobody sends
		admitted := h.submit(h.video(admin, "admitted"))
		if task := h.reaches(admitted.ID, store.Submitting); task.Attempt != 1 {
			t.Errorf("task: %+v", task)
		}
		task, err := h.queue.Cancel(t.Context(), "", admitted.ID)
		if err != nil || task.Money != queue.NotStarted {
			t.Errorf("cancel: %+v, %v", task, err)
		}
		if err := h.queue.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.over(admitted.ID, queue.NotStarted, 0)
		h.over(waiting.ID, queue.NotStarted, 1)
	})
}

func TestCancelWhileTheResultIsFetched(t *testing.T) {
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		d := sit(t, h, false)
		h.session("account-0000000001", 1)
		task := h.submit(h.video(admin, "a boat [[file:hold]]"))
		h.until(task.ID, "half fetched", func(task *store.Task) bool { return h.queue.Mirror(task.ID, 0) != nil })
		cancelled, err := h.queue.Cancel(t.Context(), "", task.ID)
		if err != nil || cancelled.Money != queue.RunsOnUpstream {
			t.Errorf("cancel: %+v, %v", cancelled, err)
		}
		h.control("release/"+h.sim.Submits()[0].ID, struct{}{})
		h.over(task.ID, queue.RunsOnUpstream, 1)
		if len(d.asked()) > 0 {
			t.Error("the upstream was asked to stop what it had finished")
		}
	})
}

// Who cancels and deletes has given the order to stop, also if the upstream's
// answer comes when nothing of the task is left.
func TestCancelAndDeleteOnTheWire(t *testing.T) {
	each(t, options{delay: time.Hour}, func(t *testing.T, h *house) {
		d := sit(t, h, true)
		held := d.hold(afterSubmit)
		h.session("account-0000000001", 1)
		task := h.submit(h.video(admin, "a boat"))
		<-held.arrived
		if _, err := h.queue.Cancel(t.Context(), "", task.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.queue.Delete(t.Context(), "", task.ID); err != nil {
			t.Fatal(err)
		}
		held.release()
		ref := h.sim.Submits()[0].ID
		eventually(t, func() string {
			if !slices.Contains(d.asked(), ref) {
				return "the upstream was not asked to stop " + ref
			}
			return ""
		})
		if _, err := h.store.Task(t.Context(), "", task.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a deleted task is there again: %v", err)
		}
		next := h.submit(h.video(admin, "the next [[delay:1ms]]"))
		if task := h.ended(next.ID); task.Status != store.Succeeded {
			t.Errorf("the next task: %+v", task)
		}
		h.consistent()
	})
}

func TestCancelAndRetryOnTheWire(t *testing.T) {
	each(t, options{delay: time.Hour}, func(t *testing.T, h *house) {
		d := sit(t, h, true)
		held := d.hold(beforeSubmit)
		h.session("account-0000000001", 1)
		task := h.submit(h.video(admin, "a boat"))
		<-held.arrived
		if _, err := h.queue.Cancel(t.Context(), "", task.ID); err != nil {
			t.Fatal(err)
		}
		again, err := h.queue.Retry(t.Context(), "", task.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		h.reaches(again.ID, store.Polling)
		held.release()
		h.until(task.ID, "stopped", func(t *store.Task) bool { return t.Money == queue.Stopped })
		if task := h.reaches(again.ID, store.Polling); slices.Contains(d.asked(), task.Ref) || len(d.asked()) != 1 {
			t.Errorf("asked to stop %v, the retry is %s", d.asked(), task.Ref)
		}
		if _, err := h.queue.Cancel(t.Context(), "", again.ID); err != nil {
			t.Fatal(err)
		}
		h.over(task.ID, queue.Stopped, 2)
	})
}

// crowd cancels a task a hundred times at once, at random from all houses, and
// returns how often that was the end.
func crowd(t *testing.T, id string, houses ...*house) (ended int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range 100 {
		wg.Go(func() {
			task, err := houses[i%len(houses)].queue.Cancel(t.Context(), "", id)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && task.Status == store.Cancelled:
				ended++
			case !errors.Is(err, queue.ErrEnded):
				t.Errorf("cancel: %+v, %v", task, err)
			}
		})
	}
	wg.Wait()
	return ended
}

func TestAHundredCancelsAreOneEnd(t *testing.T) {
	each(t, options{delay: time.Hour}, func(t *testing.T, h *house) {
		d := sit(t, h, false)
		h.session("account-0000000001", 1)
		task := h.submit(h.video(admin, "a boat"))
		h.reaches(task.ID, store.Polling)
		if n := crowd(t, task.ID, h); n != 1 {
			t.Errorf("%d cancels were the end", n)
		}
		h.over(task.ID, queue.Stopped, 1)
		if len(d.asked()) != 1 {
			t.Errorf("the upstream was asked to stop %d times", len(d.asked()))
		}
	})
}

// Two nodes on one database: either may cancel what the other runs.
func TestCancelFromAnotherNode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		if strings.HasPrefix(databaseURL, "sqlite") {
			t.Skip("two nodes need PostgreSQL")
		}
		h := build(t, databaseURL, options{delay: time.Hour})
		d := sit(t, h, false)
		other := &house{t: t, dir: h.dir, url: h.url, settings: h.settings, sim: h.sim, web: h.web}
		other.start()
		t.Cleanup(func() { other.stop() })
		h.session("account-0000000001", 1)
		for i, place := range []string{beforeSubmit, afterSubmit, beforeStatus} {
			held := d.hold(place)
			task := h.submit(h.video(admin, "a boat"))
			<-held.arrived
			paid := len(h.sim.Submits())
			// Whichever node runs it, one of these is the other.
			if n := crowd(t, task.ID, h, other); n != 1 {
				t.Errorf("%s: %d cancels were the end", place, n)
			}
			money := queue.RunsOnUpstream
			if place == beforeStatus {
				money = queue.Stopped
			}
			attempt := h.settled(task.ID) // the other node gives its call up
			held.release()
			if place == beforeSubmit {
				paid++
			}
			if attempt.State == store.InDoubt && money == queue.Stopped || attempt.State == store.Accepted && money != queue.Stopped {
				t.Errorf("%s: attempt %+v", place, attempt)
			}
			eventually(t, func() string {
				if n := len(h.sim.Submits()); n < paid {
					return fmt.Sprint(n, " submits have arrived")
				}
				return ""
			})
			h.over(task.ID, money, paid)
			if want := max(0, i-1); len(d.asked()) != want {
				t.Errorf("%s: the upstream was asked to stop %d times, want %d", place, len(d.asked()), want)
			}
		}
	})
}
