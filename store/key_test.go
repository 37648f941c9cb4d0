package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		ctx := t.Context()
		key := &store.Key{ID: "key_1", Name: "ci", Hash: "abc", Prefix: "gw_12345678", Scopes: []string{"video:create", "task:read"},
			Enabled: true, Weight: 1}
		if err := st.CreateKey(ctx, key); err != nil {
			t.Fatal(err)
		}
		if err := st.CreateKey(ctx, &store.Key{ID: "key_2", Hash: "abc", Weight: 1}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("same hash: got %v, want ErrConflict", err)
		}
		got, err := st.KeyByHash(ctx, "abc")
		if diff := cmp.Diff(key, got); err != nil || diff != "" {
			t.Errorf("key: %v\n%s", err, diff)
		}
		refused := errors.New("refused")
		if _, err := st.UpdateKey(ctx, "key_1", func(k *store.Key) error { k.Name = "x"; return refused }); !errors.Is(err, refused) {
			t.Errorf("refused change: %v", err)
		}
		if got, err := st.UpdateKey(ctx, "key_1", func(k *store.Key) error { k.Enabled = false; return nil }); err != nil || got.Enabled || got.Name != "ci" {
			t.Errorf("changed key: %+v, %v", got, err)
		}
		if list, err := st.Keys(ctx); err != nil || len(list) != 1 {
			t.Errorf("keys without the implicit ones: %d, %v", len(list), err)
		}
		if err := st.DeleteKey(ctx, "key_1"); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"read":      func() error { _, err := st.Key(ctx, "key_1"); return err }(),
			"by hash":   func() error { _, err := st.KeyByHash(ctx, "abc"); return err }(),
			"no hash":   func() error { _, err := st.KeyByHash(ctx, ""); return err }(),
			"delete":    st.DeleteKey(ctx, "key_1"),
			"implicit":  st.DeleteKey(ctx, "admin"),
			"of nobody": st.DeleteKey(ctx, "nobody"),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", name, err)
			}
		}
		if err := st.AddRequests(ctx, map[string]int64{"admin": 5}, 42); err != nil {
			t.Fatal(err)
		}
		if requests, _, err := st.Today(ctx, "admin"); err != nil || requests != 5 {
			t.Errorf("requests today: %d, %v", requests, err)
		}
	})
}
