// Package blob keeps materials and artifacts: large, immutable, named bytes.
package blob

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrNotFound is returned for a name that is not in the store.
var ErrNotFound = errors.New("blob not found")

// ErrFull is wrapped by the error of a Put that found no room.
var ErrFull = errors.New("blob store is full")

// Store keeps blobs. Names are slash-separated paths of the gateway's own
// making. A blob is written once and never changed.
type Store interface {
	// Put stores all of r under name and returns when it is durable. Nothing
	// stays behind when r, ctx or the disk fails.
	Put(ctx context.Context, name string, r io.Reader) (Info, error)
	// Open returns the blob for reading and seeking, or [ErrNotFound].
	Open(ctx context.Context, name string) (File, error)
	// Delete removes the blob; a name that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// Info describes a stored blob.
type Info struct {
	Size   int64
	SHA256 string // lower-case hex
}

// File is an open blob.
type File interface {
	io.ReadSeekCloser
	Size() int64
	ModTime() time.Time
}
