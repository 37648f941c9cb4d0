package upstream

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Model is what one model of an upstream can do. Empty lists and zero limits
// mean that the upstream takes no such parameter or material.
type Model struct {
	ID              string    `json:"id"`
	Aliases         []string  `json:"aliases,omitempty"`
	Kind            MediaKind `json:"kind"`
	Durations       []int     `json:"durations,omitempty"` // seconds, ascending
	DefaultDuration int       `json:"default_duration,omitempty"`
	Ratios          []string  `json:"ratios,omitempty"`
	Resolutions     []string  `json:"resolutions,omitempty"`
	MaxPrompt       int       `json:"max_prompt,omitempty"` // characters; 0 for no limit known
	NeedsPrompt     bool      `json:"needs_prompt,omitempty"`
	MinMaterials    int       `json:"min_materials,omitempty"`
	MaxMaterials    int       `json:"max_materials,omitempty"` // of all kinds together
	MaxImages       int       `json:"max_images,omitempty"`
	MaxVideos       int       `json:"max_videos,omitempty"`
	MaxAudios       int       `json:"max_audios,omitempty"`

	// What a task costs is Credits and CreditsPerSecond times its duration, as
	// far as somebody knows; 0 for not known.
	Credits          float64 `json:"credits,omitempty"`
	CreditsPerSecond float64 `json:"credits_per_second,omitempty"`
}

// InvalidError is a request that a model cannot serve. Its message names the
// field and what is allowed, and is meant for the client.
type InvalidError struct {
	Field   string // as in the client's request: "duration", "files"
	Message string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Message }

// Is reports whether name is the model's ID or one of its aliases.
func (m *Model) Is(name string) bool {
	return m.ID == name || slices.Contains(m.Aliases, name)
}

// Find returns the model with that ID or alias, nil if there is none.
func Find(models []Model, name string) *Model {
	i := slices.IndexFunc(models, func(m Model) bool { return m.Is(name) })
	if i < 0 {
		return nil
	}
	return &models[i]
}

// Widen makes m what m or other can do: of each limit the more lenient one. It
// leaves the lists that both were made of alone.
func (m *Model) Widen(other *Model) {
	m.Aliases = union(m.Aliases, other.Aliases)
	m.Durations = union(m.Durations, other.Durations)
	slices.Sort(m.Durations)
	m.Ratios = union(m.Ratios, other.Ratios)
	m.Resolutions = union(m.Resolutions, other.Resolutions)
	if m.MaxPrompt > 0 {
		if m.MaxPrompt = max(m.MaxPrompt, other.MaxPrompt); other.MaxPrompt == 0 {
			m.MaxPrompt = 0 // no limit
		}
	}
	m.NeedsPrompt = m.NeedsPrompt && other.NeedsPrompt
	m.MinMaterials = min(m.MinMaterials, other.MinMaterials)
	m.MaxMaterials = max(m.MaxMaterials, other.MaxMaterials)
	m.MaxImages = max(m.MaxImages, other.MaxImages)
	m.MaxVideos = max(m.MaxVideos, other.MaxVideos)
	m.MaxAudios = max(m.MaxAudios, other.MaxAudios)
}

func union[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// Check returns an [*InvalidError] if the model cannot serve the request.
func (m *Model) Check(r *Request) error {
	if strings.TrimSpace(r.Prompt) == "" {
		if m.NeedsPrompt {
			return &InvalidError{"prompt", fmt.Sprintf("must not be empty for the model %s", m.ID)}
		}
		if len(r.Materials) == 0 {
			return &InvalidError{"prompt", "must not be empty when there is no material"}
		}
	}
	if n := len([]rune(r.Prompt)); m.MaxPrompt > 0 && n > m.MaxPrompt {
		return &InvalidError{"prompt", fmt.Sprintf("has %d characters, the model %s takes at most %d", n, m.ID, m.MaxPrompt)}
	}
	if m.Kind == Video && !slices.Contains(m.Durations, r.Duration) {
		return &InvalidError{"duration", fmt.Sprintf("%d is not possible with the model %s, which makes %s seconds", r.Duration, m.ID, durations(m.Durations))}
	}
	if r.Ratio != "" && !slices.Contains(m.Ratios, r.Ratio) {
		return &InvalidError{"ratio", fmt.Sprintf("%q is not possible with the model %s, allowed: %s", r.Ratio, m.ID, strings.Join(m.Ratios, ", "))}
	}
	if r.Resolution != "" && !slices.Contains(m.Resolutions, r.Resolution) {
		return &InvalidError{"resolution", fmt.Sprintf("%q is not possible with the model %s, allowed: %s", r.Resolution, m.ID, strings.Join(m.Resolutions, ", "))}
	}
	return m.checkMaterials(r.Materials)
}

func (m *Model) checkMaterials(materials []Material) error {
	if n := len(materials); n < m.MinMaterials {
		return &InvalidError{"files", fmt.Sprintf("the model %s needs at least %d material (files or file_paths)", m.ID, m.MinMaterials)}
	} else if n > m.MaxMaterials {
		return &InvalidError{"files", fmt.Sprintf("%d materials are too many for the model %s, which takes at most %d", n, m.ID, m.MaxMaterials)}
	}
	limits := map[MediaKind]int{Image: m.MaxImages, Video: m.MaxVideos, Audio: m.MaxAudios}
	count := map[MediaKind]int{}
	for _, material := range materials {
		count[material.Kind]++
		if limit := limits[material.Kind]; count[material.Kind] > limit {
			return &InvalidError{"files", fmt.Sprintf("the model %s takes at most %d materials of the kind %s", m.ID, limit, material.Kind)}
		}
	}
	return nil
}

// durations writes a list of seconds for people: "4 to 15" or "5, 10".
func durations(list []int) string {
	if n := len(list); n > 2 && list[n-1]-list[0] == n-1 {
		return fmt.Sprintf("%d to %d", list[0], list[n-1])
	}
	words := make([]string, len(list))
	for i, d := range list {
		words[i] = strconv.Itoa(d)
	}
	return strings.Join(words, ", ")
}
