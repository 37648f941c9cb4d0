package media

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Bounds for what a movie may claim. A video of ten hours in fragments of a
// second has about 400,000 boxes; boxes of interest lie five deep.
const (
	maxBoxes  = 1 << 20
	maxDepth  = 8
	maxTracks = 100
)

// movie is what the boxes of an MP4 or QuickTime file tell. The boxes are walked
// here and not by a library, because each box is read in place and skipped by
// its size: nothing is allocated by a number from the file.
type movie struct {
	s     *source
	boxes int

	header, content bool // there is a moov; there is an mdat
	clock
	extent float64 // of all fragments, in the clock's units
	tracks []*track
	track  *track // that the current boxes are about, or nil
	sample uint32 // default length of a sample in the current fragment
}

// clock is a length in units of its own.
type clock struct {
	scale uint32 // units per second
	units uint64
}

type track struct {
	clock
	id            uint32
	handler       string // "vide", "soun" or something else
	width, height int
	turned        bool    // shown on its side
	sample        uint32  // default length of a sample in fragments
	fragments     float64 // length of all fragments
}

func parseMovie(s *source, info *Info) (end int64, err error) {
	m := &movie{s: s}
	if end, err = m.walk(0, s.size, 0); err != nil {
		return 0, err
	}
	switch {
	case !m.header:
		return 0, damaged("it has no index (moov); it may be cut off")
	case !m.content:
		return 0, damaged("it has no content (mdat); it may be cut off")
	}
	sound, picture := false, false
	length := m.clock.length()
	for _, t := range m.tracks {
		length = max(length, duration(t.fragments, t.scale))
		switch t.handler {
		case "vide":
			picture = true
			if t.turned {
				t.width, t.height = t.height, t.width
			}
			if t.width*t.height > info.Width*info.Height {
				info.Width, info.Height = t.width, t.height
			}
		case "soun":
			sound = true
		}
	}
	if length = max(length, duration(m.extent, m.scale)); length == 0 {
		for _, t := range m.tracks {
			length = max(length, t.clock.length())
		}
	}
	if !picture && sound {
		return 0, fmt.Errorf("%w: it seems to be audio/mp4", ErrUnknownType)
	}
	info.Length = length
	return end, nil
}

// walk goes through the boxes between off and end and returns where they end.
func (m *movie) walk(off, end int64, depth int) (int64, error) {
	if depth > maxDepth {
		return 0, damaged("its boxes are nested too deeply")
	}
	for end-off >= 8 {
		if m.boxes++; m.boxes > maxBoxes {
			return 0, damaged("it has too many boxes")
		}
		header, err := m.s.at(off, 8)
		if err != nil {
			return 0, err
		}
		size, kind, body := int64(binary.BigEndian.Uint32(header)), string(header[4:]), off+8
		switch {
		case size == 0 && (depth > 0 || kind == "\x00\x00\x00\x00"):
			return off, nil // padding, as QuickTime has it
		case size == 0:
			size = end - off
		case size == 1 && end-off >= 16:
			long, err := m.s.at(off+8, 8)
			if err != nil {
				return 0, err
			}
			size = int64(binary.BigEndian.Uint64(long)) // too large becomes negative
			body += 8
		}
		if size < body-off || size > end-off {
			if depth == 0 && m.header && kind != "mdat" && kind != "moof" {
				return off, nil // something else begins here
			}
			return 0, damaged("it ends before its content does, or a length in it is wrong")
		}
		if err := m.box(kind, body, off+size, depth); err != nil {
			return 0, err
		}
		off += size
	}
	return off, nil
}

func (m *movie) box(kind string, off, end int64, depth int) error {
	switch kind {
	case "mdat":
		m.content = true
		return nil
	case "moov":
		m.header = true
	case "trak":
		if len(m.tracks) == maxTracks {
			return damaged("it has too many tracks")
		}
		m.track = &track{}
		m.tracks = append(m.tracks, m.track)
	case "mdia", "minf", "stbl", "mvex", "moof", "traf":
	default:
		return m.leaf(kind, off, end)
	}
	_, err := m.walk(off, end, depth+1)
	return err
}

func (c clock) length() time.Duration { return duration(float64(c.units), c.scale) }

// duration is the time that so many units take, as long as it can be said.
func duration(units float64, perSecond uint32) time.Duration {
	if perSecond == 0 {
		return 0
	}
	d := units / float64(perSecond) * float64(time.Second)
	if d >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(d)
}
