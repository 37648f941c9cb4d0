package queue_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

func TestAVideoComesOut(t *testing.T) {
	for _, variant := range []simulator.Variant{simulator.Fork, simulator.Stock, simulator.Iptag} {
		t.Run(string(variant), func(t *testing.T) {
			each(t, options{variant: variant}, func(t *testing.T, h *house) {
				h.session("account-0000000001", 2)
				task := h.ended(h.submit(h.video(admin, "a paper boat")).ID)
				if task.Status != store.Succeeded || len(task.Artifacts) == 0 {
					t.Fatalf("task: %+v", task)
				}
				a := task.Artifacts[0]
				if a.ContentType != "video/mp4" || len(a.SHA256) != 64 {
					t.Errorf("artifact: %+v", a)
				}
				file, err := h.blobs.Open(t.Context(), a.Blob)
				if err != nil || file.Size() != a.Size {
					t.Fatalf("artifact's blob: %v", err)
				}
				if err := file.Close(); err != nil {
					t.Error(err)
				}
				submits := h.sim.Submits()
				if len(submits) != 1 || len(submits[0].Materials) != 1 || submits[0].Materials[0].Size != task.Materials[0].Size {
					t.Errorf("submits: %+v", submits)
				}
				h.consistent()
			})
		})
	}
}

func TestQueueNumbersOfTheUpstreamAreShown(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		id := h.submit(h.video(admin, "[[queue:37/812]] [[delay:1m]] a boat")).ID
		task := h.until(id, "in the upstream's queue", func(t *store.Task) bool { return t.QueueTotal != nil })
		if *task.QueueTotal != 812 {
			t.Errorf("queue total: %d", *task.QueueTotal)
		}
	})
}

// Many tasks at once over a few sessions, against what the upstream has counted.
// (The end-to-end tests do the same with a thousand on the built binary.)
func TestSlotsHoldAndSessionsTakeTurns(t *testing.T) {
	each(t, options{delay: 150 * time.Millisecond}, func(t *testing.T, h *house) {
		const tasks, sessions = 120, 6
		for i := range sessions {
			h.session(fmt.Sprintf("account-%010d", i), 2)
		}
		prepared := make([]*queue.NewTask, tasks)
		for i := range prepared {
			prepared[i] = h.video(admin, fmt.Sprint("boat ", i))
		}
		var wg sync.WaitGroup
		var ids sync.Map
		for i, n := range prepared {
			wg.Go(func() { ids.Store(i, h.submit(n).ID) })
		}
		wg.Wait()
		ids.Range(func(_, id any) bool {
			if task := h.ended(id.(string)); task.Status != store.Succeeded {
				t.Errorf("task: %+v", task)
			}
			return true
		})
		_, loads := h.sim.Loads()
		for token, load := range loads {
			if load.MaxRunning > 2 {
				t.Errorf("%s ran %d at once", token, load.MaxRunning)
			}
			if load.Submits < tasks/sessions/2 {
				t.Errorf("%s ran %d of %d tasks", token, load.Submits, tasks)
			}
		}
		if paid := len(h.sim.Submits()); len(loads) != sessions || paid != tasks {
			t.Errorf("%d sessions were used for %d paid submits", len(loads), paid)
		}
		h.consistent()
	})
}

func TestAnotherKeysFirstTaskDoesNotWait(t *testing.T) {
	each(t, options{delay: 300 * time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 2)
		busy, quiet := h.key("busy", nil), h.key("quiet", nil)
		for i := range 100 {
			h.submit(h.video(busy, fmt.Sprint("busy ", i)))
		}
		first := h.until(h.submit(h.video(quiet, "quiet")).ID, "started", func(t *store.Task) bool { return t.StartedAt > 0 })
		tasks, _, err := h.store.Tasks(t.Context(), store.TaskFilter{KeyID: "busy"}, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		overtook := 0
		for _, task := range tasks {
			if task.StartedAt > first.CreatedAt && task.StartedAt < first.StartedAt {
				overtook++
			}
		}
		if overtook > 1 {
			t.Errorf("%d tasks of the busy key started while the quiet key's first waited", overtook)
		}
	})
}

