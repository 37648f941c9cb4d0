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

// ErrFull is wrapped by the error of a write that found no room.
var ErrFull = errors.New("blob store is full")

// Store keeps blobs. Names are slash-separated paths of the gateway's own
// making. A blob is written once and never changed.
type Store interface {
	// Put stores all of r under name and returns when it is durable. Nothing
	// stays behind when r, ctx or the disk fails.
	Put(ctx context.Context, name string, r io.Reader) (Info, error)
	// PutContent stores all of r under dir, a slash and the SHA-256 of its
	// content, which Info.Name tells. The same bytes are kept once: if they are
	// there already, their modification time becomes now, so that a clean-up by
	// age leaves them alone. Otherwise as Put.
	PutContent(ctx context.Context, dir string, r io.Reader) (Info, error)
	// Create begins a blob that can be read while it is written. Writing to it
	// fails when ctx has ended. The caller must Commit or Abort it.
	Create(ctx context.Context, name string) (Pending, error)
	// Open returns the blob for reading and seeking, or [ErrNotFound].
	Open(ctx context.Context, name string) (File, error)
	// Delete removes the blob; a name that is not there is no error.
	Delete(ctx context.Context, name string) error
	// Walk calls fn for every blob below dir, in no order, until fn returns an
	// error, which it passes on. Blobs that come and go meanwhile may be told
	// or not; a dir that is not there has no blobs.
	Walk(ctx context.Context, dir string, fn func(Entry) error) error
	// Tidy removes what writes have left behind that a crash ended a day ago.
	Tidy(ctx context.Context) error
}

// Pending is a blob that is being written. Nobody but its own readers sees it
// before Commit. Write, Info, Commit and Abort are for one goroutine; Open is for
// any.
type Pending interface {
	io.Writer
	// Open returns a reader of its own of what has been written so far, at whose
	// end it reports io.EOF; a later Read finds what has been added meanwhile.
	// It stays usable after Commit and after Abort and must be closed.
	// After Abort, Open returns [ErrNotFound].
	Open() (io.ReadSeekCloser, error)
	// Info describes what has been written so far, under the name that Commit
	// will give it.
	Info() Info
	// Commit returns when the blob is durable and has its name. If it fails,
	// nothing stays behind.
	Commit() (Info, error)
	// Abort removes what was written. After Commit or Abort it does nothing, so
	// that it can be deferred.
	Abort() error
}

// Info describes a stored blob.
type Info struct {
	Name   string
	Size   int64
	SHA256 string // lower-case hex
}

// Entry is a blob that Walk has found.
type Entry struct {
	Name    string
	Size    int64
	ModTime time.Time
}

// File is an open blob.
type File interface {
	io.ReadSeekCloser
	Size() int64
	ModTime() time.Time
}

// Local is also implemented by a [File] that lies on this machine, as those of
// [Disk] do, for programs that want a path. They must only read.
type Local interface {
	Path() string
}
