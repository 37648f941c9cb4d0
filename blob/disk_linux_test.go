package blob_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
)

// TestFullDisk needs a file system of its own, which only root can mount.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	disk, err := blob.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	_, err = disk.Put(t.Context(), "big", io.LimitReader(&cancelling{}, 1<<20))
	if !errors.Is(err, blob.ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Put = %v, want ErrFull", err)
	}
	_, err = disk.PutContent(t.Context(), "big", io.LimitReader(&cancelling{}, 1<<20))
	if !errors.Is(err, blob.ErrFull) {
		t.Errorf("PutContent = %v, want ErrFull", err)
	}
	pending, err := disk.Create(t.Context(), "big")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := pending.Write(make([]byte, 1<<20)); !errors.Is(err, blob.ErrFull) {
		t.Errorf("Write = %d, %v, want ErrFull", n, err)
	}
	if err := pending.Abort(); err != nil {
		t.Error(err)
	}
	if list := files(t, dir); len(list) != 0 {
		t.Errorf("left behind: %q", list)
	}
	if _, err := disk.Put(t.Context(), "small", strings.NewReader("x")); err != nil {
		t.Errorf("Put after the failure: %v", err)
	}
}
