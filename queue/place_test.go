package queue_test

import (
	"cmp"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

func (h *house) forecast(id string) *queue.Forecast {
	h.t.Helper()
	task, err := h.store.Task(h.t.Context(), "", id)
	if err != nil {
		h.t.Fatal(err)
	}
	f, err := h.queue.Forecast(h.t.Context(), task)
	if err != nil {
		h.t.Fatal(err)
	}
	return f
}

// place waits until the picture has seen that n tasks are queued.
func (h *house) place(id string, n int) *queue.Place {
	h.t.Helper()
	var place *queue.Place
	eventually(h.t, func() string {
		place = h.forecast(id).Place
		if place == nil || place.OfQueue != n {
			return fmt.Sprintf("place is %+v of %d", place, n)
		}
		return ""
	})
	return place
}

func (h *house) enable(id string, enabled bool) {
	h.t.Helper()
	if _, err := h.pool.Change(h.t.Context(), id, pool.Change{Enabled: &enabled}); err != nil {
		h.t.Fatal(err)
	}
}

// order is the ids of ended tasks in the order in which they got their slots:
// the ids of their jobs have it.
func (h *house) order(ids []string) []string {
	h.t.Helper()
	jobs := make(map[string]int64, len(ids))
	for _, id := range ids {
		jobs[id] = h.ended(id).JobID
	}
	return slices.SortedFunc(slices.Values(ids), func(a, b string) int { return cmp.Compare(jobs[a], jobs[b]) })
}

func TestPlacesAgreeWithTheOrderOfAdmission(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		const slots, each = 4, 16
		session := h.session("account-0000000001", slots)
		h.enable(session.ID, false)
		light, heavy := h.key("light", nil), h.key("heavy", func(k *store.Key) { k.Weight = 3 })
		capped := h.key("capped", func(k *store.Key) { k.Concurrency = 1 })
		var ids []string
		for _, key := range []*store.Key{light, heavy, capped} {
			for i := range each {
				n := h.video(key, fmt.Sprint(key.ID, i))
				n.Priority = i % 2 // every other one overtakes
				ids = append(ids, h.submit(n).ID)
			}
		}
		foreseen := make(map[string]*queue.Place)
		for i, id := range ids {
			foreseen[id] = h.place(id, 3*each)
			inKey := each/2 + i%each/2 + 1
			if i%2 == 1 {
				inKey = i%each/2 + 1
			}
			if p := foreseen[id]; p.InKey != inKey || p.OfKey != each || p.AtLeast {
				t.Errorf("task %d: place %+v, want %d in its key", i, p, inKey)
			}
		}
		h.enable(session.ID, true)
		for i, id := range h.order(ids) {
			place := i + 1
			// The first admission fills every slot in one transaction, so its order
			// is exact. After that it depends on which of the running tasks ends
			// first, which nobody can foresee. By age alone, it would be off by 32.
			if off := foreseen[id].InQueue - place; off < -2*slots || off > 2*slots || place <= slots && off != 0 {
				t.Errorf("task %s was number %d, foreseen was %d", id, place, foreseen[id].InQueue)
			}
		}
	})
}

