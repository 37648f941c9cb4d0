package queue_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// made runs a task to its good end.
func (h *house) made(key *store.Key) *store.Task {
	h.t.Helper()
	task := h.ended(h.submit(h.video(key, "a paper boat")).ID)
	if task.Status != store.Succeeded {
		h.t.Fatalf("task: %+v", task)
	}
	return task
}

func (h *house) sweep() {
	h.t.Helper()
	if err := h.queue.Sweep(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// reconfigure changes the settings in force.
func (h *house) reconfigure(change func(*queue.Settings)) {
	change(&h.settings)
	h.queue.Configure(h.settings)
}

// has reports whether the files of the task as it was then are there.
func (h *house) has(task *store.Task) bool {
	h.t.Helper()
	there := 0
	for _, artifact := range task.Artifacts {
		file, err := h.blobs.Open(h.t.Context(), artifact.Blob)
		switch {
		case err == nil:
			there++
			file.Close()
		case !errors.Is(err, blob.ErrNotFound):
			h.t.Fatal(err)
		}
	}
	if there != 0 && there != len(task.Artifacts) {
		h.t.Errorf("%d of %d files are there", there, len(task.Artifacts))
	}
	return there > 0
}

func (h *house) now(id string) *store.Task {
	h.t.Helper()
	task, err := h.store.Task(h.t.Context(), "", id)
	if err != nil {
		h.t.Fatal(err)
	}
	return task
}

func TestFilesGoWhenTheirTimeIsOver(t *testing.T) {
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 2)
		brief := h.key("brief", func(k *store.Key) { k.Retention = 1 })
		long := h.key("long", func(k *store.Key) { k.Retention = 3600 })
		always, second, hour := h.made(admin), h.made(brief), h.made(long)
		if always.ArtifactsUntil != 0 || second.ArtifactsUntil != second.FinishedAt+1000 && second.ArtifactsUntil > second.FinishedAt+1000 || hour.ArtifactsUntil < hour.FinishedAt+3_590_000 {
			t.Errorf("files are kept until %d, %d, %d", always.ArtifactsUntil, second.ArtifactsUntil, hour.ArtifactsUntil)
		}
		eventually(t, func() string {
			h.sweep()
			if h.has(second) {
				return "the file whose second is over is there"
			}
			return ""
		})
		gone := h.now(second.ID)
		if gone.Status != store.Succeeded || gone.ArtifactBytes != 0 || gone.Artifacts[0].Blob != "" || gone.Artifacts[0].SHA256 != second.Artifacts[0].SHA256 {
			t.Errorf("task: %+v", gone)
		}
		if !h.has(always) || !h.has(hour) {
			t.Error("a file went too early")
		}
		// A shorter time holds for what is there already, but not where the key
		// has a time of its own.
		h.reconfigure(func(s *queue.Settings) { s.Retention.Artifacts = time.Millisecond })
		h.sweep()
		if h.has(always) || !h.has(hour) {
			t.Errorf("after the change: %t, %t", h.has(always), h.has(hour))
		}
		if n, err := h.store.ArtifactBytes(t.Context()); n != hour.ArtifactBytes || err != nil {
			t.Errorf("%d bytes are counted, %d are there: %v", n, hour.ArtifactBytes, err)
		}
		h.consistent()
	})
}

func TestOldTasksGoWithTheirFiles(t *testing.T) {
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		old := h.made(admin)
		running := h.submit(h.video(admin, "a slow boat [[delay:1h]]"))
		h.reaches(running.ID, store.Polling)
		h.reconfigure(func(s *queue.Settings) { s.Retention.Tasks = time.Hour })
		h.sweep()
		if !h.has(old) {
			t.Fatal("the task went too early")
		}
		h.reconfigure(func(s *queue.Settings) { s.Retention.Tasks = time.Millisecond })
		h.sweep()
		if _, err := h.store.Task(t.Context(), "", old.ID); !errors.Is(err, store.ErrNotFound) || h.has(old) {
			t.Errorf("the task is there: %v, its files: %t", err, h.has(old))
		}
		if h.now(running.ID).Status != store.Polling {
			t.Error("a task that runs was touched")
		}
		h.consistent()
	})
}

