package logs

import (
	"sync"
	"time"
)

const (
	batchTime = 40 * time.Millisecond
	batchSize = 64 << 10
)

// batch collects lines into blocks for a log: the first after a silence goes at
// once, those that come soon after it together.
type batch struct {
	log *Log

	mu    sync.Mutex
	lines []Line
	size  int
	last  time.Time // when a block went
	timer *time.Timer
}

func (b *batch) add(line Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
	b.size += len(line.Text) + lineCost
	if b.size >= batchSize {
		b.send()
		return
	}
	if len(b.lines) > 1 {
		return // the timer runs
	}
	wait := batchTime - time.Since(b.last)
	if wait <= 0 {
		b.send()
	} else if b.timer == nil {
		b.timer = time.AfterFunc(wait, b.flush)
	} else {
		b.timer.Reset(wait)
	}
}

// flush hands over what was collected.
func (b *batch) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.send()
}

func (b *batch) send() {
	if len(b.lines) == 0 {
		return
	}
	b.log.Append(b.lines)
	b.lines, b.size, b.last = nil, 0, time.Now()
}

// close hands over the rest and ends the timer.
func (b *batch) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
	b.send()
}
