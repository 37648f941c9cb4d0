package queue

import (
	"fmt"
	"math"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Confidence is how sure a forecast is.
type Confidence string

const (
	High   Confidence = "high"
	Medium Confidence = "medium"
	Low    Confidence = "low"
)

// farAway is after how many rounds of tasks a start is so far away that those who
// come later with a better claim make it less sure.
const farAway = 10

// ETA is when a task will probably start and end. Times are Unix milliseconds, 0
// when they cannot be told; then Reason says why.
type ETA struct {
	StartsAt   int64 // 0 for a task that has started
	FinishesAt int64
	Earliest   int64 // between these the end lies four times in five, if all goes on as it has
	Latest     int64
	Confidence Confidence // "" without FinishesAt
	Samples    int        // tasks that were measured
	Reason     string
}

const notMeasured = "no task has succeeded there yet, so nobody knows how long one takes"

// etaOfRunning is when a task that holds a slot probably ends.
func (p *picture) etaOfRunning(task *store.Task) *ETA {
	admitted := p.admitted[task.ID]
	if admitted == 0 { // since the picture
		admitted = p.now
		if task.Attempt == 1 {
			admitted = task.StartedAt
		}
	}
	s := p.durations.of(task.Upstream, p.modelName(task.Model))
	eta := &ETA{Samples: len(s.samples)}
	if !s.known() {
		eta.Reason = notMeasured
		return eta
	}
	elapsed := max(0, p.now-admitted)
	rest := s.beyond(elapsed)
	if !rest.known() {
		eta.Reason = fmt.Sprintf("it takes longer than each of the last %d tasks", len(s.samples))
		return eta
	}
	eta.Earliest, eta.FinishesAt, eta.Latest = admitted+rest.at(0.1), admitted+rest.at(0.5), admitted+rest.at(0.9)
	eta.Confidence = s.confidence()
	return eta
}

// etaOfQueued is when a task that gets its slot at s probably starts and ends.
func (p *picture) etaOfQueued(task *store.Task, s start) *ETA {
	all, own := p.durations.ofUpstream(s.upstream), p.durations.of(s.upstream, p.modelName(task.Model))
	eta := &ETA{Samples: len(own.samples)}
	wait := s.at - p.now
	switch {
	case s.assumed:
		eta.Reason = "no session that could run it is in service, and none comes back by itself"
		return eta
	case wait > 0 && s.guessed:
		eta.Reason = notMeasured
		return eta
	}
	eta.StartsAt = s.at
	if task.StartDeadline < eta.StartsAt {
		eta.Reason = "that is after its start deadline, when it fails if nothing changes"
	}
	if !own.known() {
		eta.Reason = notMeasured
		return eta
	}
	// The tasks before it are as far off as one of them, times the root of how
	// many run one after the other: some take longer, some less.
	earlier, later, rounds := int64(0), int64(0), 0.0
	if wait > 0 {
		typical := all.typical()
		rounds = max(1, float64(wait)/float64(typical))
		earlier = int64(float64(max(0, typical-all.at(0.1))) * math.Sqrt(rounds))
		later = int64(float64(max(0, all.at(0.9)-typical)) * math.Sqrt(rounds))
	}
	eta.FinishesAt = eta.StartsAt + own.at(0.5)
	eta.Earliest = max(p.now, eta.StartsAt-earlier) + own.at(0.1)
	eta.Latest = eta.StartsAt + later + own.at(0.9)
	eta.Confidence = own.confidence()
	if eta.Confidence == High && (s.unsure || rounds > farAway) {
		eta.Confidence = Medium
	}
	return eta
}

// confidence is how much the samples say of the next task.
func (s *spread) confidence() Confidence {
	n, width := len(s.samples), float64(s.at(0.9)-s.at(0.1))/float64(s.at(0.5))
	switch {
	case n < fewSamples || width > 3:
		return Low
	case n < enoughSamples || width > 1 || s.borrowed:
		return Medium
	default:
		return High
	}
}
