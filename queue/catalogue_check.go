package queue

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Check reports what in the settings of models cannot be, seen with what the
// drivers know now. A fresh driver knows the most that its upstream may serve,
// so this is for settings that come into force.
func (s *Settings) Check() (faults []error) {
	c := newCatalogue(s)
	fault := func(id, format string, args ...any) {
		faults = append(faults, fmt.Errorf("model %s: "+format, append([]any{id}, args...)...))
	}
	for _, id := range slices.Sorted(maps.Keys(s.Models)) {
		m := s.Models[id]
		for _, name := range slices.Sorted(maps.Keys(m.Upstreams)) {
			if _, configured := s.Upstreams[name]; !configured {
				fault(id, "there is no upstream %q; configured are: %s", name, strings.Join(slices.Sorted(maps.Keys(s.Upstreams)), ", "))
			}
		}
		for _, problem := range c.problems(id, &m) {
			fault(id, "%s", problem)
		}
		if m.Off {
			continue
		}
		for _, name := range c.names(id, &m) {
			if other := c.owner(name, id); other != "" {
				fault(id, "the name %q already is the model %s or an alias of it; choose another, or switch that model off", name, other)
			}
		}
	}
	return faults
}

// names are those that the configuration gives to the model. The ID is none of
// them where it comes from a driver, whatever other drivers mean by it.
func (c *catalogue) names(id string, m *ModelSettings) []string {
	for _, from := range c.sources {
		if slices.ContainsFunc(from.models, func(m upstream.Model) bool { return m.ID == id }) {
			return m.Aliases
		}
	}
	return append([]string{id}, m.Aliases...)
}

// owner is the ID of another model that is offered and goes by the name, or "".
func (c *catalogue) owner(name, than string) string {
	owns := func(id string, aliases []string) bool {
		return id != than && !c.settings.Models[id].Off && (id == name || slices.Contains(aliases, name))
	}
	for _, id := range slices.Sorted(maps.Keys(c.settings.Models)) {
		if owns(id, c.settings.Models[id].Aliases) {
			return id
		}
	}
	for _, from := range c.sources {
		for _, m := range from.models {
			if owns(m.ID, m.Aliases) {
				return m.ID
			}
		}
	}
	return ""
}

// problems tells what keeps upstreams from running the model as it is configured.
func (c *catalogue) problems(id string, m *ModelSettings) (problems []string) {
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var offers []*offer
	for i := range c.sources {
		from := &c.sources[i]
		name, explicit := m.Upstreams[from.upstream]
		if name == "" {
			name = id
		}
		o := m.offer(id, from)
		switch {
		case o == nil && explicit:
			problem("the driver of %s does not know %q; say what it is with kind, and with durations for a video", from.upstream, name)
		case o == nil:
		case m.Kind != "" && o.model.Kind != m.Kind:
			problem("%s makes %ss with it, not %ss", from.upstream, o.model.Kind, m.Kind)
		default:
			offers = append(offers, o)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	if len(offers) == 0 && len(m.Upstreams) == 0 {
		problem("no driver knows it; name an upstream that runs it, the kind, and the durations of a video")
	}
	if len(offers) > 0 && offers[0].model.Kind == upstream.Image && len(m.Durations) > 0 {
		problem("it makes images, which have no durations")
	}
	possible := len(offers) == 0 || m.DefaultDuration == 0
	for _, o := range offers {
		possible = possible || o.model.DefaultDuration == m.DefaultDuration
		if o.model.MinMaterials > o.model.MaxMaterials {
			problem("with %s it needs %d materials and takes %d", o.upstream, o.model.MinMaterials, o.model.MaxMaterials)
		}
	}
	if !possible {
		problem("the default duration %d is not among the durations", m.DefaultDuration)
	}
	return problems
}
