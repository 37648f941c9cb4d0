package media

import "encoding/binary"

// riffEnd returns where the RIFF container ends.
func (s *source) riffEnd() (int64, error) {
	header, err := s.at(0, 12)
	if err != nil {
		return 0, err
	}
	end := 8 + int64(binary.LittleEndian.Uint32(header[4:]))
	if end > s.size {
		return 0, damaged("it says that it is larger than it is")
	}
	return end, nil
}

func parseWAV(s *source, info *Info) (end int64, err error) {
	if end, err = s.riffEnd(); err != nil {
		return 0, err
	}
	var perSecond uint32
	for off := int64(12); off+8 <= end; {
		header, err := s.at(off, 8)
		if err != nil {
			return 0, err
		}
		length := int64(binary.LittleEndian.Uint32(header[4:]))
		off += 8
		if length > end-off {
			return 0, damaged("it ends before its sound does")
		}
		switch string(header[:4]) {
		case "fmt ":
			if length < 16 {
				return 0, damaged("its header is too short")
			}
			format, err := s.at(off, 16)
			if err != nil {
				return 0, err
			}
			perSecond = binary.LittleEndian.Uint32(format[8:])
		case "data":
			if perSecond == 0 {
				return 0, damaged("it does not tell how fast it plays")
			}
			info.Length = duration(float64(length), perSecond)
			return end, nil
		}
		off += length + length%2
	}
	return 0, damaged("it has no sound")
}