func TestOldestFilesGoForTheBudget(t *testing.T) {
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		var tasks []*store.Task
		for range 4 {
			tasks = append(tasks, h.made(admin))
		}
		size := tasks[0].ArtifactBytes
		expect := func(what string, state queue.StorageState, kept ...bool) {
			t.Helper()
			for i, task := range tasks {
				if h.has(task) != kept[i] {
					t.Errorf("%s: task %d has its files: %t", what, i, h.has(task))
				}
			}
			s, err := h.queue.Storage(t.Context())
			if err != nil || s.State != state || (s.Message == "") != (state == queue.StorageOK) {
				t.Errorf("%s: %+v, %v", what, s, err)
			}
		}
		budget := func(n int64) {
			h.reconfigure(func(s *queue.Settings) { s.Retention.Budget = n })
			h.sweep()
		}
		budget(10 * size)
		expect("enough", queue.StorageOK, true, true, true, true)
		budget(4*size + size/10)
		expect("nearly used up", queue.StorageNear, true, true, true, true)
		budget(2*size + size/10)
		expect("first a warning", queue.StorageOver, true, true, true, true)
		next, full, err := h.queue.Outlook(t.Context(), queue.Storage{Artifacts: 4 * size, Retention: h.settings.Retention}, 2)
		if err != nil || len(next) != 2 || next[0].ID != tasks[0].ID || !next[0].ForBudget || next[0].At == 0 || next[1].At > next[0].At+1000 || full == 0 {
			t.Errorf("outlook: %+v, %d, %v", next, full, err)
		}
		h.sweep()
		h.sweep()
		if n, err := h.store.ArtifactBytes(t.Context()); n != 2*size || err != nil {
			t.Errorf("%d bytes are kept, want %d: %v", n, 2*size, err)
		}
		expect("then the oldest", queue.StorageNear, false, false, true, true)
		tasks = append(tasks, h.made(admin))
		h.sweep()
		if h.has(tasks[2]) || !h.has(tasks[3]) || !h.has(tasks[4]) {
			t.Error("a gateway at the edge of its budget does not go on")
		}
		h.consistent()
	})
}

func TestStraysGo(t *testing.T) {
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 2)
		ended := h.made(admin)
		running := h.submit(h.video(admin, "a slow boat [[delay:1h]]"))
		h.reaches(running.ID, store.Polling)
		old := time.Now().Add(-25 * time.Hour)
		put := func(name string, at time.Time) string {
			t.Helper()
			if _, err := h.blobs.Put(t.Context(), name, strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
			h.age(name, at)
			return name
		}
		h.age(ended.Artifacts[0].Blob, old)
		gone := []string{put("artifacts/"+ended.ID+"/7-old.mp4", old), put("artifacts/01jzzzzzzzzzzzzzzzzzzzzzzz/0-x.mp4", old)}
		stay := []string{ended.Artifacts[0].Blob, put("artifacts/"+ended.ID+"/7-new.mp4", time.Now()),
			put("artifacts/"+running.ID+"/0-x.mp4", old), put("materials/x", old)}
		h.sweep()
		for i, name := range append(stay, gone...) {
			file, err := h.blobs.Open(t.Context(), name)
			if err == nil {
				file.Close()
			}
			if there := err == nil; there != (i < len(stay)) {
				t.Errorf("%s is there: %t (%v)", name, there, err)
			}
		}
	})
}

// age sets when a blob was written.
func (h *house) age(name string, at time.Time) {
	h.t.Helper()
	found, err := filepath.Glob(filepath.Join(h.dir, "blobs", filepath.Dir(name), "*", filepath.Base(name)))
	if err != nil || len(found) != 1 {
		h.t.Fatalf("%s: %q, %v", name, found, err)
	}
	if err := os.Chtimes(found[0], at, at); err != nil {
		h.t.Fatal(err)
	}
}

func TestOldLinesOfTheAuditLogGo(t *testing.T) {
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		ctx := store.WithActor(t.Context(), &store.Actor{Kind: "person", ID: "per_1"})
		for _, age := range []time.Duration{48 * time.Hour, 25 * time.Hour, 0} {
			err := h.store.Write(ctx, store.Durable, func(tx *store.Tx) error {
				tx.Now -= age.Milliseconds()
				defer func() { tx.Now += age.Milliseconds() }()
				return tx.Audit(store.Act{Action: "key.change"})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		left := func(want int) {
			t.Helper()
			h.sweep()
			if lines, _, err := h.store.AuditLog(t.Context(), store.AuditFilter{}, "", 10); err != nil || len(lines) != want {
				t.Errorf("%d lines, %v; want %d", len(lines), err, want)
			}
		}
		left(3)
		h.reconfigure(func(s *queue.Settings) { s.Retention.Audit = 30 * time.Hour })
		left(2)
		h.reconfigure(func(s *queue.Settings) { s.Retention.Audit = 24 * time.Hour })
		left(1)
	})
}
