package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// tempDir holds what is being written. Names of blobs never begin with a dot,
// so it cannot be reached through one.
const tempDir = ".tmp"

// staleAfter is the age at which a leftover of a crash is removed. Another
// process may be writing to the same directory right now (a second node on
// shared storage, `validate` beside a running gateway), so fresh files stay.
const staleAfter = 24 * time.Hour

// Disk is a [Store] in a directory of the local machine. Everything goes through
// an [os.Root], so that neither a name nor a symbolic link leads out of it.
//
// The blob "materials/01J9" lies in the file "materials/3f/01J9": the level in
// between is the first byte of the SHA-256 of the last part, which keeps the
// directories small whatever the names look like.
type Disk struct {
	root *os.Root
}

// OpenDisk opens the directory, making it if need be, and proves that it can be
// written. The error is one line for the person who configured it.
func OpenDisk(dir string) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make blob directory %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob directory %s: %w", dir, err)
	}
	d := &Disk{root: root}
	if err := d.prepare(); err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("blob directory %s cannot be written: %w", dir, err)
	}
	return d, nil
}

// prepare makes the directory for temporary files and writes a first one.
func (d *Disk) prepare() error {
	if err := d.root.MkdirAll(tempDir, 0o700); err != nil {
		return err
	}
	w, err := d.newWriter(context.Background())
	if err != nil {
		return err
	}
	return w.discard()
}

// Tidy implements [Store].
func (d *Disk) Tidy(ctx context.Context) error {
	entries, err := fs.ReadDir(d.root.FS(), tempDir)
	if err != nil {
		return fmt.Errorf("tidy blobs: %w", err)
	}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = d.root.Remove(path.Join(tempDir, entry.Name()))
		}
	}
	return nil
}

// Close gives the directory back. Open blobs stay readable.
func (d *Disk) Close() error { return d.root.Close() }

// Open implements [Store].
func (d *Disk) Open(ctx context.Context, name string) (File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := d.file(name)
	if err != nil {
		return nil, err
	}
	f, err := d.root.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open blob %q: %w", name, ErrNotFound)
	} else if err != nil {
		return nil, fmt.Errorf("open blob %q: %w", name, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open blob %q: %w", name, err)
	}
	return &diskFile{f, info}, nil
}

// Delete implements [Store]. Directories below the first that it leaves empty go
// with the blob: artifacts have one for every task, and over the years they
// would fill the disk. Blobs right below the first need at most 256.
func (d *Disk) Delete(_ context.Context, name string) error {
	file, err := d.file(name)
	if err != nil {
		return err
	}
	if err := d.root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob %q: %w", name, err)
	}
	if strings.Count(name, "/") < 2 {
		return nil
	}
	for dir := path.Dir(file); strings.Contains(dir, "/"); dir = path.Dir(dir) {
		if d.root.Remove(dir) != nil {
			break // it is not empty
		}
	}
	return nil
}

// Walk implements [Store]. Files that are not where a blob of theirs would be
// are none of ours and not told.
func (d *Disk) Walk(ctx context.Context, dir string, fn func(Entry) error) error {
	if !validName(dir) {
		return fmt.Errorf("blob directory %q is not allowed", dir)
	}
	err := fs.WalkDir(d.root.FS(), dir, func(file string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !entry.Type().IsRegular() {
			return ignoreMissing(err)
		}
		name := path.Join(path.Dir(path.Dir(file)), entry.Name())
		if own, err := d.file(name); err != nil || own != file {
			return nil
		}
		// entry knows the file as it was when its directory was read; clean-up
		// wants to know whether PutContent has made it young since.
		info, err := d.root.Lstat(file)
		if err != nil {
			return ignoreMissing(err)
		}
		return fn(Entry{Name: name, Size: info.Size(), ModTime: info.ModTime()})
	})
	if err != nil {
		return fmt.Errorf("walk blobs below %q: %w", dir, err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// file returns the path of a blob's file below the directory.
func (d *Disk) file(name string) (string, error) {
	if !validName(name) {
		return "", fmt.Errorf("blob name %q is not allowed", name)
	}
	base := path.Base(name)
	sum := sha256.Sum256([]byte(base))
	return path.Join(path.Dir(name), hex.EncodeToString(sum[:1]), base), nil
}

// validName takes slash-separated parts of letters, digits, '-', '_' and '.',
// none of which begins with a dot.
func validName(name string) bool {
	if !fs.ValidPath(name) || len(name) > 255 {
		return false
	}
	start := true
	for _, c := range []byte(name) {
		switch {
		case c == '/':
			start = true
			continue
		case c == '.':
			if start {
				return false
			}
		case c == '-', c == '_', '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		default:
			return false
		}
		start = false
	}
	return true
}

type diskFile struct {
	*os.File
	info fs.FileInfo
}

func (f *diskFile) Size() int64        { return f.info.Size() }
func (f *diskFile) ModTime() time.Time { return f.info.ModTime() }
func (f *diskFile) Path() string       { return f.Name() }

// Interface guards
var (
	_ Store = (*Disk)(nil)
	_ File  = (*diskFile)(nil)
	_ Local = (*diskFile)(nil)
)
