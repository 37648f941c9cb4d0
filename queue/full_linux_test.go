package queue_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// TestAFullDiskDelaysTheResult needs a file system of its own, which only root
// can mount.
func TestAFullDiskDelaysTheResult(t *testing.T) {
	both(t, options{settings: func(s *queue.Settings) { s.PollInterval = 50 * time.Millisecond }}, func(t *testing.T, h *house) {
		h.stop()
		dir := filepath.Join(h.dir, "blobs")
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
			h.start()
			t.Skipf("a small file system cannot be mounted: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
		h.start()
		h.session("account-0000000001", 1)
		n := h.video(admin, "a boat")
		filler := filepath.Join(dir, "filler")
		if err := os.WriteFile(filler, make([]byte, 230<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		id := h.submit(n).ID
		late := h.until(id, "late", func(t *store.Task) bool { return t.ErrorMessage != "" })
		if late.Status != store.Downloading || !strings.Contains(late.ErrorMessage, "no room left") {
			t.Errorf("task: %+v", late)
		}
		if s, err := h.queue.Storage(t.Context()); err != nil || s.State != queue.StorageNear || !strings.Contains(s.Message, "disk is nearly full") {
			t.Errorf("storage: %+v, %v", s, err)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		if task := h.ended(id); task.Status != store.Succeeded || len(h.sim.Submits()) != 1 || !h.has(task) {
			t.Errorf("task: %+v", task)
		}
	})
}