// Tasks of a key for different upstreams are in one order, and only those of
// other keys count that wait for the same upstreams.
func TestPlacesOfTasksForDifferentUpstreams(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		sim := simulator.New(simulator.Config{Variant: simulator.Iptag, Delay: 100 * time.Millisecond, Log: zap.NewNop()})
		web := httptest.NewServer(sim)
		t.Cleanup(web.Close)
		driver, err := freeapi.New(freeapi.Config{URL: web.URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { driver.Close() })
		first := h.session("account-0000000001", 1) // has the variant found out too
		settings := h.settings
		settings.Upstreams = map[string]queue.Upstream{"sim": h.settings.Upstreams["sim"], "second": {Driver: driver}}
		h.queue.Configure(settings)
		second, err := h.pool.Add(t.Context(), pool.NewSession{Upstream: "second", Secret: "sg-account-0000000002", Slots: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*store.Session{first, second} {
			if result, err := h.pool.Test(t.Context(), s.ID); err != nil || !result.OK {
				t.Fatal(result, err)
			}
			h.enable(s.ID, false)
		}
		on := func(key *store.Key, model string) string {
			n := h.video(key, "a boat")
			n.Model = model
			if model != "seedance-2.0" {
				n.Materials, n.Duration = nil, 8
			}
			return h.submit(n).ID
		}
		const both, onlySecond, onlyFirst = "seedance-2.0", "jimeng-video-veo3", "jimeng-video-3.0" // 8 s of the last only run on fork
		one, two := h.key("one", nil), h.key("two", nil)
		ids := []string{on(one, onlyFirst), on(one, both), on(one, onlySecond), on(one, both), on(two, onlySecond), on(two, onlySecond)}
		for i, want := range []queue.Place{
			{InKey: 1, OfKey: 4, InQueue: 1, OfQueue: 3}, // beside the two for both
			{InKey: 2, OfKey: 4, InQueue: 3, OfQueue: 6}, // the other key gets the second slot
			{InKey: 3, OfKey: 4, OfQueue: 5},
			{InKey: 4, OfKey: 4, OfQueue: 6},
			{InKey: 1, OfKey: 2, OfQueue: 5},
			{InKey: 2, OfKey: 2, OfQueue: 5},
		} {
			got := *h.place(ids[i], want.OfQueue)
			if want.InQueue == 0 {
				want.InQueue = got.InQueue
			}
			if got != want || got.InQueue > got.OfQueue {
				t.Errorf("task %d stands at %+v, want %+v", i, got, want)
			}
		}
		if a, b := h.place(ids[4], 5).InQueue, h.place(ids[5], 5).InQueue; a > 3 || b <= a {
			t.Errorf("the other key's tasks stand at %d and %d", a, b)
		}
		h.enable(first.ID, true)
		h.enable(second.ID, true)
		for _, id := range ids {
			h.ended(id)
		}
	})
}

func TestForecastsLearnFromWhatHasEnded(t *testing.T) {
	each(t, options{delay: 800 * time.Millisecond}, func(t *testing.T, h *house) {
		const slots = 4
		first := h.submit(h.video(admin, "the first"))
		eta := h.forecast(first.ID).ETA
		if eta.StartsAt != 0 || eta.FinishesAt != 0 || eta.Reason == "" || eta.Confidence != "" {
			t.Errorf("without a session: %+v", eta)
		}
		h.session("account-0000000001", slots)
		var ids []string
		for i := range 24 {
			ids = append(ids, h.submit(h.video(admin, fmt.Sprint(i))).ID)
		}
		last := ids[len(ids)-1]
		for _, id := range ids {
			h.ended(id)
		}
		if f := h.forecast(last); f.Place != nil || f.ETA != nil {
			t.Errorf("of a task that has ended: %+v", f)
		}
		ids = ids[:0]
		for i := range 16 {
			ids = append(ids, h.submit(h.video(admin, fmt.Sprint("more ", i))).ID)
		}
		last = ids[len(ids)-1]
		eventually(t, func() string {
			if eta = h.forecast(last).ETA; eta == nil {
				t.Fatal("it ended before it had a forecast")
			}
			if eta.Samples < 20 || eta.FinishesAt == 0 {
				return fmt.Sprintf("after 25 tasks: %+v", eta)
			}
			return ""
		})
		// A machine that is busy with other tests spreads what it measures.
		if eta.Confidence == queue.Low || eta.Reason != "" || eta.StartsAt >= eta.FinishesAt || eta.Earliest > eta.FinishesAt || eta.Latest < eta.FinishesAt {
			t.Errorf("after 25 tasks: %+v", eta)
		}
		task := h.ended(last)
		// What it learned of a busy machine does not hold when that is idle again.
		if off := time.Duration(task.FinishedAt-eta.FinishesAt) * time.Millisecond; off.Abs() > patience(5*time.Second) {
			t.Errorf("it ended %v after the forecast %+v", off, eta)
		}
	})
}

func TestForecastWithoutAMeasurement(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		running := h.submit(h.video(admin, "[[delay:1m]]"))
		h.reaches(running.ID, store.Polling)
		waits := h.submit(h.video(admin, "waits"))
		if eta := h.forecast(waits.ID).ETA; eta.StartsAt != 0 || eta.Reason == "" || eta.Samples != 0 {
			t.Errorf("without a measurement: %+v", eta)
		}
	})
}

