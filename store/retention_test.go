package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// ended stores a task of the key that ended well with artifacts of the sizes.
func ended(t *testing.T, st *store.Store, key string, until int64, sizes ...int64) *store.Task {
	t.Helper()
	task := newTask(key)
	artifacts := make([]store.Artifact, len(sizes))
	for i, size := range sizes {
		artifacts[i] = store.Artifact{Kind: "video", ContentType: "video/mp4", Size: size, SHA256: "s", Blob: fmt.Sprintf("artifacts/%s/%d.mp4", task.ID, i)}
	}
	session := &store.Session{ID: "s", Upstream: "u"}
	write(t, st, func(tx *store.Tx) error {
		return errors.Join(tx.InsertTask(task), tx.Admit(task, session, 1, task.Deadline), tx.HasResults(task, "ref", "[]"),
			tx.End(task, store.Ending{Status: store.Succeeded, Artifacts: artifacts, ArtifactsUntil: until}))
	})
	return task
}

func expectKept(t *testing.T, st *store.Store, want int64) {
	t.Helper()
	if n, err := st.ArtifactBytes(t.Context()); n != want || err != nil {
		t.Errorf("%d bytes of artifacts are counted (%v), want %d", n, err, want)
	}
}

func ids(tasks []*store.Task, err error) string {
	text := fmt.Sprint(err)
	for _, task := range tasks {
		text += " " + task.ID
	}
	return text
}

func TestArtifactsGo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		ctx := t.Context()
		past := time.Now().Add(-time.Second).UnixMilli()
		far := time.Now().Add(time.Hour).UnixMilli()
		first := ended(t, st, "admin", 0, 100, 20)
		second := ended(t, st, "admin", past, 7)
		third := ended(t, st, "admin", far, 1000)
		without := ended(t, st, "admin", past)
		running := newTask("admin")
		write(t, st, func(tx *store.Tx) error { return tx.InsertTask(running) })
		expectKept(t, st, 1127)
		if without.ArtifactsUntil != 0 {
			t.Error("a task without artifacts has a time for them")
		}
		for name, got := range map[string][2]string{
			"expired":  {ids(st.Expired(ctx, 9)), ids([]*store.Task{second}, nil)},
			"expiring": {ids(st.Expiring(ctx, 9)), ids([]*store.Task{second, third}, nil)},
			"oldest":   {ids(st.OldestArtifacts(ctx, 2)), ids([]*store.Task{first, second}, nil)},
			"ended":    {ids(st.EndedBefore(ctx, far, 9)), ids([]*store.Task{first, second, third, without}, nil)},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %s, want %s", name, got[0], got[1])
			}
		}
		if flow, err := st.ArtifactFlow(ctx, first.FinishedAt-1, far+1); err != nil || flow != (store.Flow{Added: 1127, First: first.FinishedAt, Expiring: 1007}) {
			t.Errorf("flow: %+v, %v", flow, err)
		}
		if flow, err := st.ArtifactFlow(ctx, far, past); err != nil || flow != (store.Flow{}) {
			t.Errorf("flow of nothing: %+v, %v", flow, err)
		}

		again := *first
		write(t, st, func(tx *store.Tx) error { return tx.DropArtifacts(first) })
		if err := st.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.DropArtifacts(&again) }); !errors.Is(err, store.ErrConflict) {
			t.Errorf("dropped twice: %v", err)
		}
		if err := st.Write(ctx, store.Durable, func(tx *store.Tx) error { return tx.DropArtifacts(running) }); !errors.Is(err, store.ErrConflict) {
			t.Errorf("dropped from a task that runs: %v", err)
		}
		expectKept(t, st, 1007)
		got, err := st.Task(ctx, "", first.ID)
		if err != nil {
			t.Fatal(err)
		}
		first.StartedAt = got.StartedAt
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("task differs (-told +read):\n%s", diff)
		}
		if got.Artifacts[0].Blob != "" || got.Artifacts[0].Size != 100 || got.ArtifactBytes != 0 {
			t.Errorf("task keeps its file: %+v", got.Artifacts)
		}
		if got := ids(st.OldestArtifacts(ctx, 1)); got != ids([]*store.Task{second}, nil) {
			t.Errorf("oldest after the first is gone: %s", got)
		}
	})
}

