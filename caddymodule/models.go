package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Model is what the configuration says of one model, in place of what the
// drivers of its upstreams do. Whatever is not given is as the drivers say; a
// model that no driver knows takes no such parameter or material then.
type Model struct {
	// Takes the model out of the catalogue. Tasks that were accepted go on.
	// Default: false
	Off bool `json:"off,omitempty"`

	// What it makes: video or image. Needed only for a model that no driver
	// knows. Default: as the drivers say
	Kind string `json:"kind,omitempty"`

	// Further names that requests can use, beside those that the drivers have.
	// Default: none
	Aliases []string `json:"aliases,omitempty"`

	// The lengths of a video that are possible, in whole seconds.
	// Default: as the drivers say
	Durations []int `json:"durations,omitempty"`

	// The length where a request names none, in seconds.
	// Default: as the drivers say, or the shortest
	DefaultDuration int `json:"default_duration,omitempty"`

	// The ratios that are possible, such as 16:9. A request that names none gets
	// the first. Default: as the drivers say, and the upstream chooses
	Ratios []string `json:"ratios,omitempty"`

	// The resolutions that are possible, such as 720p. A request that names none
	// gets the first. Default: as the drivers say, and the upstream chooses
	Resolutions []string `json:"resolutions,omitempty"`

	// The most characters of a prompt, 0 for no limit. Default: as the drivers say
	MaxPrompt *int `json:"max_prompt,omitempty"`

	// Whether a prompt is needed also beside a material.
	// Default: as the drivers say
	NeedsPrompt *bool `json:"needs_prompt,omitempty"`

	// The least number of materials. Default: as the drivers say
	MinMaterials *int `json:"min_materials,omitempty"`

	// The greatest number of materials of all kinds together.
	// Default: as the drivers say, or as many as of the three kinds together
	MaxMaterials *int `json:"max_materials,omitempty"`

	// The greatest number of images among the materials. Default: as the drivers say
	MaxImages *int `json:"max_images,omitempty"`

	// The greatest number of videos among the materials. Default: as the drivers say
	MaxVideos *int `json:"max_videos,omitempty"`

	// The greatest number of audio files among the materials.
	// Default: as the drivers say
	MaxAudios *int `json:"max_audios,omitempty"`

	// What a task costs whatever its length, in the upstream's credits.
	// Default: not known
	Credits float64 `json:"credits,omitempty"`

	// What each second of a video costs, in the upstream's credits.
	// Default: not known
	CreditsPerSecond float64 `json:"credits_per_second,omitempty"`

	// The upstreams that run the model, by name, with their own name for it, or
	// "" where that is the same. An upstream that is named here runs the model
	// also if its driver does not know it; give the kind then, and the durations
	// of a video. Default: every upstream whose driver knows the model
	Upstreams map[string]string `json:"upstreams,omitempty"`
}

// modelOptions are the options within a block model; upstream, which may be
// there several times, is read by a function of its own.
func modelOptions(m *Model) map[string]option {
	return map[string]option{
		"off": {"off", func(_ *Config, args []string) error {
			if len(args) > 0 {
				return errArguments
			}
			m.Off = true
			return nil
		}},
		"kind":               argument("kind video|image", &m.Kind, parseKind),
		"alias":              arguments("alias <name>...", &m.Aliases, parseName),
		"durations":          {"durations <seconds>...|<from>-<to>", func(_ *Config, args []string) (err error) { m.Durations, err = parseSeconds(args); return err }},
		"default_duration":   argument("default_duration <seconds>", &m.DefaultDuration, parseSecond),
		"ratios":             arguments("ratios <ratio>...", &m.Ratios, parseName),
		"resolutions":        arguments("resolutions <resolution>...", &m.Resolutions, parseName),
		"max_prompt":         argument("max_prompt <characters>", &m.MaxPrompt, pointer(parseCount)),
		"needs_prompt":       argument("needs_prompt on|off", &m.NeedsPrompt, pointer(parseSwitch)),
		"min_materials":      argument("min_materials <number>", &m.MinMaterials, pointer(parseCount)),
		"max_materials":      argument("max_materials <number>", &m.MaxMaterials, pointer(parseCount)),
		"max_images":         argument("max_images <number>", &m.MaxImages, pointer(parseCount)),
		"max_videos":         argument("max_videos <number>", &m.MaxVideos, pointer(parseCount)),
		"max_audios":         argument("max_audios <number>", &m.MaxAudios, pointer(parseCount)),
		"credits":            argument("credits <number>", &m.Credits, parseCredits),
		"credits_per_second": argument("credits_per_second <number>", &m.CreditsPerSecond, parseCredits),
	}
}

