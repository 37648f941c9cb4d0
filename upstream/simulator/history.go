package simulator

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxDelay is the longest generation that fits into an id.
const maxDelay = 9_999_999 * time.Millisecond

// history is a generation as its id tells it. The id is a string of digits that
// holds everything, so that a status can be read after a restart of the
// simulator and by any number of processes.
type history struct {
	id         string
	owner      int
	start      time.Time
	script     script
	sequence   int
	faultIndex int // in faults, -1 for success
}

// The parts of an id in decimal digits: start in Unix milliseconds 13, delay in
// milliseconds 7, fault 3 (0 for success), form and flags 2, owner 6, sequence
// 4, queue 8, file 2, check 2.
const idDigits = 13 + 7 + 3 + 2 + 6 + 4 + 8 + 2 + 2

var sequence atomic.Uint64

func newHistory(token string, start time.Time, sc *script) *history {
	h := &history{
		owner:      ownerOf(token),
		start:      start.Truncate(time.Millisecond),
		script:     *sc,
		sequence:   int(sequence.Add(1) % 10000),
		faultIndex: -1,
	}
	flags := 0
	if sc.plan != nil {
		for i := range faults {
			if &faults[i] == sc.plan.fault && sc.plan.fault.transport == "" {
				h.faultIndex = i
				flags = int(sc.plan.form)
			}
		}
	}
	flags += 4*sc.lag + 20*toInt(sc.states)
	digits := fmt.Sprintf("%013d%07d%03d%02d%06d%04d%04d%04d%d%d", h.start.UnixMilli(), sc.delay.Milliseconds(),
		h.faultIndex+1, flags, h.owner, h.sequence, sc.queueIndex, sc.queueTotal, sc.file.kind, sc.file.first)
	h.id = digits + check(digits)
	return h
}

// parseHistory reads an id, and reports false for one that no simulator made.
func parseHistory(id string) (*history, bool) {
	if len(id) != idDigits || strings.Trim(id, "0123456789") != "" || check(id[:idDigits-2]) != id[idDigits-2:] {
		return nil, false
	}
	rest := id
	next := func(digits int) int {
		n, _ := strconv.Atoi(rest[:digits])
		rest = rest[digits:]
		return n
	}
	h := &history{id: id}
	h.start = time.UnixMilli(int64(next(13)))
	h.script.delay = time.Duration(next(7)) * time.Millisecond
	h.faultIndex = next(3) - 1
	flags := next(2)
	h.owner = next(6)
	h.sequence = next(4)
	h.script.queueIndex, h.script.queueTotal = next(4), next(4)
	h.script.file = fileFault{kind: next(1), first: next(1)}
	if h.faultIndex >= len(faults) || flags >= 40 || h.script.file.kind >= len(fileFaults) {
		return nil, false
	}
	h.script.lag, h.script.states = flags%20/4, flags >= 20
	if h.faultIndex >= 0 {
		h.script.plan = &plan{fault: &faults[h.faultIndex], generation: true, form: form(flags % 4)}
	}
	return h, true
}

func (h *history) finish() time.Time { return h.start.Add(h.script.delay) }

// ownerOf is a number for a token that does not reveal it.
func ownerOf(token string) int {
	sum := sha256.Sum256([]byte(token))
	return int(binary.BigEndian.Uint32(sum[:]) % 1_000_000)
}

func check(digits string) string {
	sum := sha256.Sum256([]byte(digits))
	return fmt.Sprintf("%02d", binary.BigEndian.Uint32(sum[:])%100)
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lags counts the reads of finished generations whose video comes late.
type lags struct {
	mu    sync.Mutex
	reads map[string]int
}

// pending counts a read and reports whether it still comes without the video.
func (l *lags) pending(h *history) bool {
	if h.script.lag == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reads == nil {
		l.reads = map[string]int{}
	}
	if l.reads[h.id] >= h.script.lag {
		return false
	}
	l.reads[h.id]++
	return true
}
