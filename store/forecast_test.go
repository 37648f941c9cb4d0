package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

func TestAheadFollowsTheOrderOfAdmission(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := storetest.Open(t, databaseURL)
		ctx := t.Context()
		key := &store.Key{ID: "one", Name: "one", Hash: "one", Enabled: true, Weight: 2, Concurrency: 5}
		if err := st.CreateKey(ctx, key); err != nil {
			t.Fatal(err)
		}
		if lanes, err := st.LanesOf(ctx, "one"); err != nil || len(lanes) != 1 || lanes[0].Queued != 0 || lanes[0].Weight != 2 || lanes[0].Concurrency != 5 {
			t.Errorf("a key without tasks: %+v, %v", lanes, err)
		}
		if _, err := st.LanesOf(ctx, "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no key: %v", err)
		}
		if at, err := st.OldestQueued(ctx); err != nil || at != 0 {
			t.Errorf("the oldest of none: %d, %v", at, err)
		}
		// The order is 2 4 (priority 9), 0 1 3 5 (priority 0).
		err := st.Write(ctx, store.Durable, func(tx *store.Tx) error {
			for i, priority := range []int{0, 0, 9, 0, 9, 0} {
				for _, route := range []string{"a", "a,b"} {
					task := &store.Task{ID: fmt.Sprint(route, i), KeyID: "one", Kind: "video", Model: "m", Route: route, Priority: priority, Deadline: tx.Now + 1e6, StartDeadline: tx.Now + 1e6}
					if err := tx.InsertTask(task); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range map[int]int{2: 0, 4: 1, 0: 2, 1: 3, 3: 4, 5: 5} {
			priority := 0
			if i == 2 || i == 4 {
				priority = 9
			}
			if n, err := st.Ahead(ctx, "one", "a", priority, fmt.Sprint("a", i), 100); err != nil || n != want {
				t.Errorf("%d go before task %d, want %d; %v", n, i, want, err)
			}
		}
		if n, err := st.Ahead(ctx, "one", "a,b", -1, "", 4); err != nil || n != 4 {
			t.Errorf("counting stopped at %d, want 4; %v", n, err)
		}
		lanes, err := st.LanesOf(ctx, "one")
		if err != nil || len(lanes) != 2 || lanes[0].Queued != 6 || lanes[1].Queued != 6 {
			t.Errorf("lanes of the key: %+v, %v", lanes, err)
		}
		if at, err := st.OldestQueued(ctx); err != nil || at == 0 {
			t.Errorf("the oldest: %d, %v", at, err)
		}
	})
}

func TestHeldSlotsAreMeasured(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := storetest.Open(t, databaseURL)
		ctx := t.Context()
		if err := st.CreateKey(ctx, &store.Key{ID: "one", Name: "one", Hash: "one", Enabled: true, Weight: 1}); err != nil {
			t.Fatal(err)
		}
		session := &store.Session{ID: "ses", Upstream: "a", Fingerprint: "f", Slots: 9, Enabled: true, State: store.Ready}
		tasks := make([]*store.Task, 3)
		write := func(fn func(*store.Tx) error) {
			t.Helper()
			if err := st.Write(ctx, store.Durable, fn); err != nil {
				t.Fatal(err)
			}
		}
		write(func(tx *store.Tx) error {
			if err := tx.InsertSession(session); err != nil {
				return err
			}
			for i := range tasks {
				tasks[i] = &store.Task{ID: fmt.Sprint(i), KeyID: "one", Kind: "video", Model: "m", Route: "a", Deadline: tx.Now + 1e6, StartDeadline: tx.Now + 1e6}
				if err := tx.InsertTask(tasks[i]); err != nil {
					return err
				}
			}
			return nil
		})
		write(func(tx *store.Tx) error {
			for i, task := range tasks[:2] {
				if err := tx.Admit(task, session, int64(i+1), tx.Now+1e6); err != nil {
					return err
				}
			}
			return tx.End(tasks[0], store.Ending{Status: store.Succeeded})
		})
		running, err := st.Running(ctx, 10)
		if err != nil || len(running) != 1 || running[0].TaskID != "1" || running[0].SessionID != "ses" || running[0].Upstream != "a" || running[0].AdmittedAt == 0 || running[0].EndedAt != 0 {
			t.Errorf("running: %+v, %v", running, err)
		}
		ended, err := st.Succeeded(ctx, 10)
		if err != nil || len(ended) != 1 || ended[0].TaskID != "0" || ended[0].EndedAt < ended[0].AdmittedAt || ended[0].AdmittedAt == 0 {
			t.Errorf("succeeded: %+v, %v", ended, err)
		}
		if attempts, err := st.Attempts(ctx, "1"); err != nil || len(attempts) != 1 || attempts[0].State != store.Admitted {
			t.Errorf("attempts: %+v, %v", attempts, err)
		}
		upstreams, err := st.Upstreams(ctx)
		if err != nil || len(upstreams) != 1 || upstreams[0].Running != 1 {
			t.Errorf("upstreams: %+v, %v", upstreams, err)
		}
	})
}
