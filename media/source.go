package media

import (
	"bytes"
	"io"
)

const (
	// window is what is held of a file. Parsers go forward, so that each byte is
	// read about once, however many small parts the file claims to have.
	window = 32 << 10
	// behind is how much before a wanted byte is read too, for parsers that look
	// ahead and come back; longer than any MP3 frame. Without it, a file could
	// make each of them read a whole window.
	behind = 4 << 10
)

// source reads a file through a window.
type source struct {
	r    io.ReadSeeker
	size int64
	err  error // the first failed read

	buf   []byte
	start int64 // of buf in the file
}

// from returns some of the file from off on: at least n bytes, which must be at
// most [window]-[behind]. It is valid until the next call. A file that ends
// before is damaged.
func (s *source) from(off int64, n int) ([]byte, error) {
	if off < 0 || off > s.size-int64(n) {
		return nil, damaged("it ends too early")
	}
	if off < s.start || off+int64(n) > s.start+int64(len(s.buf)) {
		start := max(0, off-behind)
		if s.buf == nil {
			s.buf = make([]byte, window)
		}
		s.buf = s.buf[:min(window, s.size-start)]
		s.start = start
		if err := s.read(s.buf, start); err != nil {
			s.buf = s.buf[:0]
			return nil, err
		}
	}
	return s.buf[off-s.start:], nil
}

// at returns n bytes from off, like from.
func (s *source) at(off int64, n int) ([]byte, error) {
	b, err := s.from(off, n)
	if err != nil {
		return nil, err
	}
	return b[:n], nil
}

// read fills p without a look at the window.
func (s *source) read(p []byte, off int64) error {
	if s.err != nil {
		return s.err
	}
	if _, s.err = s.r.Seek(off, io.SeekStart); s.err == nil {
		_, s.err = io.ReadFull(s.r, p)
	}
	return s.err
}

// index returns the place of the next b from off on, or the file's size.
func (s *source) index(off int64, b byte) (int64, error) {
	for off < s.size {
		part, err := s.from(off, 1)
		if err != nil {
			return 0, err
		}
		if i := bytes.IndexByte(part, b); i >= 0 {
			return off + int64(i), nil
		}
		off += int64(len(part))
	}
	return s.size, nil
}

// reader reads the whole file, for parsers of others.
func (s *source) reader() io.Reader { return io.NewSectionReader(s, 0, s.size) }

// ReadAt implements [io.ReaderAt].
func (s *source) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		if off+int64(n) >= s.size {
			return n, io.EOF
		}
		part, err := s.from(off+int64(n), 1)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], part)
	}
	return n, nil
}
