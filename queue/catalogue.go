package queue

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// ModelSettings are what the configuration says of one model. They lie over what
// the drivers say of it.
type ModelSettings struct {
	Off     bool // not for new tasks
	Aliases []string
	Kind    upstream.MediaKind // needed only where no driver knows the model
	// Upstreams are the ones that run the model, with their own name for it
	// where that is not the model's. Empty for every upstream whose driver lists
	// it. One that is named here runs the model also if its driver does not know
	// it, as far as the kind and the durations are given.
	Upstreams map[string]string
	upstream.Override
}

// complete reports whether the settings describe a model that no driver knows.
func (s *ModelSettings) complete() bool {
	return s.Kind == upstream.Image || s.Kind == upstream.Video && len(s.Durations) > 0
}

// Model is a model of the catalogue: all that any upstream can do with it.
type Model struct {
	upstream.Model
	Upstreams []string // that run it, sorted
}

// catalogue is what the drivers can run, as the configuration wants it. It never
// changes; [Queue.catalogue] makes another one when something else holds.
type catalogue struct {
	settings *Settings
	sources  []source
	models   []Model           // that are offered, each once
	entries  map[string]*entry // by ID and alias
	retired  map[string]*entry // the same of models that are off
}

// source is what a driver said when the catalogue was made.
type source struct {
	upstream string
	driver   upstream.Driver
	models   []upstream.Model
}

// entry is a model and the ways to run it.
type entry struct {
	Model
	settings   *ModelSettings // nil if the configuration says nothing of it
	offers     []offer        // by upstream
	ratio      string         // for a request that names none, "" leaves it to the upstream
	resolution string         // likewise
}

// offer is a model as one upstream runs it.
type offer struct {
	upstream string
	name     string          // the upstream's own
	model    *upstream.Model // what it can do there
	named    bool            // runs there on the configuration's word
}

// Models lists what the configured upstreams can run, each model once. Nobody
// may change the list.
func (q *Queue) Models() []Model { return q.catalogue().models }

// Model finds a model by its ID or an alias, nil if there is none. Nobody may
// change it.
func (q *Queue) Model(name string) *Model {
	if e := q.catalogue().entries[name]; e != nil {
		return &e.Model
	}
	return nil
}

// catalogue is the one of the moment. Drivers find out by and by what they can
// run, so every call compares their lists, which costs less than it sounds.
func (q *Queue) catalogue() *catalogue {
	settings := q.settings.Load()
	if c := q.models.Load(); c != nil && c.holds(settings) {
		return c
	}
	c := newCatalogue(settings)
	q.models.Store(c)
	return c
}

// holds reports whether the catalogue would be made just so again: drivers
// answer with the same list until they know another.
func (c *catalogue) holds(settings *Settings) bool {
	if c.settings != settings {
		return false
	}
	for i := range c.sources {
		old, now := c.sources[i].models, c.sources[i].driver.Models()
		if len(old) != len(now) || len(old) > 0 && &old[0] != &now[0] {
			return false
		}
	}
	return true
}

func newCatalogue(settings *Settings) *catalogue {
	c := &catalogue{settings: settings, entries: map[string]*entry{}, retired: map[string]*entry{}}
	var ids []string
	for _, name := range slices.Sorted(maps.Keys(settings.Upstreams)) {
		driver := settings.Upstreams[name].Driver
		s := source{name, driver, driver.Models()}
		c.sources = append(c.sources, s)
		for i := range s.models {
			ids = append(ids, s.models[i].ID)
		}
	}
	ids = append(ids, slices.Sorted(maps.Keys(settings.Models))...)
	var entries []*entry
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			if e := c.entry(id); len(e.offers) > 0 {
				entries = append(entries, e)
			}
		}
	}
	c.index(entries)
	return c
}