func TestPriorityThenAge(t *testing.T) {
	each(t, options{delay: 50 * time.Millisecond}, func(t *testing.T, h *house) {
		var last string
		for i, priority := range []int{0, 5, 0, 5, 9} {
			n := h.video(admin, fmt.Sprint("task ", i))
			n.Priority = priority
			last = h.submit(n).ID
		}
		h.session("account-0000000001", 1)
		h.ended(last)
		eventually(t, func() string {
			if n := len(h.sim.Submits()); n < 5 {
				return fmt.Sprint(n, " submits")
			}
			return ""
		})
		var order []string
		for _, s := range h.sim.Submits() {
			order = append(order, strings.TrimPrefix(s.Prompt, "task "))
		}
		if got := strings.Join(order, ""); got != "41302" {
			t.Errorf("order of submits: %s, want 41302", got)
		}
	})
}

func TestConcurrencyOfAKeyAndOfTheGateway(t *testing.T) {
	each(t, options{delay: 200 * time.Millisecond, settings: func(s *queue.Settings) { s.Concurrency = 3 }}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 10)
		one := h.key("one", func(k *store.Key) { k.Concurrency = 1 })
		var ids []string
		for i := range 4 {
			ids = append(ids, h.submit(h.video(one, fmt.Sprint("one ", i))).ID, h.submit(h.video(admin, fmt.Sprint("many ", i))).ID)
		}
		for _, id := range ids {
			if task := h.ended(id); task.Status != store.Succeeded {
				t.Errorf("task: %+v", task)
			}
		}
		all, _ := h.sim.Loads()
		if all.MaxRunning > 3 {
			t.Errorf("%d tasks ran at once, the gateway may run 3", all.MaxRunning)
		}
		h.consistent()
	})
}

func TestCheckNamesTheField(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.SQLite(t), options{})
	for field, change := range map[string]func(*queue.NewTask){
		"model":      func(n *queue.NewTask) { n.Model = "sora-9" },
		"duration":   func(n *queue.NewTask) { n.Duration = 99 },
		"ratio":      func(n *queue.NewTask) { n.Ratio = "5:1" },
		"resolution": func(n *queue.NewTask) { n.Resolution = "8k" },
		"prompt":     func(n *queue.NewTask) { n.Prompt, n.Materials = " ", nil },
	} {
		n := h.video(admin, field)
		change(n)
		_, err := h.queue.Submit(t.Context(), n)
		if invalid, ok := errors.AsType[*upstream.InvalidError](err); !ok || invalid.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if counts, err := h.store.Stats(t.Context(), ""); err != nil || counts[store.Queued] != 0 {
		t.Errorf("something was stored: %v, %v", counts, err)
	}
}

func TestDailyQuotaIsExact(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		key := h.key("small", func(k *store.Key) { k.DailyQuota = 7 })
		prepared := make([]*queue.NewTask, 50)
		for i := range prepared {
			prepared[i] = h.video(key, fmt.Sprint(i))
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		taken, refused := 0, 0
		for _, n := range prepared {
			wg.Go(func() {
				_, err := h.queue.Submit(t.Context(), n)
				mu.Lock()
				defer mu.Unlock()
				if _, ok := errors.AsType[*queue.LimitError](err); ok {
					refused++
				} else if err == nil {
					taken++
				} else {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if taken != 7 || refused != 43 {
			t.Errorf("taken %d, refused %d", taken, refused)
		}
	})
}

func TestRetryIsANewTaskWithTheSameInput(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		first := h.submit(h.video(admin, "[[fault:generation_failed@generation]]"))
		if _, err := h.queue.Retry(t.Context(), "", first.ID, ""); !errors.Is(err, queue.ErrNotEnded) {
			t.Errorf("retry of a running task: %v", err)
		}
		h.ended(first.ID)
		again, err := h.queue.Retry(t.Context(), "", first.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		if again.ID == first.ID || again.RetryOf != first.ID || again.Prompt != first.Prompt || len(again.Materials) != 1 {
			t.Errorf("retried: %+v", again)
		}
		if _, err := h.queue.Retry(t.Context(), "other", first.ID, ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("retry of a foreign task: %v", err)
		}
		h.ended(again.ID)
	})
}
