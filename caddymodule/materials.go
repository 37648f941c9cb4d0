package caddymodule

import (
	"maps"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/jimeng-gateway/jimeng-gateway/api"
)

// Materials limits the input files of one request, and says how they are got and
// how long they are kept.
type Materials struct {
	// Limits on pictures. Defaults: max_size 20MiB, max_pixels 64000000
	Image *KindLimits `json:"image,omitempty"`

	// Limits on videos. Defaults: max_size 100MiB, max_pixels 9000000,
	// max_length 60s
	Video *KindLimits `json:"video,omitempty"`

	// Limits on sound. Defaults: max_size 20MiB, max_length 60s
	Audio *KindLimits `json:"audio,omitempty"`

	// The number of materials of one request, of all kinds together. Default: 12
	MaxCount Value `json:"max_count,omitempty"`

	// The size of all files of one request together. Default: 300MiB
	MaxTotal Value `json:"max_total,omitempty"`

	// Whether the gateway fetches materials that are URLs itself: on or off.
	// Otherwise the upstream fetches them, unless there are files beside them,
	// which the upstream cannot take together. Default: off
	Fetch Value `json:"fetch,omitempty"`

	// Whether URLs may lead into private networks, the gateway's own machine
	// included: on or off. Default: off
	PrivateURLs Value `json:"private_urls,omitempty"`

	// How long a material is kept that no stored task uses. Default: 7d
	Keep Duration `json:"keep,omitempty"`
}

// KindLimits limits the materials of one kind.
type KindLimits struct {
	// The size of one file, such as 20MiB.
	MaxSize Value `json:"max_size,omitempty"`

	// Width times height. Default where it is not named: no limit
	MaxPixels Value `json:"max_pixels,omitempty"`

	// How long one plays. Default where it is not named: no limit
	MaxLength Duration `json:"max_length,omitempty"`

	// How many of this kind one request may have. Default: max_count of all
	MaxCount Value `json:"max_count,omitempty"`
}

// resolve checks the block, which may be absent.
func (m *Materials) resolve(faults *[]error, s *settings) {
	if m == nil {
		m = &Materials{}
	}
	set(faults, &s.materials.Count, "materials max_count", string(m.MaxCount), 12, parsePositive)
	set(faults, &s.materials.Total, "materials max_total", string(m.MaxTotal), 300<<20, parseSize)
	set(faults, &s.materials.Fetch, "materials fetch", string(m.Fetch), false, parseSwitch)
	set(faults, &s.materials.PrivateURLs, "materials private_urls", string(m.PrivateURLs), false, parseSwitch)
	set(faults, &s.keepMaterials, "materials keep", string(m.Keep), 7*24*time.Hour, parseDuration)
	m.Image.resolve(faults, &s.materials.Image, "image")
	m.Video.resolve(faults, &s.materials.Video, "video")
	m.Audio.resolve(faults, &s.materials.Audio, "audio")
}

// resolve leaves at 0 what is not given, which the API takes for its default.
func (k *KindLimits) resolve(faults *[]error, limits *api.KindLimits, kind string) {
	if k == nil {
		return
	}
	name := "materials " + kind + " "
	set(faults, &limits.Size, name+"max_size", string(k.MaxSize), 0, parseSize)
	set(faults, &limits.Pixels, name+"max_pixels", string(k.MaxPixels), 0, parsePixels)
	set(faults, &limits.Length, name+"max_length", string(k.MaxLength), 0, parseDuration)
	set(faults, &limits.Count, name+"max_count", string(k.MaxCount), 0, parsePositive)
}

func parsePixels(text string) (int64, error) {
	n, err := parsePositive(text)
	return int64(n), err
}

// materialOptions are the options within the block materials that are one line.
var materialOptions = map[string]option{
	"max_count":    setting("max_count <number>", func(c *Config) *Value { return &c.Materials.MaxCount }, parsePositive),
	"max_total":    setting("max_total <size>", func(c *Config) *Value { return &c.Materials.MaxTotal }, parseSize),
	"fetch":        setting("fetch on|off", func(c *Config) *Value { return &c.Materials.Fetch }, parseSwitch),
	"private_urls": setting("private_urls on|off", func(c *Config) *Value { return &c.Materials.PrivateURLs }, parseSwitch),
	"keep":         setting("keep <duration>", func(c *Config) *Duration { return &c.Materials.Keep }, parseDuration),
}

// materialKinds are the blocks within the block materials.
var materialKinds = map[string]func(*Materials) **KindLimits{
	"image": func(m *Materials) **KindLimits { return &m.Image },
	"video": func(m *Materials) **KindLimits { return &m.Video },
	"audio": func(m *Materials) **KindLimits { return &m.Audio },
}

// kindOptions are the options within the block of one kind.
func kindOptions(limits *KindLimits) map[string]option {
	return map[string]option{
		"max_size":   setting("max_size <size>", func(*Config) *Value { return &limits.MaxSize }, parseSize),
		"max_pixels": setting("max_pixels <number>", func(*Config) *Value { return &limits.MaxPixels }, parsePixels),
		"max_length": setting("max_length <duration>", func(*Config) *Duration { return &limits.MaxLength }, parseDuration),
		"max_count":  setting("max_count <number>", func(*Config) *Value { return &limits.MaxCount }, parsePositive),
	}
}

func (c *Config) readMaterials(d *caddyfile.Dispenser, seen map[string]bool) error {
	if err := openBlock(d, "materials", seen); err != nil {
		return err
	}
	c.Materials = new(Materials)
	inner := map[string]bool{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		kind, isKind := materialKinds[d.Val()]
		if !isKind {
			if err := c.readOption(d, "materials", materialOptions, inner, slices.Sorted(maps.Keys(materialKinds))...); err != nil {
				return err
			}
			continue
		}
		limits := new(KindLimits)
		*kind(c.Materials) = limits
		if err := c.readBlock(d, kindOptions(limits), inner); err != nil {
			return err
		}
	}
	return nil
}

// openBlock checks the line that a block begins with.
func openBlock(d *caddyfile.Dispenser, name string, seen map[string]bool) error {
	if seen[name] {
		return d.Errf("%s is given twice", name)
	}
	seen[name] = true
	if d.NextArg() {
		return d.Errf("%s takes no argument %q; its options stand in a block: %s { … }", name, d.Val(), name)
	}
	return nil
}
