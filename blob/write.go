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
	"sync/atomic"
	"syscall"
	"time"
)

// Put implements [Store].
func (d *Disk) Put(ctx context.Context, name string, r io.Reader) (Info, error) {
	p, err := d.create(ctx, name)
	if err != nil {
		return Info{}, err
	}
	if _, err := io.Copy(p.w, r); err != nil {
		_ = p.Abort()
		return Info{}, putError(name, err)
	}
	return p.Commit()
}

// PutContent implements [Store].
func (d *Disk) PutContent(ctx context.Context, dir string, r io.Reader) (Info, error) {
	if !validName(dir) {
		return Info{}, fmt.Errorf("blob directory %q is not allowed", dir)
	}
	w, err := d.newWriter(ctx)
	if err != nil {
		return Info{}, putError(dir, err)
	}
	if _, err := io.Copy(w, r); err != nil {
		_ = w.discard()
		return Info{}, putError(dir, err)
	}
	info := w.info(dir + "/" + w.sum())
	file, err := d.file(info.Name)
	if err != nil || d.refresh(file, info.Size) {
		_ = w.discard() // a leftover is no harm, the blob is there
		return info, err
	}
	if err := w.publish(file); err != nil {
		return Info{}, putError(info.Name, err)
	}
	return info, nil
}

// refresh makes the file count as new if it is there and whole. The directory
// is synced because another Put may have named the file only just now and not
// be durable yet. Whatever goes wrong, publishing over the file puts it right.
func (d *Disk) refresh(file string, size int64) bool {
	info, err := d.root.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || info.Size() != size {
		return false
	}
	now := time.Now()
	return d.root.Chtimes(file, now, now) == nil && d.syncDir(path.Dir(file)) == nil
}

// Create implements [Store].
func (d *Disk) Create(ctx context.Context, name string) (Pending, error) {
	p, err := d.create(ctx, name)
	if err != nil {
		return nil, err // not p, which would make the interface non-nil
	}
	return p, nil
}

func (d *Disk) create(ctx context.Context, name string) (*pending, error) {
	file, err := d.file(name)
	if err != nil {
		return nil, err
	}
	w, err := d.newWriter(ctx)
	if err != nil {
		return nil, putError(name, err)
	}
	return &pending{w: w, name: name, file: file}, nil
}

// pending implements [Pending].
type pending struct {
	w    *writer
	name string
	file string

	done bool        // for the writing goroutine
	gone atomic.Bool // for Open
}

func (p *pending) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	if err != nil {
		err = putError(p.name, err)
	}
	return n, err
}

func (p *pending) Open() (io.ReadSeekCloser, error) {
	root := p.w.disk.root
	file, err := root.Open(p.w.temp)
	if errors.Is(err, fs.ErrNotExist) && !p.gone.Load() {
		// Renaming is atomic: what has lost one name has the other.
		file, err = root.Open(p.file)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open blob %q: %w", p.name, ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("open blob %q: %w", p.name, err)
	}
	return file, nil
}

func (p *pending) Info() Info { return p.w.info(p.name) }

func (p *pending) Commit() (Info, error) {
	if p.done {
		return Info{}, putError(p.name, errors.New("it is committed or aborted already"))
	}
	p.done = true
	if err := p.w.publish(p.file); err != nil {
		p.gone.Store(true)
		return Info{}, putError(p.name, err)
	}
	return p.w.info(p.name), nil
}

func (p *pending) Abort() error {
	if p.done {
		return nil
	}
	p.done = true
	p.gone.Store(true)
	if err := p.w.discard(); err != nil {
		return fmt.Errorf("abort blob %q: %w", p.name, err)
	}
	return nil
}

func putError(name string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("put blob %q: %w: %w", name, ErrFull, err)
	}
	return fmt.Errorf("put blob %q: %w", name, err)
}

// writer writes a temporary file and hashes and counts on the way. It must end
// with publish or discard.
type writer struct {
	ctx  context.Context
	disk *Disk
	temp string
	file *os.File
	hash hash.Hash
	size int64
}

func (d *Disk) newWriter(ctx context.Context) (*writer, error) {
	name := path.Join(tempDir, rand.Text())
	file, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, disk: d, temp: name, file: file, hash: sha256.New()}, nil
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	return n, err
}

func (w *writer) sum() string { return hex.EncodeToString(w.hash.Sum(nil)) }

func (w *writer) info(name string) Info {
	return Info{Name: name, Size: w.size, SHA256: w.sum()}
}

func (w *writer) discard() error {
	return errors.Join(w.file.Close(), w.disk.root.Remove(w.temp))
}

// publish syncs the file and only then renames it to its name, so that a reader
// sees all of a blob or none of it.
func (w *writer) publish(file string) error {
	err := errors.Join(w.file.Sync(), w.file.Close())
	if err == nil {
		err = w.disk.rename(w.temp, file)
	}
	if err != nil {
		_ = w.disk.root.Remove(w.temp)
	}
	return err
}

// maxRenames is how often in a row a Delete may take a directory away that was
// made for a new blob.
const maxRenames = 100

// rename syncs every directory that it changed, without which a power failure
// could forget the name of a synced file.
func (d *Disk) rename(temp, file string) error {
	dir := path.Dir(file)
	var err error
	for range maxRenames {
		if err = d.makeDir(dir); err == nil {
			err = d.root.Rename(temp, file)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
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
