package media

import (
	"encoding/binary"
	"math"
)

// fields reads numbers from the body of one box. Reading beyond it sets err and
// gives 0, so that a caller may look once at the end.
type fields struct {
	s        *source
	off, end int64
	err      error
}

// bytes returns n bytes at the place in the body.
func (f *fields) bytes(at int64, n int) []byte {
	if f.err == nil && f.off+at+int64(n) > f.end {
		f.err = damaged("a box in it is too short")
	}
	if f.err == nil {
		var b []byte
		if b, f.err = f.s.at(f.off+at, n); f.err == nil {
			return b
		}
	}
	return make([]byte, n)
}

func (f *fields) u16(at int64) int    { return int(binary.BigEndian.Uint16(f.bytes(at, 2))) }
func (f *fields) u32(at int64) uint32 { return binary.BigEndian.Uint32(f.bytes(at, 4)) }

// word is a number of 8 bytes in version 1 of a box and of 4 in version 0, where
// all ones mean that it is not known.
func (f *fields) word(at int64, long bool) uint64 {
	n, unknown := uint64(0), uint64(math.MaxUint32)
	if long {
		n, unknown = binary.BigEndian.Uint64(f.bytes(at, 8)), math.MaxUint64
	} else {
		n = uint64(f.u32(at))
	}
	if n == unknown {
		return 0
	}
	return n
}

// leaf takes what is needed from a box without boxes in it. The places are those
// of ISO/IEC 14496-12.
func (m *movie) leaf(kind string, off, end int64) error {
	f := &fields{s: m.s, off: off, end: end}
	switch kind {
	case "mvhd":
		m.clock = f.clock()
	case "mehd":
		m.extent = float64(f.word(4, f.bytes(0, 1)[0] == 1))
	case "trex":
		if t := m.byID(f.u32(4)); t != nil {
			t.sample = f.u32(12)
		}
	case "tfhd":
		m.fragment(f)
	}
	if t := m.track; t != nil {
		switch kind {
		case "tkhd":
			id, matrix := int64(12), int64(40)
			if f.bytes(0, 1)[0] == 1 {
				id, matrix = 20, 52
			}
			t.id = f.u32(id)
			// A turn by 90 degrees leaves nothing of x in x and of y in y.
			t.turned = f.u32(matrix) == 0 && f.u32(matrix+16) == 0 && f.u32(matrix+4) != 0
		case "mdhd":
			t.clock = f.clock()
		case "hdlr":
			// QuickTime has a second one, for where the data lies.
			if handler := string(f.bytes(8, 4)); t.handler == "" {
				t.handler = handler
			}
		case "stsd":
			// The fields of a video sample; other tracks' mean something else and
			// are not looked at. The first description stands for all.
			if f.u32(4) > 0 && t.handler == "vide" {
				t.width, t.height = f.u16(8+32), f.u16(8+34)
			}
		case "trun":
			t.fragments += m.run(f)
		}
	}
	return f.err
}

func (f *fields) clock() clock {
	if f.bytes(0, 1)[0] == 1 {
		return clock{f.u32(20), f.word(24, true)}
	}
	return clock{f.u32(12), f.word(16, false)}
}

func (m *movie) byID(id uint32) *track {
	for _, t := range m.tracks {
		if t.id == id {
			return t
		}
	}
	return nil
}

// fragment begins a part of a track that was written while it was recorded, as
// browsers do. Its header has optional fields in a fixed order.
func (m *movie) fragment(f *fields) {
	m.track = m.byID(f.u32(4))
	if m.track == nil {
		return
	}
	m.sample = m.track.sample
	flags, at := f.u32(0), int64(8)
	if flags&0x1 != 0 { // base of data
		at += 8
	}
	if flags&0x2 != 0 { // description of samples
		at += 4
	}
	if flags&0x8 != 0 {
		m.sample = f.u32(at)
	}
}

// run returns the length of the samples that lie one behind the other.
func (m *movie) run(f *fields) float64 {
	flags, count, at := f.u32(0), int64(f.u32(4)), int64(8)
	if flags&0x1 != 0 { // offset of data
		at += 4
	}
	if flags&0x4 != 0 { // flags of the first sample
		at += 4
	}
	if flags&0x100 == 0 {
		return float64(count) * float64(m.sample)
	}
	step := int64(4)
	for _, other := range []uint32{0x200, 0x400, 0x800} { // size, flags, offset in time
		if flags&other != 0 {
			step += 4
		}
	}
	sum := 0.0
	for ; count > 0 && f.err == nil; count-- {
		sum += float64(f.u32(at))
		at += step
	}
	return sum
}
