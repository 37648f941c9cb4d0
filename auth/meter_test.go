package auth

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func TestMeterWindow(t *testing.T) {
	t.Parallel()
	m := newMeter()
	key := &store.Key{ID: "a", RateLimit: 2}
	now := time.Now()
	steps := []struct {
		after time.Duration
		want  Rate
	}{
		{0, Rate{Limit: 2, Remaining: 1, Reset: time.Minute}},
		{10 * time.Second, Rate{Limit: 2, Remaining: 0, Reset: 50 * time.Second}},
		{20 * time.Second, Rate{Limit: 2, Reset: 40 * time.Second, Exceeded: true}},
		{60*time.Second - 1, Rate{Limit: 2, Reset: 1, Exceeded: true}},
		{60 * time.Second, Rate{Limit: 2, Remaining: 1, Reset: time.Minute}},
	}
	for _, step := range steps {
		if diff := cmp.Diff(step.want, m.take(key, now.Add(step.after))); diff != "" {
			t.Errorf("after %v: %s", step.after, diff)
		}
	}
	if got := m.take(&store.Key{ID: "b"}, now); got != (Rate{}) {
		t.Errorf("a key without a limit gets %+v", got)
	}
	counts, usedAt := m.drain(now.Add(time.Hour))
	if diff := cmp.Diff(map[string]int64{"a": 5, "b": 1}, counts); diff != "" || usedAt != now.UnixMilli() {
		t.Errorf("counts %s, used at %d", diff, usedAt)
	}
	if len(m.windows) != 0 || len(m.counts) != 0 {
		t.Error("the meter remembers keys that are no longer in use")
	}
}

// A limit is exact, however many requests come at once.
func TestMeterConcurrent(t *testing.T) {
	t.Parallel()
	m := newMeter()
	key := &store.Key{ID: "a", RateLimit: 100}
	var mu sync.Mutex
	allowed := 0
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			if !m.take(key, time.Now()).Exceeded {
				mu.Lock()
				defer mu.Unlock()
				allowed++
			}
		})
	}
	wg.Wait()
	if allowed != 100 {
		t.Errorf("%d requests allowed, want 100", allowed)
	}
}