// entry puts together what all upstreams make of a model.
func (c *catalogue) entry(id string) *entry {
	e := &entry{}
	if s, configured := c.settings.Models[id]; configured {
		e.settings = &s
	}
	for i := range c.sources {
		o := e.settings.offer(id, &c.sources[i])
		switch {
		case o == nil:
			continue
		case len(e.offers) == 0:
			e.Model.Model = *o.model
		case o.model.Kind != e.Kind:
			continue // another model of the same name
		default:
			e.Widen(o.model)
		}
		e.offers = append(e.offers, *o)
		e.Upstreams = append(e.Upstreams, o.upstream)
	}
	if s := e.settings; s != nil {
		e.Aliases = slices.Concat(s.Aliases, e.Aliases)
		// A restriction must hold for requests that leave the choice open too.
		e.ratio, e.resolution = first(s.Ratios), first(s.Resolutions)
		if slices.Contains(e.Durations, s.DefaultDuration) {
			e.DefaultDuration = s.DefaultDuration
		}
	}
	return e
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// offer is the model id as the source runs it, nil if it does not.
func (s *ModelSettings) offer(id string, from *source) *offer {
	o := &offer{upstream: from.upstream, name: id}
	if s != nil && len(s.Upstreams) > 0 {
		name, runs := s.Upstreams[from.upstream]
		if !runs {
			return nil
		}
		o.name, o.named = cmp.Or(name, id), s.complete()
	}
	var m upstream.Model
	switch known := upstream.Find(from.models, o.name); {
	case known != nil:
		m, o.name = *known, known.ID
		if m.ID != id && !slices.Contains(m.Aliases, id) {
			m.Aliases = nil // they are names of what the driver has there
		}
	case o.named:
		m.Kind = s.Kind
	default:
		return nil
	}
	m.ID = id
	if s != nil {
		m = s.Over(m)
	}
	o.model = &m
	return o
}

// index makes every name lead to one model: IDs first, then the configuration's
// aliases, then the drivers', whose first wins. A model that is off gives its
// names to whoever else has them.
func (c *catalogue) index(entries []*entry) {
	claim := func(names map[string]*entry, e *entry, list ...string) {
		for _, name := range list {
			if names[name] == nil {
				names[name] = e
			}
		}
	}
	for _, list := range []func(*entry) []string{
		func(e *entry) []string { return []string{e.ID} },
		func(e *entry) []string { return e.settings.aliases() },
		func(e *entry) []string { return e.Aliases },
	} {
		for _, e := range entries {
			if e.settings.off() {
				claim(c.retired, e, list(e)...)
			} else {
				claim(c.entries, e, list(e)...)
			}
		}
	}
	for _, e := range entries {
		if !e.settings.off() {
			var own []string
			for _, alias := range e.Aliases {
				if c.entries[alias] == e && alias != e.ID && !slices.Contains(own, alias) {
					own = append(own, alias)
				}
			}
			e.Aliases = own
			c.models = append(c.models, e.Model)
		}
	}
}

func (s *ModelSettings) off() bool { return s != nil && s.Off }

func (s *ModelSettings) aliases() []string {
	if s == nil {
		return nil
	}
	return s.Aliases
}

// route is the upstreams that can serve the request, as a task's row has them.
func (e *entry) route(r *upstream.Request) (string, error) {
	var route []string
	var refusal error
	for _, o := range e.offers {
		if err := o.model.Check(r); err != nil {
			refusal = err
			continue
		}
		route = append(route, o.upstream)
	}
	if len(route) == 0 {
		// What no upstream can do at all says more than what the last one cannot.
		return "", cmp.Or(e.Check(r), refusal)
	}
	return strings.Join(route, ","), nil
}

// address puts the upstream's own name of the task's model into the request, and
// what the configuration says of it. A task may have been taken under an older
// configuration, so models that are off count, and one that is gone goes by the
// name that it was asked for: the driver refuses what it does not know.
func (c *catalogue) address(r *upstream.Request, at string) {
	e := cmp.Or(c.entries[r.Model], c.retired[r.Model])
	if e == nil {
		return
	}
	i := slices.IndexFunc(e.offers, func(o offer) bool { return o.upstream == at })
	if i < 0 {
		return
	}
	r.Model, r.Named = e.offers[i].name, e.offers[i].named
	if e.settings != nil {
		r.Override = &e.settings.Override
	}
}
