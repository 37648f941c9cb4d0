package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The disk is full, for the database as well as for the files: what comes in is
// refused and neither stored nor paid, what was accepted waits, and everything
// goes on by itself when there is room again. It needs a file system of its own,
// which only root can mount.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "2s")
	small := filepath.Join(w.dir, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	w.env = append(w.env, "DATABASE_URL=sqlite://"+filepath.Join(small, "gateway.db"), "DATA_DIR="+filepath.Join(small, "data"))
	w.start()
	w.sessions(2, 2)
	accepted := map[string]string{} // id → prompt
	for i := range 8 {
		id, _, err := w.seedance(fmt.Sprint("before ", i))
		if err != nil {
			t.Fatal(err)
		}
		accepted[id] = fmt.Sprint("before ", i)
	}
	filler := filepath.Join(small, "filler")
	fill(t, filler)
	var refused []string
	for i := 0; len(refused) < 20; i++ {
		prompt := fmt.Sprintf("while full %d %s", i, strings.Repeat("x", 3000))
		id, status, retryAfter, err := w.submit(nil, prompt)
		switch {
		case err == nil:
			accepted[id] = prompt
		case status == http.StatusServiceUnavailable && retryAfter != "":
			refused = append(refused, prompt)
		default:
			t.Fatalf("submit %d: %v", i, err)
		}
		if i > 2000 {
			t.Fatal("the disk does not become full")
		}
		fill(t, filler) // what the gateway has freed
	}
	picture := base64.StdEncoding.EncodeToString(append(pngFile(t), make([]byte, 64<<10)...))
	if status, err := w.call("POST", "/api/v1/tasks", map[string]any{"model": "seedance-2.0", "prompt": "with a file",
		"files": []any{map[string]any{"filename": "a.png", "mime_type": "image/png", "data": picture}}}, nil); status != http.StatusInsufficientStorage {
		t.Errorf("a material on a full disk: %d %v", status, err)
	}
	if _, err := w.call("GET", "/api/v1/stats", nil, nil); err != nil {
		t.Errorf("a read on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.eventually(2*time.Minute, func() string {
		if s := w.stats(); s["succeeded"] != len(accepted) {
			return fmt.Sprintf("%d were accepted: %v", len(accepted), s)
		}
		return ""
	})
	w.paidOnce(len(accepted))
	paid := w.paid()
	for _, prompt := range append(refused, "with a file") {
		if paid[prompt] > 0 {
			t.Errorf("a refused task was paid: %.20s", prompt)
		}
	}
	if _, _, err := w.seedance("after"); err != nil {
		t.Errorf("after it: %v", err)
	}
	t.Logf("%d accepted, %d refused", len(accepted), len(refused))
	w.term()
}

// fill takes all the room that is left, but for less than a page.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for piece := make([]byte, 1<<20); len(piece) >= 512; {
		if _, err := file.Write(piece); err != nil {
			piece = piece[:len(piece)/2]
		}
	}
}
