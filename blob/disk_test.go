package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
)

func openDisk(t *testing.T) (*blob.Disk, string) {
	t.Helper()
	dir := t.TempDir()
	disk, err := blob.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	return disk, dir
}

// files lists every regular file below dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestPutOpenDelete(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	ctx := t.Context()
	content := make([]byte, 300_000)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	info, err := disk.Put(ctx, "materials/01J9-a.b", iotest.OneByteReader(bytes.NewReader(content)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if want := (blob.Info{Name: "materials/01J9-a.b", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}); info != want {
		t.Errorf("Put = %+v, want %+v", info, want)
	}
	if list := files(t, dir); len(list) != 1 {
		t.Errorf("files %q, want the blob alone", list)
	}

	file, err := disk.Open(ctx, "materials/01J9-a.b")
	if err != nil {
		t.Fatal(err)
	}
	if file.Size() != info.Size || time.Since(file.ModTime()) > time.Minute {
		t.Errorf("size %d, time %v", file.Size(), file.ModTime())
	}
	if local, ok := file.(blob.Local); !ok {
		t.Error("a blob on disk has no path")
	} else if stored, err := os.ReadFile(local.Path()); err != nil || !bytes.Equal(stored, content) {
		t.Errorf("%s: %d bytes, %v", local.Path(), len(stored), err)
	}
	if _, err := file.Seek(-10, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	// An open blob stays readable when it is deleted, as a running download is.
	if err := disk.Delete(ctx, "materials/01J9-a.b"); err != nil {
		t.Fatal(err)
	}
	if tail, err := io.ReadAll(file); err != nil || !bytes.Equal(tail, content[len(content)-10:]) {
		t.Errorf("tail %x, %v", tail, err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if _, err := disk.Open(ctx, "materials/01J9-a.b"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open after Delete: %v, want ErrNotFound", err)
	}
	if err := disk.Delete(ctx, "materials/01J9-a.b"); err != nil {
		t.Errorf("second Delete: %v", err)
	}
}

func TestPutReplacesWhole(t *testing.T) {
	t.Parallel()
	disk, _ := openDisk(t)
	for _, text := range []string{"first, and longer", "second"} {
		if _, err := disk.Put(t.Context(), "a", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	file, err := disk.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, _ := io.ReadAll(file); string(got) != "second" {
		t.Errorf("content %q", got)
	}
}

func TestNothingStaysAfterFailure(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection lost")
	tests := map[string]func(cancel context.CancelFunc) io.Reader{
		"reader fails": func(context.CancelFunc) io.Reader {
			return io.MultiReader(strings.NewReader("half of it"), iotest.ErrReader(broken))
		},
		"context ends": func(cancel context.CancelFunc) io.Reader {
			return &cancelling{cancel: cancel, after: 3}
		},
	}
	for name, reader := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk, dir := openDisk(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := disk.Put(ctx, "x/y", reader(cancel))
			if !errors.Is(err, broken) && !errors.Is(err, context.Canceled) {
				t.Errorf("Put = %v", err)
			}
			ctx, cancel = context.WithCancel(t.Context())
			defer cancel()
			_, err = disk.PutContent(ctx, "x", reader(cancel))
			if !errors.Is(err, broken) && !errors.Is(err, context.Canceled) {
				t.Errorf("PutContent = %v", err)
			}
			if list := files(t, dir); len(list) != 0 {
				t.Errorf("left behind: %q", list)
			}
			if _, err := disk.Open(t.Context(), "x/y"); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("Open = %v", err)
			}
		})
	}
}

// cancelling is an endless reader that cancels its context after some reads.
type cancelling struct {
	cancel context.CancelFunc
	after  int
}

func (c *cancelling) Read(p []byte) (int, error) {
	if c.after--; c.after == 0 {
		c.cancel()
	}
	return len(p), nil
}

func TestNamesCannotEscape(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{
		"", ".", "..", "../outside", "a/../../outside", "/etc/passwd", outside, "a//b", "a/", "./a",
		".tmp/x", "a/.hidden", `..\outside`, "a\x00b", "a b", "ä", "a:b", strings.Repeat("a", 256),
	}
	for _, name := range names {
		if _, err := disk.Put(t.Context(), name, strings.NewReader("x")); err == nil {
			t.Errorf("Put(%q) was allowed", name)
		}
		if _, err := disk.Open(t.Context(), name); err == nil || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open(%q) = %v, want a refusal", name, err)
		}
		if err := disk.Delete(t.Context(), name); err == nil {
			t.Errorf("Delete(%q) was allowed", name)
		}
		if _, err := disk.PutContent(t.Context(), name, strings.NewReader("x")); err == nil {
			t.Errorf("PutContent(%q) was allowed", name)
		}
		if _, err := disk.Create(t.Context(), name); err == nil {
			t.Errorf("Create(%q) was allowed", name)
		}
		if err := disk.Walk(t.Context(), name, func(blob.Entry) error { return nil }); err == nil {
			t.Errorf("Walk(%q) was allowed", name)
		}
	}
	if list := files(t, dir); len(list) != 0 {
		t.Errorf("left behind: %q", list)
	}

	// A link that somebody planted leads nowhere either.
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Put(t.Context(), "link/planted", strings.NewReader("x")); err == nil {
		t.Error("Put went through a symbolic link out of the directory")
	}
	if list := files(t, filepath.Dir(outside)); len(list) != 1 {
		t.Errorf("outside: %q", list)
	}
}

func TestConcurrentPut(t *testing.T) {
	t.Parallel()
	disk, dir := openDisk(t)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			// Half of the writers share one name: the last rename wins, whole.
			name := fmt.Sprintf("many/%d", i)
			if i%2 == 0 {
				name = "many/shared"
			}
			if _, err := disk.Put(t.Context(), name, strings.NewReader(strings.Repeat("z", 10_000))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list := files(t, dir)
	if len(list) != 33 {
		t.Errorf("%d files, want 33", len(list))
	}
	for _, name := range list {
		if info, err := os.Stat(name); err != nil || info.Size() != 10_000 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestOpenDiskClearsOldLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	temp := filepath.Join(dir, ".tmp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "fresh"} {
		if err := os.WriteFile(filepath.Join(temp, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(temp, "old"), past, past); err != nil {
		t.Fatal(err)
	}
	disk, err := blob.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	if err := disk.Tidy(t.Context()); err != nil {
		t.Error(err)
	}
	if list := files(t, dir); len(list) != 1 || filepath.Base(list[0]) != "fresh" {
		t.Errorf("files %q, want the fresh one alone", list)
	}
}

func TestOpenDiskRefusesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dirs := map[string]string{"below a file": filepath.Join(file, "data"), "a file": file}
	if os.Geteuid() != 0 { // root may write everywhere
		readOnly := filepath.Join(t.TempDir(), "ro")
		if err := os.Mkdir(readOnly, 0o500); err != nil {
			t.Fatal(err)
		}
		dirs["read-only"] = readOnly
	}
	for name, dir := range dirs {
		if _, err := blob.OpenDisk(dir); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want one line that names the directory", name, err)
		}
	}
}

// Empty directories go with the last blob in them, also while others want to
// write there.
func TestNoDirectoriesAreLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	disk, err := blob.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				name := fmt.Sprintf("artifacts/task%d/%d.mp4", j%3, i)
				if _, err := disk.Put(t.Context(), name, strings.NewReader("x")); err != nil {
					t.Error(err)
				}
				if err := disk.Delete(t.Context(), name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	left, err := filepath.Glob(filepath.Join(dir, "artifacts", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if _, err := disk.Put(t.Context(), "artifacts/task/a", strings.NewReader("x")); err != nil {
		t.Error(err)
	}
	if _, err := disk.Put(t.Context(), "artifacts/task/b", strings.NewReader("x")); err != nil {
		t.Error(err)
	}
	if err := disk.Delete(t.Context(), "artifacts/task/a"); err != nil {
		t.Error(err)
	}
	if file, err := disk.Open(t.Context(), "artifacts/task/b"); err != nil {
		t.Error(err)
	} else {
		file.Close()
	}
}
