package logs

import (
	"net/http"
	"sync"
	"time"
)

// clockDrift is how much surer of an offset we are not, for each answer that is
// newer: clocks run differently and are set.
const clockDrift = time.Millisecond

// now is for measuring, too: it has the monotonic clock.
func now() time.Time { return time.Now() }

// clock knows how far the clock of the Docker engine is ahead of ours. The times in
// answers have whole seconds only; but each bounds the offset from both sides, and
// many of them together to some milliseconds.
type clock struct {
	mu          sync.Mutex
	known       bool
	least, most time.Duration
}

// saw takes the header Date of an answer and when it was asked for and came.
func (c *clock) saw(date string, sent, received time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	// Docker wrote it between sent and received, within the second after at.
	least, most := at.Sub(received), at.Add(time.Second).Sub(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		c.least, c.most = max(least, c.least-clockDrift), min(most, c.most+clockDrift)
	}
	if !c.known || c.least > c.most { // somebody has set a clock
		c.known, c.least, c.most = true, least, most
	}
}

// offset is how far the engine's clock is ahead, as far as is known.
func (c *clock) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.least <= 0 && c.most >= 0 { // it may be right, so it counts as such
		return 0
	}
	return (c.least + c.most) / 2
}
