package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

func keep(t *testing.T, st *store.Store, key, content string) (*store.StoredMaterial, bool) {
	t.Helper()
	m := &store.StoredMaterial{KeyID: key, Kind: "video", Name: "船.mp4", ContentType: "video/mp4", Size: 7, SHA256: strings.Repeat(content, 64),
		Blob: "materials/m-" + key + content, Width: 4, Height: 3, LengthMS: 1500}
	var isNew bool
	write(t, st, func(tx *store.Tx) (err error) {
		isNew, err = tx.KeepMaterial(m)
		return err
	})
	return m, isNew
}

func TestMaterialsAreKeptOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		first, isNew := keep(t, st, "admin", "a")
		if !isNew || !strings.HasPrefix(first.ID, "mat_") || first.CreatedAt == 0 || first.UsedAt != first.CreatedAt {
			t.Fatalf("kept %+v, new %v", first, isNew)
		}
		got, err := st.Material(t.Context(), "admin", first.ID)
		if diff := cmp.Diff(first, got); err != nil || diff != "" {
			t.Fatalf("material differs (-stored +read):\n%s%v", diff, err)
		}
		second, isNew := keep(t, st, "admin", "a")
		if isNew || second.ID != first.ID || second.UsedAt < first.UsedAt {
			t.Errorf("the same content gives %+v, new %v", second, isNew)
		}
		foreign, isNew := keep(t, st, "anonymous", "a")
		if !isNew || foreign.ID == first.ID || foreign.Blob != first.Blob {
			t.Errorf("another key gets %+v, new %v; want a row of its own on the same blob", foreign, isNew)
		}
		if _, err := st.Material(t.Context(), "anonymous", first.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another key reads it: %v", err)
		}
		if blob, err := st.DeleteMaterial(t.Context(), "anonymous", first.ID); !errors.Is(err, store.ErrNotFound) || blob != "" {
			t.Errorf("another key deletes it: %q, %v", blob, err)
		}
		if blob, err := st.DeleteMaterial(t.Context(), "admin", first.ID); err != nil || blob != "" {
			t.Errorf("delete gives the blob %q that another key needs, %v", blob, err)
		}
		if blob, err := st.DeleteMaterial(t.Context(), "", foreign.ID); err != nil || blob != first.Blob {
			t.Errorf("the last one gives the blob %q, %v", blob, err)
		}
		// Whoever has found it before stored no file of its own.
		err = st.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
			_, err := tx.KeepMaterial(first)
			return err
		})
		if !errors.Is(err, store.ErrMaterialGone) {
			t.Errorf("keeping a deleted one: %v, want ErrMaterialGone", err)
		}
		if used, err := st.HasMaterialBlob(t.Context(), first.Blob); err != nil || used {
			t.Errorf("blob is used: %v, %v", used, err)
		}
	})
}

func TestMaterialsOfTask(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		known, _ := keep(t, st, "admin", "a")
		task := newTask("admin")
		task.Materials = []store.Material{
			{Kind: "image", URL: "https://x.example/a.png"},
			{Kind: "image", Name: "old.png", Blob: "materials/OLD", Size: 3},
			{Kind: "video", ID: known.ID, Blob: known.Blob, SHA256: known.SHA256, Size: 7},
			{Kind: "image", Blob: "materials/m-new", SHA256: strings.Repeat("b", 64), Size: 8},
			{Kind: "image", Blob: "materials/m-again", SHA256: strings.Repeat("b", 64), Size: 8},
		}
		write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
		got, err := st.Task(t.Context(), "admin", task.ID)
		if err != nil {
			t.Fatal(err)
		}
		made, again := got.Materials[3], got.Materials[4]
		if made.ID == "" || made.ID != again.ID || made.Blob != "materials/m-new" || again.Blob != made.Blob || got.Materials[1].ID != "" {
			t.Errorf("materials %+v", got.Materials)
		}
		if _, err := st.DeleteMaterial(t.Context(), "admin", known.ID); !errors.Is(err, store.ErrConflict) {
			t.Errorf("delete of a used material: %v", err)
		}
		far := time.Now().Add(time.Hour).UnixMilli()
		if list, err := st.UnusedMaterials(t.Context(), far, 10); err != nil || len(list) != 0 {
			t.Errorf("unused: %v, %v", list, err)
		}

		stranger := newTask("anonymous")
		stranger.Materials = []store.Material{{Kind: "video", ID: known.ID, Blob: known.Blob, SHA256: known.SHA256}}
		err = st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.InsertTask(stranger) })
		if !errors.Is(err, store.ErrMaterialGone) {
			t.Errorf("a task with a foreign material: %v", err)
		}
		if _, err := st.Task(t.Context(), "", stranger.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it exists: %v", err)
		}

		write(t, st, func(tx *store.Tx) error {
			if err := tx.End(task, store.Ending{Status: store.Cancelled}); err != nil {
				return err
			}
			return tx.DeleteTask(task)
		})
		list, err := st.UnusedMaterials(t.Context(), far, 10)
		if err != nil || len(list) != 2 {
			t.Fatalf("unused: %v, %v", list, err)
		}
		if _, err := st.DeleteUnusedMaterial(t.Context(), known.ID, list[0].UsedAt); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("clean-up of what was used meanwhile: %v", err)
		}
		if blob, err := st.DeleteUnusedMaterial(t.Context(), known.ID, far); err != nil || blob != known.Blob {
			t.Errorf("clean-up: %q, %v", blob, err)
		}
	})
}

func TestListMaterials(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		for _, content := range []string{"a", "b", "c"} {
			keep(t, st, "admin", content)
		}
		keep(t, st, "anonymous", "d")
		for _, test := range []struct {
			key  string
			want string
		}{{"admin", "[c b] [a]"}, {"anonymous", "[d]"}, {"", "[d c] [b a]"}} {
			var pages []string
			for before := ""; ; {
				list, err := st.Materials(t.Context(), test.key, before, 2)
				if err != nil {
					t.Fatal(err)
				}
				if len(list) == 0 {
					break
				}
				var names []string
				for _, m := range list {
					names = append(names, m.SHA256[:1])
				}
				pages = append(pages, fmt.Sprint(names))
				before = list[len(list)-1].ID
			}
			if got := strings.Join(pages, " "); got != test.want {
				t.Errorf("key %q: %s, want %s", test.key, got, test.want)
			}
		}
	})
}