func TestForecastOfARunningTask(t *testing.T) {
	each(t, options{delay: 200 * time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 6)
		var ids []string
		for i := range 6 {
			ids = append(ids, h.submit(h.video(admin, fmt.Sprint("[[delay:2s]]", i))).ID)
		}
		running := h.reaches(ids[0], store.Polling)
		if f := h.forecast(running.ID); f.Place != nil || f.ETA == nil || f.ETA.FinishesAt != 0 || f.ETA.Reason == "" {
			t.Errorf("nothing is measured yet: %+v", f.ETA)
		}
		for _, id := range ids {
			h.ended(id)
		}
		next := h.submit(h.video(admin, "[[delay:2s]] one more")).ID
		task := h.reaches(next, store.Polling)
		eventually(t, func() string {
			eta := h.forecast(next).ETA
			if eta == nil {
				t.Fatal("it has ended before the forecast knew of the others")
			}
			if took := time.Duration(eta.FinishesAt-task.StartedAt) * time.Millisecond; eta.Samples < 6 || took < time.Second || took > patience(6*time.Second) {
				return fmt.Sprintf("expected to take %v: %+v", took, eta)
			}
			return ""
		})
		// One that takes longer than any other before is not promised anything.
		slow := h.submit(h.video(admin, "[[delay:30s]] slow")).ID
		eventually(t, func() string {
			if eta := h.forecast(slow).ETA; eta.FinishesAt != 0 || eta.Reason == "" || eta.Samples < 6 {
				return fmt.Sprintf("forecast of a slow task: %+v", eta)
			}
			return ""
		})
	})
}

// crowd puts n tasks of each key into the queue, without what a submit checks.
func (h *house) crowd(n int, keys ...*store.Key) (ids []string) {
	h.t.Helper()
	template := h.submit(h.video(keys[0], "template"))
	for i := 0; i < n; i += 1000 {
		err := h.store.Write(h.t.Context(), store.Relaxed, func(tx *store.Tx) error {
			for j := i; j < min(n, i+1000); j++ {
				for _, key := range keys {
					task := *template
					task.ID, task.KeyID = fmt.Sprintf("%s-%06d", key.ID, j), key.ID
					ids = append(ids, task.ID)
					if err := tx.InsertTask(&task); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return ids
}

// What a place costs must not grow with the queue into something that clients
// who poll could bring the gateway down with.
func TestAPlaceAmongTenThousandIsCheap(t *testing.T) {
	each(t, options{settings: func(s *queue.Settings) { s.StartDeadline, s.Deadline = time.Hour, time.Hour }}, func(t *testing.T, h *house) {
		h.enable(h.session("account-0000000001", 4).ID, false)
		var keys []*store.Key
		for i := range 10 {
			keys = append(keys, h.key(fmt.Sprint("key", i), func(k *store.Key) { k.Weight = 1 + i%3 }))
		}
		each := 1000
		if storetest.Race {
			each = 100
		}
		ids := h.crowd(each, keys...)
		deepest := h.place(ids[len(ids)-1], 10*each+1)
		if deepest.InKey < each || deepest.InQueue < 9*each || deepest.AtLeast {
			t.Errorf("the last stands at %+v", deepest)
		}
		// The best of some rounds, because the machine may be busy with other tests.
		const rounds, reads = 40, 10
		best := time.Hour
		for round := range rounds {
			begin := time.Now()
			for i := range reads {
				if f := h.forecast(ids[((round*reads+i)*6151)%len(ids)]); f.Place == nil {
					t.Fatalf("no place: %+v", f)
				}
			}
			best = min(best, time.Since(begin)/reads)
		}
		t.Logf("a place costs %v", best)
		if best > patience(5*time.Millisecond) {
			t.Errorf("a place costs %v", best)
		}
	})
}

func TestCountingStopsSomewhere(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.SQLite(t), options{settings: func(s *queue.Settings) { s.StartDeadline, s.Deadline = time.Hour, time.Hour }})
	h.enable(h.session("account-0000000001", 4).ID, false)
	ids := h.crowd(21_000, h.key("crowd", nil))
	place := h.place(ids[len(ids)-1], 21_001)
	if !place.AtLeast || place.InQueue < 20_000 || place.InKey < 20_000 {
		t.Errorf("the last stands at %+v", place)
	}
	if eta := h.forecast(ids[len(ids)-1]).ETA; eta.StartsAt != 0 || eta.Reason == "" {
		t.Errorf("forecast of the last: %+v", eta)
	}
}
