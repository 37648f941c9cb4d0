package media

import (
	"bytes"
	"encoding/binary"
)

// frame is the header of an MPEG audio frame of layer III.
type frame struct {
	version byte // 0 is MPEG 2.5, 2 is MPEG 2, 3 is MPEG 1
	rate    int  // samples per second
	samples int
	size    int64 // bytes, with the header
}

var (
	bitRates = [2][15]int{ // kbit/s by MPEG 2 and 1; 0 would be a rate of the file's own, which is not used
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	}
	sampleRates = [3]int{44100, 48000, 32000} // of MPEG 1
)

// parseFrame tells whether the four bytes are the header of a frame.
func parseFrame(b []byte) (f frame, ok bool) {
	version, layer := b[1]>>3&3, b[1]>>1&3
	bits, rate := b[2]>>4, b[2]>>2&3
	if b[0] != 0xFF || b[1]&0xE0 != 0xE0 || version == 1 || layer != 1 || bits == 0 || bits == 15 || rate == 3 {
		return frame{}, false
	}
	f = frame{version: version, rate: sampleRates[rate], samples: 1152}
	table := 1
	if version != 3 {
		table, f.samples, f.rate = 0, 576, f.rate/2
	}
	if version == 0 {
		f.rate /= 2
	}
	f.size = int64(f.samples/8*bitRates[table][bits]*1000/f.rate) + int64(b[2]>>1&1)
	return f, true
}

func (f frame) sameStream(g frame) bool { return f.version == g.version && f.rate == g.rate }

// parseMP3 counts all frames. That costs one pass over the file, but is right
// with any bit rate and does not believe a Xing or VBRI header, which may lie.
func parseMP3(s *source, info *Info) (end int64, err error) {
	off, err := s.skipID3()
	if err != nil {
		return 0, err
	}
	var first frame
	var samples float64
	inStep := false // the last frame ended right here
	for off+4 <= s.size {
		b, err := s.at(off, 4)
		if err != nil {
			return 0, err
		}
		f, ok := parseFrame(b)
		ok = ok && off+f.size <= s.size && (first.size == 0 || f.sameStream(first))
		if ok && !inStep {
			// Any bytes may look like a header; two in the right distance do not.
			ok, err = s.followedBy(off+f.size, f)
			if err != nil {
				return 0, err
			}
		}
		if !ok {
			inStep = false
			if off, err = s.index(off+1, 0xFF); err != nil {
				return 0, err
			}
			continue
		}
		if first.size == 0 {
			first = f
			// Encoders put facts about the file into a first frame without sound.
			head, err := s.at(off, int(min(f.size, 48)))
			if err != nil {
				return 0, err
			}
			if bytes.Contains(head, []byte("Xing")) || bytes.Contains(head, []byte("Info")) || bytes.Contains(head, []byte("VBRI")) {
				f.samples = 0
			}
		}
		samples += float64(f.samples)
		inStep = true
		off += f.size
		end = off
	}
	if samples == 0 {
		return 0, damaged("it has no MP3 sound")
	}
	info.Length = duration(samples, uint32(first.rate))
	return end, nil
}

// skipID3 returns where the tags at the beginning end.
func (s *source) skipID3() (off int64, err error) {
	for off+10 <= s.size {
		b, err := s.at(off, 10)
		if err != nil {
			return 0, err
		}
		if string(b[:3]) != "ID3" {
			break
		}
		n := binary.BigEndian.Uint32(b[6:]) // four times seven bits
		off += 10 + int64(n&0x7F|n>>1&0x3F80|n>>2&0x1FC000|n>>3&0xFE00000)
		if b[5]&0x10 != 0 {
			off += 10 // a footer
		}
	}
	return off, nil
}

// followedBy tells whether the file ends at off or goes on with a frame like f.
func (s *source) followedBy(off int64, f frame) (bool, error) {
	if off == s.size {
		return true, nil
	} else if off+4 > s.size {
		return false, nil
	}
	b, err := s.at(off, 4)
	if err != nil {
		return false, err
	}
	next, ok := parseFrame(b)
	return ok && next.sameStream(f), nil
}