func TestRetentionFollowsTheRule(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		ctx := t.Context()
		if err := st.CreateKey(ctx, &store.Key{ID: "week", Name: "week", Hash: "week", Enabled: true, Weight: 1, Retention: 7 * 24 * 3600}); err != nil {
			t.Fatal(err)
		}
		const day = 24 * 3600 * 1000
		long := int64(60 * day) // more than 32 bits
		common, own, empty := ended(t, st, "admin", 0, 1), ended(t, st, "week", 0, 1), ended(t, st, "week", 0)
		expect := func(what string, configured int64, changed int, commonAfter, ownAfter int64) {
			t.Helper()
			if n, err := st.Retain(ctx, configured); n != changed || err != nil {
				t.Errorf("%s: changed %d tasks, want %d: %v", what, n, changed, err)
			}
			for task, after := range map[*store.Task]int64{common: commonAfter, own: ownAfter, empty: 0} {
				want := int64(0)
				if after > 0 {
					want = task.FinishedAt + after
				}
				if got, err := st.Task(ctx, "", task.ID); err != nil || got.ArtifactsUntil != want {
					t.Errorf("%s: artifacts of key %s go %d after the end, want %d: %v", what, task.KeyID, got.ArtifactsUntil-task.FinishedAt, after, err)
				}
			}
		}
		expect("nothing configured", 0, 1, 0, 7*day)
		expect("again", 0, 0, 0, 7*day)
		expect("configured", long, 1, long, 7*day)
		if until, err := st.ArtifactsUntil(ctx, "week", long); err != nil || time.Until(time.UnixMilli(until)).Round(time.Minute) != 7*24*time.Hour {
			t.Errorf("key of its own: %d, %v", until, err)
		}
		if err := st.DeleteKey(ctx, "week"); err != nil {
			t.Fatal(err)
		}
		expect("key deleted", long, 1, long, long)
		expect("for ever", 0, 2, 0, 0)
		for configured, want := range map[int64]time.Duration{0: 0, long: 60 * 24 * time.Hour} {
			until, err := st.ArtifactsUntil(ctx, "week", configured)
			if err != nil || until == 0 && want != 0 || until != 0 && time.Until(time.UnixMilli(until)).Round(time.Minute) != want {
				t.Errorf("configured %d: until %d, %v", configured, until, err)
			}
		}
	})
}

func TestRetainGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	st := setup(t, storetest.SQLite(t))
	const tasks = 1203
	session := &store.Session{ID: "s", Upstream: "u"}
	for range tasks {
		task := newTask("admin")
		if err := st.Write(t.Context(), store.Relaxed, func(tx *store.Tx) error {
			return errors.Join(tx.InsertTask(task), tx.Admit(task, session, 1, task.Deadline), tx.HasResults(task, "ref", "[]"),
				tx.End(task, store.Ending{Status: store.Succeeded, Artifacts: []store.Artifact{{Size: 1, Blob: "x"}}}))
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := st.Retain(t.Context(), 1000); n != tasks || err != nil {
		t.Errorf("changed %d tasks: %v", n, err)
	}
}

func TestMaterialBytesCountAFileOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		write(t, st, func(tx *store.Tx) error {
			for i, m := range []struct {
				key, blob string
				size      int64
			}{{"a", "x", 10}, {"b", "x", 10}, {"a", "y", 5}} {
				if _, err := tx.Exec(`INSERT INTO materials (id, key_id, kind, name, content_type, size, sha256, blob, created_at, used_at)
					VALUES ($1, $2, 'image', '', '', $3, $4, $4, 0, 0)`, fmt.Sprint(i), m.key, m.size, m.blob); err != nil {
					return err
				}
			}
			return nil
		})
		if n, err := st.MaterialBytes(t.Context()); n != 15 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}
