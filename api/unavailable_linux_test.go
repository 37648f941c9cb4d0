package api_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// A database that is gone is not the client's fault, and none of its words get
// out.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	gone, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "gateway.db"), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	g := serve(t, func(c *api.Config) { c.Store = gone })
	res, raw := g.do("GET", "/api/v1/keys", "", nil)
	problem := g.decode(res, raw, http.StatusServiceUnavailable)
	if problem["code"] != "unavailable" || res.Header.Get("Retry-After") != "5" || strings.Contains(string(raw), "sql") {
		t.Errorf("got %s, %v", raw, res.Header)
	}
}

// TestDiskFull needs a file system of its own, which only root can mount.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	disk, err := blob.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = disk.Close() })
	g := serve(t, func(c *api.Config) { c.Blobs = disk })
	contentType, body := form(t, part{field: "files", file: "a.png", content: pngFile(t)}, part{field: "files", file: "b.mp4", content: largeMP4(200_000)})
	res, raw := g.do("POST", "/v1/videos/generations", contentType, body)
	answer := g.decode(res, raw, http.StatusInsufficientStorage)
	if answer["error"].(map[string]any)["code"] != "disk_full" || strings.Contains(string(raw), dir) {
		t.Errorf("got %s", raw)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "materials", "*", "*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