const (
	modelSyntax         = "model <id> { … }"
	modelUpstreamSyntax = "upstream <name> [<name of the model there>]"
)

// readModel reads a block model. Syntax:
//
//	model <id> {
//		off
//		kind               video|image
//		alias              <name>...
//		durations          <seconds>...|<from>-<to>
//		default_duration   <seconds>
//		ratios             <ratio>...
//		resolutions        <resolution>...
//		max_prompt         <characters>
//		needs_prompt       on|off
//		min_materials      <number>
//		max_materials      <number>
//		max_images         <number>
//		max_videos         <number>
//		max_audios         <number>
//		credits            <number>
//		credits_per_second <number>
//		upstream           <name> [<name of the model there>]
//	}
//
// Every option may be given once, upstream once per name.
func (c *Config) readModel(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) != 1 {
		return d.Errf("model has a wrong number of arguments; allowed: %s", modelSyntax)
	}
	id := args[0]
	if _, twice := c.Models[id]; twice {
		return d.Errf("model %s is given twice", id)
	}
	m := new(Model)
	options := modelOptions(m)
	seen := map[string]bool{}
	block := "model " + id
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		if d.Val() == "upstream" {
			err = m.readUpstream(d)
		} else {
			err = c.readOption(d, block, options, seen, "upstream")
		}
		if err != nil {
			return err
		}
	}
	if err := m.check(id); err != nil {
		return d.Errf("%s: %w", block, err)
	}
	if c.Models == nil {
		c.Models = map[string]*Model{}
	}
	c.Models[id] = m
	return nil
}

func (m *Model) readUpstream(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) < 1 || len(args) > 2 || d.NextBlock(d.Nesting()) {
		return d.Errf("upstream has a wrong number of arguments; allowed: %s", modelUpstreamSyntax)
	}
	name, there := args[0], ""
	if len(args) == 2 {
		there = args[1]
	}
	if _, twice := m.Upstreams[name]; twice {
		return d.Errf("upstream %s is given twice", name)
	}
	if m.Upstreams == nil {
		m.Upstreams = map[string]string{}
	}
	m.Upstreams[name] = there
	return nil
}

// check reports what cannot be, whatever upstreams there are. It is as strict
// with JSON as the options are with their arguments.
func (m *Model) check(id string) error {
	if m == nil {
		return errors.New("must be an object")
	}
	names := slices.Concat([]string{id}, m.Aliases, m.Ratios, m.Resolutions)
	for _, name := range slices.Sorted(maps.Keys(m.Upstreams)) {
		if names = append(names, name); m.Upstreams[name] != "" {
			names = append(names, m.Upstreams[name])
		}
	}
	for _, name := range names {
		if _, err := parseName(name); err != nil {
			return err
		}
	}
	if m.Kind != "" {
		if _, err := parseKind(m.Kind); err != nil {
			return err
		}
	}
	for _, seconds := range m.Durations {
		if seconds < 1 || seconds > maxSeconds {
			return fmt.Errorf("a duration of %d seconds is not possible; allowed is 1 to %d", seconds, maxSeconds)
		}
	}
	if len(m.Durations) > 0 && m.DefaultDuration != 0 && !slices.Contains(m.Durations, m.DefaultDuration) {
		return fmt.Errorf("the default duration %d is not among the durations", m.DefaultDuration)
	}
	for _, n := range []*int{m.MaxPrompt, m.MinMaterials, m.MaxMaterials, m.MaxImages, m.MaxVideos, m.MaxAudios} {
		if n != nil && (*n < 0 || *n > math.MaxInt32) {
			return fmt.Errorf("%d is not possible; allowed is a whole number from 0 on", *n)
		}
	}
	if m.DefaultDuration < 0 || m.Credits < 0 || m.CreditsPerSecond < 0 {
		return errors.New("default_duration, credits and credits_per_second must not be negative")
	}
	return nil
}

