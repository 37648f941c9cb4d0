package media

import (
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// config takes the size from the header. What the decoders cannot read, nobody
// behind the gateway can be trusted to read either.
func (s *source) config(info *Info, decode func(io.Reader) (image.Config, error)) error {
	c, err := decode(s.reader())
	if err != nil {
		return damaged("its header cannot be read (%v)", err)
	}
	info.Width, info.Height = c.Width, c.Height
	return nil
}

func parsePNG(s *source, info *Info) (end int64, err error) {
	if err := s.config(info, png.DecodeConfig); err != nil {
		return 0, err
	}
	pixels := false
	for off := int64(8); ; {
		header, err := s.at(off, 8)
		if err != nil {
			return 0, err
		}
		off += 12 + int64(binary.BigEndian.Uint32(header))
		switch string(header[4:]) {
		case "IDAT":
			pixels = true
		case "IEND":
			if !pixels || off > s.size {
				return 0, damaged("it ends before its picture does")
			}
			return off, nil
		}
	}
}

// parseJPEG follows the segments to the end of the image, where a phone may have
// put more images or a short video.
func parseJPEG(s *source, info *Info) (end int64, err error) {
	if err := s.config(info, jpeg.DecodeConfig); err != nil {
		return 0, err
	}
	scans := 0
	for off := int64(2); ; {
		// Both filling between segments and the data of a scan end at the next
		// marker, which is 0xFF and neither 0 (a quoted 0xFF) nor a restart.
		if off, err = s.index(off, 0xFF); err != nil {
			return 0, err
		}
		b, err := s.at(off, 2)
		if err != nil {
			return 0, damaged("it ends before its picture does")
		}
		switch marker := b[1]; {
		case marker == 0xFF:
			off++
		case marker == 0xD9:
			if scans == 0 {
				return 0, damaged("it has no picture")
			}
			return off + 2, nil
		case marker <= 0x01, marker >= 0xD0 && marker <= 0xD8:
			off += 2
		default:
			length, err := s.at(off+2, 2)
			if err != nil {
				return 0, err
			}
			off += 2 + int64(max(2, binary.BigEndian.Uint16(length)))
			if marker == 0xDA {
				scans++
			}
		}
	}
}

// parseGIF follows the blocks. The size is that of all frames together: some
// programs allocate by the frames and not by the screen.
func parseGIF(s *source, info *Info) (end int64, err error) {
	header, err := s.at(0, 13)
	if err != nil {
		return 0, err
	}
	info.Width, info.Height = int(binary.LittleEndian.Uint16(header[6:])), int(binary.LittleEndian.Uint16(header[8:]))
	off := 13 + colorTable(header[10])
	for frames := 0; ; {
		kind, err := s.at(off, 1)
		if err != nil {
			return 0, err
		}
		switch kind[0] {
		case 0x21: // extension
			off += 2
		case 0x2C: // frame
			frame, err := s.at(off, 10)
			if err != nil {
				return 0, err
			}
			edge := func(at int) int {
				return int(binary.LittleEndian.Uint16(frame[at:])) + int(binary.LittleEndian.Uint16(frame[at+4:]))
			}
			info.Width, info.Height = max(info.Width, edge(1)), max(info.Height, edge(3))
			frames++
			off += 11 + colorTable(frame[9])
		case 0x3B: // end
			if frames == 0 {
				return 0, damaged("it has no picture")
			}
			return off + 1, nil
		default:
			return 0, damaged("it has a block of no known kind")
		}
		for last := false; !last; {
			length, err := s.at(off, 1)
			if err != nil {
				return 0, err
			}
			last = length[0] == 0
			off += 1 + int64(length[0])
		}
	}
}

// colorTable returns the bytes of the color table that the flags announce.
func colorTable(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func parseBMP(s *source, info *Info) (end int64, err error) {
	header, err := s.at(0, 30)
	if err != nil {
		return 0, err
	}
	pixels := int64(binary.LittleEndian.Uint32(header[10:]))
	width := int64(int32(binary.LittleEndian.Uint32(header[18:])))
	height := int64(int32(binary.LittleEndian.Uint32(header[22:])))
	if height < 0 { // the first row is the top
		height = -height
	}
	if width <= 0 || height == 0 {
		return 0, damaged("it has no picture")
	}
	row := (width*int64(binary.LittleEndian.Uint16(header[28:])) + 31) / 32 * 4
	length := s.size + 1 // too much, unless row*height is less and cannot overflow
	if row <= s.size/height {
		length = row * height
	}
	if binary.LittleEndian.Uint32(header[14:]) >= 40 {
		more, err := s.at(30, 8)
		if err != nil {
			return 0, err
		}
		// Compressed pixels tell their length; 3 and 6 only have color masks.
		switch binary.LittleEndian.Uint32(more) {
		case 0, 3, 6:
		default:
			length = int64(binary.LittleEndian.Uint32(more[4:]))
		}
	}
	if length == 0 || pixels+length > s.size {
		return 0, damaged("it ends before its picture does")
	}
	info.Width, info.Height = int(width), int(height)
	return pixels + length, nil
}

func parseWebP(s *source, info *Info) (end int64, err error) {
	if end, err = s.riffEnd(); err != nil {
		return 0, err
	}
	return end, s.config(info, webp.DecodeConfig)
}
