package api

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// MaterialConfig bounds the materials of one request, and says what happens to
// those that are only addresses.
type MaterialConfig struct {
	Image KindLimits
	Video KindLimits
	Audio KindLimits
	Count int   // materials of one request. Default: 12
	Total int64 // bytes of all its files together. Default: 300 MiB

	// Fetch says that the gateway fetches the materials that are URLs. Otherwise
	// the upstream does, unless there are files beside them.
	Fetch bool
	// PrivateURLs allows addresses within private networks.
	PrivateURLs bool
}

// KindLimits bounds the materials of one kind.
type KindLimits struct {
	Size   int64         // bytes of one. Default: image 20 MiB, video 100 MiB, audio 20 MiB
	Pixels int64         // of one. Default: image 64 million, video 9 million
	Length time.Duration // of one. Default: 60 s
	Count  int           // of this kind in one request. Default: as many as of all kinds
}

func (c *MaterialConfig) setDefaults() {
	setDefault(&c.Count, 12)
	setDefault(&c.Total, 300<<20)
	setDefault(&c.Image.Size, 20<<20)
	setDefault(&c.Image.Pixels, 64_000_000)
	setDefault(&c.Video.Size, 100<<20)
	setDefault(&c.Video.Pixels, 9_000_000)
	setDefault(&c.Video.Length, time.Minute)
	setDefault(&c.Audio.Size, 20<<20)
	setDefault(&c.Audio.Length, time.Minute)
	for _, kind := range []*KindLimits{&c.Image, &c.Video, &c.Audio} {
		setDefault(&kind.Count, c.Count)
		setDefault(&kind.Pixels, math.MaxInt64)
		setDefault(&kind.Length, math.MaxInt64)
	}
}

func (c *MaterialConfig) valid() bool {
	for _, kind := range []KindLimits{c.Image, c.Video, c.Audio} {
		if kind.Size < 0 || kind.Pixels < 0 || kind.Length < 0 || kind.Count < 0 {
			return false
		}
	}
	return c.Count >= 0 && c.Total >= 0
}

func (c *MaterialConfig) of(kind upstream.MediaKind) *KindLimits {
	switch kind {
	case upstream.Video:
		return &c.Video
	case upstream.Audio:
		return &c.Audio
	default:
		return &c.Image
	}
}

// check counts the materials of a whole request.
func (c *MaterialConfig) check(all []input, materials []store.Material) error {
	count := map[string]int{}
	for i, m := range materials {
		count[m.Kind]++
		if most := c.of(upstream.MediaKind(m.Kind)).Count; count[m.Kind] > most {
			return tooManyFiles(topField(all[i].field), most, " of the kind "+m.Kind)
		}
	}
	if len(materials) > c.Count {
		return tooManyFiles(topField(all[c.Count].field), c.Count, "")
	}
	return nil
}

// measure refuses a file that is too much for the upstream, whatever its size in
// bytes.
func (l *KindLimits) measure(field string, m *store.Material) error {
	if pixels := int64(m.Width) * int64(m.Height); pixels > l.Pixels {
		return &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: field,
			message: fmt.Sprintf("has %d × %d pixels; at most %d pixels are possible for one %s", m.Width, m.Height, l.Pixels, m.Kind)}
	}
	if length := time.Duration(m.LengthMS) * time.Millisecond; length > l.Length {
		return &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: field,
			message: fmt.Sprintf("takes %s; at most %s are possible for one %s", length.Round(time.Second), l.Length, m.Kind)}
	}
	return nil
}
