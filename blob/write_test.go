package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
)

func read(t *testing.T, disk *blob.Disk, name string) string {
	t.Helper()
	file, err := disk.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// age makes every file below dir an hour old.
func age(t *testing.T, dir string) time.Time {
	t.Helper()
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, name := range files(t, dir) {
		if err := os.Chtimes(name, past, past); err != nil {
			t.Fatal(err)
		}
	}
	return past
}

func TestPutContentKeepsOneCopy(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	first, err := disk.PutContent(t.Context(), "materials", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	if want := (blob.Info{Name: "materials/" + sum, Size: 5, SHA256: sum}); first != want {
		t.Errorf("PutContent = %+v, want %+v", first, want)
	}
	age(t, dir)
	second, err := disk.PutContent(t.Context(), "materials", strings.NewReader("hello"))
	if err != nil || second != first {
		t.Errorf("again: %+v, %v", second, err)
	}
	if _, err := disk.PutContent(t.Context(), "materials", strings.NewReader("other")); err != nil {
		t.Fatal(err)
	}
	if list := files(t, dir); len(list) != 2 {
		t.Errorf("files %q, want two", list)
	}
	file, err := disk.Open(t.Context(), first.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if time.Since(file.ModTime()) > time.Minute {
		t.Errorf("the time of what was stored again stayed at %v", file.ModTime())
	}
}

// TestPutContentMends a file that lost its end, as a broken file system leaves it.
func TestPutContentMends(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	info, err := disk.PutContent(t.Context(), "materials", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(files(t, dir)[0], 2); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.PutContent(t.Context(), "materials", strings.NewReader("hello")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, disk, info.Name); got != "hello" {
		t.Errorf("content %q", got)
	}
}

// TestPutContentRaces stores the same few contents from many goroutines while
// others delete them: everybody succeeds and nobody sees half a file.
func TestPutContentRaces(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	content := func(i int) string { return strings.Repeat(string(rune('a'+i%4)), 100_000) }
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			info, err := disk.PutContent(t.Context(), "materials", strings.NewReader(content(i)))
			if err != nil {
				t.Error(err)
				return
			}
			if file, err := disk.Open(t.Context(), info.Name); err == nil {
				if got, err := io.ReadAll(file); err != nil || string(got) != content(i) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				file.Close()
			} else if !errors.Is(err, blob.ErrNotFound) {
				t.Error(err)
			}
			if i%8 == 7 {
				if err := disk.Delete(t.Context(), info.Name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		if _, err := disk.PutContent(t.Context(), "materials", strings.NewReader(content(i))); err != nil {
			t.Error(err)
		}
	}
	if list := files(t, dir); len(list) != 4 {
		t.Errorf("files %q, want one for each content", list)
	}
}

func TestPendingIsReadWhileItGrows(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	p, err := disk.Create(t.Context(), "artifacts/a")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort()
	write := func(text string) {
		t.Helper()
		if _, err := io.WriteString(p, text); err != nil {
			t.Fatal(err)
		}
	}
	open := func() io.ReadSeekCloser {
		t.Helper()
		r, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
	want := func(r io.Reader, text string) {
		t.Helper()
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("read %q, %v, want %q", got, err, text)
		}
	}
	early := open()
	want(early, "")
	write("first ")
	want(early, "first ")
	second := open()
	write("second ")
	want(early, "second ")
	want(second, "first second ")
	if _, err := disk.Open(t.Context(), "artifacts/a"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open before Commit = %v, want ErrNotFound", err)
	}
	write("third")
	info, err := p.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if info.Name != "artifacts/a" || info.Size != 18 || len(info.SHA256) != 64 {
		t.Errorf("Commit = %+v", info)
	}
	want(early, "third")
	if end, err := second.Seek(-5, io.SeekEnd); err != nil || end != 13 {
		t.Errorf("Seek = %d, %v", end, err)
	}
	want(second, "third")
	want(open(), "first second third")
	if err := p.Abort(); err != nil {
		t.Errorf("Abort after Commit = %v", err)
	}
	if _, err := p.Commit(); err == nil {
		t.Error("a second Commit succeeded")
	}
	if got := read(t, disk, "artifacts/a"); got != "first second third" {
		t.Errorf("content %q", got)
	}
	if list := files(t, dir); len(list) != 1 {
		t.Errorf("files %q, want the blob alone", list)
	}
}

func TestPendingAbort(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	if _, err := disk.Put(t.Context(), "a", strings.NewReader("old")); err != nil {
		t.Fatal(err)
	}
	p, err := disk.Create(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(p, "new"); err != nil {
		t.Fatal(err)
	}
	r, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		if err := p.Abort(); err != nil {
			t.Errorf("Abort = %v", err)
		}
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "new" {
		t.Errorf("open reader: %q, %v", got, err)
	}
	if _, err := p.Open(); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open after Abort = %v, want ErrNotFound, not the old blob", err)
	}
	if _, err := p.Commit(); err == nil {
		t.Error("Commit after Abort succeeded")
	}
	if got := read(t, disk, "a"); got != "old" {
		t.Errorf("content %q", got)
	}
	if list := files(t, dir); len(list) != 1 {
		t.Errorf("left behind: %q", list)
	}
}

func TestPendingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	disk, _ := openDisk(t)
	ctx, cancel := context.WithCancel(t.Context())
	p, err := disk.Create(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abort()
	cancel()
	if n, err := p.Write([]byte("x")); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %d, %v", n, err)
	}
}

// TestPendingOpenDuringCommit opens readers all the time while the file moves
// from its temporary to its final name.
func TestPendingOpenDuringCommit(t *testing.T) {
	t.Parallel()
	disk, _ := openDisk(t)
	for i := range 20 {
		p, err := disk.Create(t.Context(), fmt.Sprintf("artifacts/%d", i))
		if err != nil {
			t.Fatal(err)
		}
		content := bytes.Repeat([]byte("x"), 1000)
		if _, err := p.Write(content); err != nil {
			t.Fatal(err)
		}
		committed := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for done := false; !done; {
				select {
				case <-committed:
					done = true
				default:
				}
				r, err := p.Open()
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				r.Close()
			}
		})
		if _, err := p.Commit(); err != nil {
			t.Error(err)
		}
		close(committed)
		wg.Wait()
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	for _, name := range []string{"materials/a", "materials/b.jpg", "materials/deep/c", "artifacts/d", "top"} {
		if _, err := disk.Put(t.Context(), name, strings.NewReader(name)); err != nil {
			t.Fatal(err)
		}
	}
	past := age(t, dir)
	// What somebody else left there is no blob.
	if err := os.WriteFile(filepath.Join(dir, "materials", "README"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(files(t, filepath.Join(dir, "artifacts"))[0], filepath.Join(dir, "materials", "link")); err != nil {
		t.Fatal(err)
	}
	walk := func(dir string) (names []string) {
		t.Helper()
		err := disk.Walk(t.Context(), dir, func(e blob.Entry) error {
			if e.Size != int64(len(e.Name)) || !e.ModTime.Equal(past) {
				t.Errorf("entry %+v", e)
			}
			names = append(names, e.Name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		return names
	}
	if got := walk("materials"); !slices.Equal(got, []string{"materials/a", "materials/b.jpg", "materials/deep/c"}) {
		t.Errorf("materials: %q", got)
	}
	if got := walk("missing"); got != nil {
		t.Errorf("missing: %q", got)
	}
	enough := errors.New("enough")
	if err := disk.Walk(t.Context(), "materials", func(blob.Entry) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Walk = %v, want what fn returned", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := disk.Walk(ctx, "materials", func(blob.Entry) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Walk = %v, want the end of the context", err)
	}
}

// TestWalkWhileFilesVanish takes everything away at the first blob: the others of
// its directory, whose names the walk has read already, and all directories.
func TestWalkWhileFilesVanish(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	sameDir := 0
	for i := 0; sameDir < 3; i++ {
		name := fmt.Sprint(i)
		if sha256.Sum256([]byte(name))[0] == 0 {
			sameDir++
		} else if i > 5 {
			continue
		}
		if _, err := disk.Put(t.Context(), "m/"+name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	told := 0
	err := disk.Walk(t.Context(), "m", func(blob.Entry) error {
		told++
		return os.RemoveAll(filepath.Join(dir, "m"))
	})
	if err != nil || told != 1 {
		t.Errorf("told %d, %v", told, err)
	}
}
