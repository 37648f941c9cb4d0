package queue_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Materials that nobody needs go after their time, with their files; what a task
// or another key needs stays, and so do files that are too young to be forgotten.
func TestUnusedMaterialsGo(t *testing.T) {
	each(t, options{delay: time.Millisecond, settings: func(s *queue.Settings) { s.KeepMaterials = time.Hour }}, func(t *testing.T, h *house) {
		put := func(name string, at time.Time) string {
			t.Helper()
			name = queue.MaterialDir + "/" + name
			if _, err := h.blobs.Put(t.Context(), name, bytes.NewReader([]byte(name))); err != nil {
				t.Fatal(err)
			}
			h.age(name, at)
			return name
		}
		old := time.Now().Add(-25 * time.Hour)
		keep := func(key *store.Key, content, blob string) *store.StoredMaterial {
			t.Helper()
			return h.material(&store.StoredMaterial{KeyID: key.ID, Size: 1, SHA256: content, Blob: blob})
		}
		other := h.key("other", nil)
		unused := keep(admin, "a", put(queue.MaterialPrefix+"unused", old))
		shared := keep(admin, "b", put(queue.MaterialPrefix+"shared", old))
		keep(other, "b", "")
		used := keep(admin, "c", put(queue.MaterialPrefix+"used", old))
		forgotten, fresh, legacy := put(queue.MaterialPrefix+"forgotten", old), put(queue.MaterialPrefix+"fresh", time.Now()), put("LEGACY", old)
		// Time passes, and then a task uses one, and the other key uploads its own again.
		h.rest(2 * time.Hour)
		keep(other, "b", "")
		n := h.video(admin, "a boat")
		n.Materials = []store.Material{{Kind: used.Kind, ID: used.ID, Blob: used.Blob, SHA256: used.SHA256, Size: 1}}
		h.submit(n)

		h.sweep()
		for blob, want := range map[string]bool{unused.Blob: false, shared.Blob: true, used.Blob: true, forgotten: false, fresh: true, legacy: true} {
			file, err := h.blobs.Open(t.Context(), blob)
			if err == nil {
				file.Close()
			}
			if (err == nil) != want {
				t.Errorf("%s is there: %v, want %v", blob, err == nil, want)
			}
		}
		list, err := h.store.Materials(t.Context(), "", "", 10)
		if err != nil || len(list) != 2 || list[0].ID != used.ID || list[1].KeyID != "other" {
			t.Errorf("materials %+v, %v", list, err)
		}
	})
}

// One key's uploads do not push out the results of another.
func TestUnusedMaterialsMakeRoomFirst(t *testing.T) {
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		task := h.made(admin)
		size := task.ArtifactBytes
		old := h.material(&store.StoredMaterial{KeyID: "other", Size: size, SHA256: "a", Blob: queue.MaterialDir + "/old"})
		h.rest(2 * time.Hour)
		fresh := h.material(&store.StoredMaterial{KeyID: "other", Size: size, SHA256: "b", Blob: queue.MaterialDir + "/fresh"})
		h.reconfigure(func(s *queue.Settings) { s.Retention.Budget = 2*size + size/2 })
		h.sweep() // warns
		h.sweep()
		if _, err := h.store.Material(t.Context(), "", old.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the old upload is there: %v", err)
		}
		if _, err := h.store.Material(t.Context(), "", fresh.ID); err != nil || !h.has(task) {
			t.Errorf("the fresh upload: %v; the result is there: %t", err, h.has(task))
		}
	})
}

// material stores the row of an upload.
func (h *house) material(m *store.StoredMaterial) *store.StoredMaterial {
	h.t.Helper()
	m.Kind, m.ContentType = "image", "image/png"
	err := h.store.Write(h.t.Context(), store.Durable, func(tx *store.Tx) error {
		_, err := tx.KeepMaterial(m)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// rest lets time pass for all materials that are there.
func (h *house) rest(d time.Duration) {
	h.t.Helper()
	err := h.store.Write(h.t.Context(), store.Durable, func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE materials SET used_at = used_at - $1", d.Milliseconds())
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}
