package queue

import (
	"context"
	"slices"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// measured is how many of the last successful tasks are looked at.
	measured = 200
	// measureEvery is how long a measurement holds. One of fewer than
	// enoughSamples tasks is renewed with every picture: a young gateway learns
	// from each task.
	measureEvery  = 30 * time.Second
	enoughSamples = 20
	// fewSamples of a model say less than those of all models of its upstream.
	fewSamples = 5
)

// durations is how long tasks held a slot, from their admission to their end.
type durations struct {
	at         time.Time
	samples    int
	byUpstream map[string]*spread
	byModel    map[[2]string]*spread // upstream, model
}

// spread is measured durations in milliseconds, ascending.
type spread struct {
	samples []int64
	// borrowed samples are of all models of the upstream, for want of the model's.
	borrowed bool
}

func (d *durations) stale(now time.Time) bool {
	age := now.Sub(d.at)
	return age >= measureEvery || d.samples < enoughSamples && age >= pictureLife
}

// measureDurations reads the last successful tasks.
func (q *Queue) measureDurations(ctx context.Context) (*durations, error) {
	at := time.Now()
	tasks, err := q.store.Succeeded(ctx, measured)
	if err != nil {
		return nil, err
	}
	d := &durations{at: at, samples: len(tasks), byUpstream: make(map[string]*spread), byModel: make(map[[2]string]*spread)}
	for _, t := range tasks {
		held := max(1, t.EndedAt-t.AdmittedAt)
		add(d.byUpstream, t.Upstream, held)
		add(d.byModel, [2]string{t.Upstream, q.modelName(t.Model)}, held)
	}
	for _, s := range d.byUpstream {
		slices.Sort(s.samples)
	}
	for _, s := range d.byModel {
		slices.Sort(s.samples)
	}
	return d, nil
}

func add[K comparable](m map[K]*spread, k K, sample int64) {
	if m[k] == nil {
		m[k] = &spread{}
	}
	m[k].samples = append(m[k].samples, sample)
}

// modelName is the model's own name where a client may have used an alias.
func (q *Queue) modelName(name string) string {
	if m := q.Model(name); m != nil {
		return m.ID
	}
	return name // it is not in the configuration any more
}

// of is how long tasks of the model hold a slot of the upstream. With too few of
// the model, it is what all models of the upstream take.
func (d *durations) of(upstreamName, model string) *spread {
	own, all := d.byModel[[2]string{upstreamName, model}], d.byUpstream[upstreamName]
	switch {
	case own != nil && (len(own.samples) >= fewSamples || len(own.samples) == len(all.samples)):
		return own
	case all != nil:
		return &spread{all.samples, true}
	default:
		return &spread{}
	}
}

// ofUpstream is how long tasks hold a slot of the upstream, whatever the model.
func (d *durations) ofUpstream(name string) *spread {
	if s := d.byUpstream[name]; s != nil {
		return s
	}
	return &spread{}
}

func (s *spread) known() bool { return len(s.samples) > 0 }

// at is the duration that a share of the samples does not exceed.
func (s *spread) at(share float64) int64 {
	return s.samples[min(int(share*float64(len(s.samples))), len(s.samples)-1)]
}

// typical is the mean of the middle four fifths. How soon a queue moves is a
// matter of the mean, not of the median; and one task that took hours must not
// count for more than it is.
func (s *spread) typical() int64 {
	middle := s.samples[len(s.samples)/10 : len(s.samples)-len(s.samples)/10]
	sum := int64(0)
	for _, sample := range middle {
		sum += sample
	}
	return sum / int64(len(middle))
}

// beyond is the spread of the samples that took longer than a task has taken
// already. If none did, nothing is known but that it takes longer.
func (s *spread) beyond(elapsed int64) *spread {
	i, _ := slices.BinarySearch(s.samples, elapsed+1)
	return &spread{s.samples[i:], s.borrowed}
}

// heldFor is how long a task that runs holds its slot.
func heldFor(t *store.Held, now int64) int64 { return max(0, now-t.AdmittedAt) }
