package queue_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// priced is a house with one model that costs 2.5 credits and 0.25 a second.
func priced(s *queue.Settings) {
	s.Models = map[string]queue.ModelSettings{"priced": {
		Aliases: []string{"dear"}, Upstreams: map[string]string{"sim": "jimeng-video-3.0"},
		Override: upstream.Override{Durations: []int{5, 10}, Credits: 2.5, CreditsPerSecond: 0.25},
	}}
}

func limitOf(err error) string {
	if e, ok := errors.AsType[*queue.LimitError](err); ok {
		return e.Limit
	}
	return fmt.Sprint(err)
}

// A hundred clients want the last task that a key may make, on every node there can
// be. One gets it, whichever limit it is.
func TestOneOfAHundredGetsTheLastTask(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		h := build(t, databaseURL, options{settings: priced, variant: simulator.Fork})
		nodes := []*house{h}
		if databaseURL[0] == 'p' { // SQLite has one node
			nodes = append(nodes, h.second(databaseURL))
		}
		for limit, change := range map[string]func(*store.Key){
			"daily_quota":       func(k *store.Key) { k.DailyQuota = 3 },
			"credits_per_day":   func(k *store.Key) { k.CreditsPerDay = 3*3750 + 3749 }, // three tasks and nearly a fourth
			"credits_per_month": func(k *store.Key) { k.CreditsPerMonth = 3 * 3750 },
		} {
			key := h.key(limit, change)
			task := func(i int) *queue.NewTask {
				n := h.video(key, fmt.Sprint(i))
				n.Model, n.Duration, n.Materials, n.Ratio, n.Resolution = "dear", 5, nil, "", ""
				return n
			}
			for i := range 2 {
				h.submit(task(i))
			}
			var wg sync.WaitGroup
			var mu sync.Mutex
			start, outcomes := make(chan struct{}), map[string]int{}
			for i := range 100 {
				n, node := task(i), nodes[i%len(nodes)]
				if i%3 == 0 {
					n.IdempotencyKey, n.RequestHash = fmt.Sprint("once-", i), "same"
				}
				wg.Go(func() {
					<-start
					_, err := node.queue.Submit(t.Context(), n)
					mu.Lock()
					defer mu.Unlock()
					outcomes[limitOf(err)]++
				})
			}
			close(start)
			wg.Wait()
			if outcomes["<nil>"] != 1 || outcomes[limit] != 99 {
				t.Errorf("%s: %v; want one task and 99 refusals", limit, outcomes)
			}
		}
		h.consistent()
	})
}

func TestLimitsOfAKey(t *testing.T) {
	each(t, options{settings: priced}, func(t *testing.T, h *house) {
		dear := func(key *store.Key, change func(*queue.NewTask)) error {
			n := h.video(key, "a boat")
			n.Model, n.Duration, n.Materials, n.Ratio, n.Resolution = "dear", 10, nil, "", ""
			if change != nil {
				change(n)
			}
			_, err := h.queue.Submit(t.Context(), n)
			return err
		}
		poor := h.key("poor", func(k *store.Key) { k.CreditsPerDay, k.CreditsPerMonth = 6000, 5000 })
		if err := dear(poor, nil); err != nil {
			t.Fatal(err)
		}
		err := dear(poor, nil)
		e, _ := errors.AsType[*queue.LimitError](err)
		if e == nil || e.Limit != "credits_per_month" || e.Value != 5.0 || e.Until.Day() != 1 || time.Until(e.Until) <= 0 {
			t.Fatalf("over the budget of the month: %+v", e)
		}
		if want := "the key may spend 5 credits a month and has spent 5; the task costs 5, and the month ends at " + e.Until.UTC().Format(time.RFC3339); e.Message != want {
			t.Errorf("says %q, want %q", e.Message, want)
		}
		// What nobody knows the price of costs nothing.
		if err := dear(poor, func(n *queue.NewTask) { n.Model = "jimeng-video-3.0" }); err != nil {
			t.Errorf("a task without a price: %v", err)
		}
		// What is more than the whole budget is never possible, and says so.
		tiny := h.key("tiny", func(k *store.Key) { k.CreditsPerDay = 1 })
		if e, _ := errors.AsType[*queue.LimitError](dear(tiny, nil)); e == nil || e.Limit != "credits_per_day" || !e.Until.IsZero() {
			t.Errorf("a task that costs more than the budget: %+v", e)
		}
		some := h.key("some", func(k *store.Key) { k.Models, k.MaxPriority = []string{"dear"}, 5 })
		if got := limitOf(dear(some, func(n *queue.NewTask) { n.Model = "jimeng-video-3.0" })); got != "models" {
			t.Errorf("a model that is not the key's: %s", got)
		}
		if got := limitOf(dear(some, func(n *queue.NewTask) { n.Priority = 6 })); got != "max_priority" {
			t.Errorf("a priority that is too high: %s", got)
		}
		for _, name := range []string{"dear", "priced"} {
			if err := dear(some, func(n *queue.NewTask) { n.Model, n.Priority = name, 5 }); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if models := h.queue.ModelsFor(some); len(models) != 1 || models[0].ID != "priced" {
			t.Errorf("sees %v", models)
		}
		if got := limitOf(dear(admin, func(n *queue.NewTask) { n.Priority = 100 })); got != "<nil>" {
			t.Errorf("the admin token: %s", got)
		}
	})
}

// Sending a task again is no way around a limit.
func TestRetriesRespectLimits(t *testing.T) {
	each(t, options{settings: priced}, func(t *testing.T, h *house) {
		key := h.key("client", nil)
		var ids []string
		for i := range 3 {
			n := h.video(key, fmt.Sprint(i))
			n.Model, n.Duration, n.Materials, n.Ratio, n.Resolution, n.Priority = "dear", 5, nil, "", "", 50
			task := h.submit(n)
			if _, err := h.queue.Cancel(t.Context(), "", task.ID); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, task.ID)
		}
		set := func(change func(*store.Key)) {
			if _, err := h.store.UpdateKey(t.Context(), key.ID, func(k *store.Key) error { change(k); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		set(func(k *store.Key) { k.MaxPriority = 7 })
		again, err := h.queue.Retry(t.Context(), "", ids[0], "")
		if err != nil || again.Priority != 7 {
			t.Fatalf("with a lower ceiling: %+v, %v", again, err)
		}
		day, _, err := h.store.CreditsUsed(t.Context(), key.ID)
		if err != nil {
			t.Fatal(err)
		}
		for limit, change := range map[string]func(*store.Key){
			"daily_quota":     func(k *store.Key) { k.DailyQuota = 4 },
			"credits_per_day": func(k *store.Key) { k.CreditsPerDay = day + 3749 },
			"models":          func(k *store.Key) { k.Models = []string{"jimeng-video-3.0"} },
		} {
			set(func(k *store.Key) {
				k.DailyQuota, k.CreditsPerDay, k.Models = 0, 0, nil
				change(k)
			})
			if _, err := h.queue.Retry(t.Context(), "", ids[1], ""); limitOf(err) != limit {
				t.Errorf("retry: %v, want %s", err, limit)
			}
			bulk, err := h.queue.Bulk(t.Context(), queue.RetryAll, store.TaskFilter{KeyID: key.ID, Statuses: []store.Status{store.Cancelled}}, false)
			if err != nil || bulk.Done != 0 || bulk.Failed != 2 || limitOf(bulk.Failures[0].Err) != limit {
				t.Errorf("many: %+v, %v, want %s", bulk, err, limit)
			}
		}
	})
}
