package upstream

import "slices"

// Override is what a configuration says of a model, in place of what a driver
// does. Whatever is nil, empty or 0 leaves the driver's word.
type Override struct {
	Durations       []int // seconds
	DefaultDuration int   // where it is among the durations
	Ratios          []string
	Resolutions     []string
	MaxPrompt       *int // characters; 0 for no limit
	NeedsPrompt     *bool
	MinMaterials    *int
	MaxMaterials    *int
	MaxImages       *int
	MaxVideos       *int
	MaxAudios       *int

	Credits, CreditsPerSecond float64
}

// Over returns m with o laid over it. No model takes more materials in all than
// of the three kinds together, so a new one needs no maximum of its own.
func (o *Override) Over(m Model) Model {
	if len(o.Durations) > 0 {
		m.Durations = slices.Compact(slices.Sorted(slices.Values(o.Durations)))
	}
	if slices.Contains(m.Durations, o.DefaultDuration) {
		m.DefaultDuration = o.DefaultDuration
	} else if len(m.Durations) > 0 && !slices.Contains(m.Durations, m.DefaultDuration) {
		m.DefaultDuration = m.Durations[0]
	}
	if len(o.Ratios) > 0 {
		m.Ratios = o.Ratios
	}
	if len(o.Resolutions) > 0 {
		m.Resolutions = o.Resolutions
	}
	put(&m.MaxPrompt, o.MaxPrompt)
	put(&m.NeedsPrompt, o.NeedsPrompt)
	put(&m.MinMaterials, o.MinMaterials)
	put(&m.MaxImages, o.MaxImages)
	put(&m.MaxVideos, o.MaxVideos)
	put(&m.MaxAudios, o.MaxAudios)
	sum := m.MaxImages + m.MaxVideos + m.MaxAudios
	if o.MaxMaterials != nil {
		m.MaxMaterials = min(*o.MaxMaterials, sum)
	} else if m.MaxMaterials == 0 || m.MaxMaterials > sum {
		m.MaxMaterials = sum
	}
	if o.Credits > 0 {
		m.Credits = o.Credits
	}
	if o.CreditsPerSecond > 0 {
		m.CreditsPerSecond = o.CreditsPerSecond
	}
	return m
}

func put[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// Pick returns the model that the request is for, out of those that the driver
// knows, or one that only the configuration knows if the request is Named. It
// returns nil if there is none of the request's kind.
//
// What the configuration allows beyond the driver's knowledge counts, and what
// it forbids does not: that was checked when the task was taken, and a task that
// waits is not refused for what was forbidden since.
func (r *Request) Pick(models []Model) *Model {
	m := Model{ID: r.Model, Kind: r.Kind}
	known := Find(models, r.Model)
	switch {
	case known != nil && known.Kind == r.Kind:
		m = *known
	case known != nil || !r.Named:
		return nil
	}
	if r.Override == nil {
		return &m
	}
	configured := r.Override.Over(m)
	if known == nil {
		return &configured
	}
	m.Widen(&configured)
	return &m
}
