package api

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"sync"
)

// What a thousand listeners are sent is compressed once: pieces of a deflate stream
// that do not look back at each other and end at a whole byte fit behind any other.
// Each listener has a gzip stream of its own around them, whose checksum is made of
// those of the pieces.

var flaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.DefaultCompression) // the level is a valid one
	return w
}}

// pack compresses a text for any stream: its checksum and its length, four bytes
// each, then the piece.
func pack(text []byte) []byte {
	var b bytes.Buffer
	b.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(text)), uint32(len(text))))
	w := flaters.Get().(*flate.Writer)
	defer flaters.Put(w)
	w.Reset(&b)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Flush()
	return b.Bytes()
}

// gzipHeader begins a gzip stream: no name, no time (RFC 1952, 2.3.1).
var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// packer is the checksum of one gzip stream.
type packer struct {
	sum  uint32
	size uint32
}

// next is what comes next in the stream, of what [pack] has made.
func (p *packer) next(piece []byte) []byte {
	sum, size := binary.LittleEndian.Uint32(piece), binary.LittleEndian.Uint32(piece[4:])
	p.sum = joinCRC(p.sum, sum, size)
	p.size += size
	return piece[8:]
}

// end is the end of the stream: an empty last block, and the trailer.
func (p *packer) end() []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32([]byte{3, 0}, p.sum), p.size)
}

// joinCRC is the checksum of a text whose parts have the checksums a and b, the
// second part being size bytes long: what the first part leaves in the register is
// moved on by so many zero bytes, which is a multiplication by x^(8·size) modulo
// the polynomial. zlib has it as crc32_combine.
func joinCRC(a, b, size uint32) uint32 {
	power := uint32(1) << 31 // x^0; the highest bit is the lowest power
	for k := 3; size != 0; k++ {
		if size&1 != 0 {
			power = multiply(powers[k], power)
		}
		size >>= 1
	}
	return multiply(power, a) ^ b
}

// powers are x^(2^k) modulo the polynomial.
var powers = func() (t [35]uint32) {
	t[0] = 1 << 30
	for k := 1; k < len(t); k++ {
		t[k] = multiply(t[k-1], t[k-1])
	}
	return t
}()

// multiply is a·b modulo the polynomial.
func multiply(a, b uint32) (product uint32) {
	for bit := uint32(1) << 31; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ crc32.IEEE
		} else {
			b >>= 1
		}
	}
	return product
}
