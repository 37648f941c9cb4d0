// Package media tells what a file really is, by its bytes and not by its name.
// It reads headers only, never decodes a pixel or a sound, holds a few
// kilobytes in memory whatever the file says about itself, and takes a time
// that grows with the file's size and nothing else.
package media

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// What Inspect may find wrong with a file. The error that wraps one of these is
// a sentence for the person who sent the file.
var (
	// ErrUnknownType is returned for a file of a type that is not supported. The
	// error names what it seems to be.
	ErrUnknownType = errors.New("file type is not supported")
	// ErrDamaged is returned for a file that is empty, cut off or contradicts
	// itself.
	ErrDamaged = errors.New("file is damaged")
	// ErrPolyglot is returned for a file that is something else at the same
	// time: an archive, a PDF, a web page or a program. Whoever stores it as a
	// picture would pass on the other thing.
	ErrPolyglot = errors.New("file is two things at once")
)

// Kind is what a file is for people.
type Kind string

// The kinds of a file.
const (
	Image Kind = "image"
	Video Kind = "video"
	Audio Kind = "audio"
)

// Info describes a file.
type Info struct {
	Kind        Kind
	ContentType string // one of the names that [TypeName] returns
	Extension   string // the usual one for the type, with its dot

	// Width and Height in pixels: for a picture as stored, before the rotation
	// that a camera may have noted; for a video as shown; 0 for sound. They are
	// what the file says: a tiny file may claim a huge picture.
	Width, Height int
	// Length of a video or sound, 0 if it is not known, and for pictures.
	Length time.Duration
}

// Inspect tells what the file of size bytes is. An error that is neither
// [ErrUnknownType], [ErrDamaged] nor [ErrPolyglot] came from reading r. The
// position of r afterwards is not defined.
func Inspect(r io.ReadSeeker, size int64) (Info, error) {
	s := &source{r: r, size: size}
	info, err := s.inspect()
	if s.err != nil {
		// Parsers may take a failed read for a damaged file.
		return Info{}, fmt.Errorf("read file: %w", s.err)
	}
	return info, err
}

func (s *source) inspect() (Info, error) {
	if s.size <= 0 {
		return Info{}, damaged("it is empty")
	}
	head, err := s.at(0, int(min(s.size, Sniffed)))
	if err != nil {
		return Info{}, err
	}
	contentType := Sniff(head)
	format, ok := formats[contentType]
	if !ok {
		return Info{}, fmt.Errorf("%w: it seems to be %s", ErrUnknownType, contentType)
	}
	info := Info{Kind: format.kind, ContentType: contentType, Extension: format.extension}
	end, err := format.parse(s, &info)
	if err != nil {
		return Info{}, err
	}
	if info.Kind != Audio && (info.Width <= 0 || info.Height <= 0) {
		return Info{}, damaged("it has no picture")
	}
	other, err := s.secondNature(end)
	if err == nil && other != "" {
		err = fmt.Errorf("%w: %s and %s", ErrPolyglot, contentType, other)
	}
	if err != nil {
		return Info{}, err
	}
	return info, nil
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
