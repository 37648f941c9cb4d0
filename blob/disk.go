package blob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
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

// prepare makes the directory for temporary files, clears what a crash left
// there long ago and writes a first file.
func (d *Disk) prepare() error {
	if err := d.root.MkdirAll(tempDir, 0o700); err != nil {
		return err
	}
	entries, err := fs.ReadDir(d.root.FS(), tempDir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = d.root.Remove(path.Join(tempDir, entry.Name()))
		}
	}
	file, name, err := d.createTemp()
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), d.root.Remove(name))
}

// Close gives the directory back. Open blobs stay readable.
func (d *Disk) Close() error { return d.root.Close() }

// Put implements [Store]. The bytes are written to a temporary file, hashed on
// the way, synced, and only then renamed to their name; a reader sees all of a
// blob or none of it.
func (d *Disk) Put(ctx context.Context, name string, r io.Reader) (Info, error) {
	file, err := d.file(name)
	if err != nil {
		return Info{}, err
	}
	temp, tempName, err := d.createTemp()
	if err != nil {
		return Info{}, putError(name, err)
	}
	w := &writer{file: temp, hash: sha256.New()}
	_, err = io.Copy(w, &contextReader{ctx, r})
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = d.publish(tempName, file)
	}
	if err != nil {
		_ = d.root.Remove(tempName)
		return Info{}, putError(name, err)
	}
	return Info{Size: w.size, SHA256: hex.EncodeToString(w.hash.Sum(nil))}, nil
}

// publish renames the finished file and syncs every directory that changed,
// without which a power failure could forget the name of a synced file.
func (d *Disk) publish(tempName, file string) error {
	dir := path.Dir(file)
	if err := d.makeDir(dir); err != nil {
		return err
	}
	if err := d.root.Rename(tempName, file); err != nil {
		return err
	}
	if err := d.syncDir(dir); err != nil {
		_ = d.root.Remove(file)
		return err
	}
	return nil
}

func (d *Disk) makeDir(dir string) error {
	if dir == "." {
		return nil
	}
	err := d.root.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = d.makeDir(path.Dir(dir)); err == nil {
			err = d.root.Mkdir(dir, 0o700)
		}
	}
	switch {
	case err == nil:
		return d.syncDir(path.Dir(dir))
	case errors.Is(err, fs.ErrExist):
		return nil
	default:
		return err
	}
}

func (d *Disk) syncDir(name string) error {
	dir, err := d.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

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

// Delete implements [Store].
func (d *Disk) Delete(_ context.Context, name string) error {
	file, err := d.file(name)
	if err != nil {
		return err
	}
	if err := d.root.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob %q: %w", name, err)
	}
	return nil
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

func (d *Disk) createTemp() (*os.File, string, error) {
	name := path.Join(tempDir, rand.Text())
	file, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return file, name, err
}

func putError(name string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("put blob %q: %w: %w", name, ErrFull, err)
	}
	return fmt.Errorf("put blob %q: %w", name, err)
}

// writer hashes and counts what it writes.
type writer struct {
	file *os.File
	hash hash.Hash
	size int64
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	return n, err
}

// contextReader ends the reading between two blocks when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

type diskFile struct {
	*os.File
	info fs.FileInfo
}

func (f *diskFile) Size() int64        { return f.info.Size() }
func (f *diskFile) ModTime() time.Time { return f.info.ModTime() }

// Interface guards
var (
	_ Store = (*Disk)(nil)
	_ File  = (*diskFile)(nil)
)
