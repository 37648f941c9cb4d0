package auth

import (
	"sync"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// window is the span in which a key may send its requests per minute.
const window = time.Minute

// Rate is where a key stands with its requests per minute.
type Rate struct {
	Limit     int           // 0 when the key has no limit
	Remaining int           // in this window
	Reset     time.Duration // until the window ends
	Exceeded  bool          // this request is one too many
}

// meter counts requests per key in memory: for the limit, in windows of a
// minute that begin with a key's first request, and for the statistics, until
// they are taken to the store. Every node counts for itself.
//
// A fixed window is what the three headers of the earlier gateway describe; a
// token bucket has no moment at which it resets.
type meter struct {
	mu      sync.Mutex
	windows map[string]*keyWindow
	counts  map[string]int64
	usedAt  int64 // Unix milliseconds of the last request that was counted
}

type keyWindow struct {
	start time.Time
	used  int
}

func newMeter() *meter {
	return &meter{windows: map[string]*keyWindow{}, counts: map[string]int64{}}
}

// take counts one request of the key and says whether it is allowed.
func (m *meter) take(key *store.Key, now time.Time) Rate {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[key.ID]++
	m.usedAt = now.UnixMilli()
	if key.RateLimit <= 0 {
		return Rate{}
	}
	w := m.windows[key.ID]
	if w == nil {
		w = &keyWindow{start: now}
		m.windows[key.ID] = w
	}
	if now.Sub(w.start) >= window {
		w.start, w.used = now, 0
	}
	rate := Rate{Limit: key.RateLimit, Reset: window - now.Sub(w.start)}
	if w.used >= key.RateLimit {
		rate.Exceeded = true
		return rate
	}
	w.used++
	rate.Remaining = key.RateLimit - w.used
	return rate
}

// drain hands out the counts since the last call and forgets the windows that
// are over, so that the meter holds only keys in use.
func (m *meter) drain(now time.Time) (counts map[string]int64, usedAt int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, w := range m.windows {
		if now.Sub(w.start) >= window {
			delete(m.windows, id)
		}
	}
	counts, m.counts = m.counts, make(map[string]int64, len(m.counts))
	return counts, m.usedAt
}

// restore puts back counts that could not be stored.
func (m *meter) restore(counts map[string]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, n := range counts {
		m.counts[id] += n
	}
}