// resolve is the model as the queue takes it.
func (m *Model) resolve() queue.ModelSettings {
	return queue.ModelSettings{
		Off: m.Off, Aliases: m.Aliases, Kind: upstream.MediaKind(m.Kind), Upstreams: m.Upstreams,
		Override: upstream.Override{
			Durations: m.Durations, DefaultDuration: m.DefaultDuration, Ratios: m.Ratios, Resolutions: m.Resolutions,
			MaxPrompt: m.MaxPrompt, NeedsPrompt: m.NeedsPrompt, MinMaterials: m.MinMaterials, MaxMaterials: m.MaxMaterials,
			MaxImages: m.MaxImages, MaxVideos: m.MaxVideos, MaxAudios: m.MaxAudios,
			Credits: m.Credits, CreditsPerSecond: m.CreditsPerSecond,
		},
	}
}

// argument is an option with one argument.
func argument[T any](syntax string, field *T, parse func(string) (T, error)) option {
	return option{syntax, func(_ *Config, args []string) (err error) {
		if len(args) != 1 {
			return errArguments
		}
		*field, err = parse(args[0])
		return err
	}}
}

// arguments is an option with a list.
func arguments(syntax string, field *[]string, parse func(string) (string, error)) option {
	return option{syntax, func(_ *Config, args []string) error {
		if len(args) == 0 {
			return errArguments
		}
		for _, arg := range args {
			if _, err := parse(arg); err != nil {
				return err
			}
		}
		*field = args
		return nil
	}}
}

// pointer tells a value that is given from one that is not.
func pointer[T any](parse func(string) (T, error)) func(string) (*T, error) {
	return func(text string) (*T, error) {
		value, err := parse(text)
		return &value, err
	}
}

func parseKind(text string) (string, error) {
	if kind := upstream.MediaKind(text); kind != upstream.Video && kind != upstream.Image {
		return "", fmt.Errorf("%q is not possible; allowed: video, image", text)
	}
	return text, nil
}

// modelName is what requests may have for a model, a ratio or a resolution;
// placeholders are not replaced here, so their braces are an error.
var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$`)

func parseName(text string) (string, error) {
	if !modelName.MatchString(text) {
		return "", fmt.Errorf("%q is not possible; allowed are up to 100 letters, digits, '_', '-', '.', ':' and '/', and no placeholders", text)
	}
	return text, nil
}

// maxSeconds is the longest duration that a request can ask for.
const maxSeconds = 3600

func parseSecond(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxSeconds {
		return 0, fmt.Errorf("%q is not possible; allowed is a whole number of seconds from 1 to %d", text, maxSeconds)
	}
	return n, nil
}

// parseSeconds reads numbers and ranges such as 4-15, in any order.
func parseSeconds(args []string) ([]int, error) {
	if len(args) == 0 {
		return nil, errArguments
	}
	var list []int
	for _, arg := range args {
		first, last, isRange := strings.Cut(arg, "-")
		from, err := parseSecond(first)
		to := from
		if err == nil && isRange {
			to, err = parseSecond(last)
		}
		if err != nil || from > to {
			return nil, fmt.Errorf("%q is not possible; allowed are whole numbers of seconds from 1 to %d and ranges such as 4-15", arg, maxSeconds)
		}
		for seconds := from; seconds <= to; seconds++ {
			list = append(list, seconds)
		}
		slices.Sort(list)
		list = slices.Compact(list)
	}
	return list, nil
}

func parseCredits(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return 0, fmt.Errorf("%q is not possible; allowed is a number from 0 on", text)
	}
	return n, nil
}
