package store_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
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
		if used, err := st.Today(ctx, "admin"); err != nil || used.Requests != 5 {
			t.Errorf("used today: %+v, %v", used, err)
		}
	})
}

// Every attribute comes back as it was stored, and both secrets of a key that was
// rotated find it.
func TestKeyAttributes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		ctx := t.Context()
		networks := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
		key := &store.Key{ID: "key_1", Name: "ci", Hash: "new", Scopes: []string{"admin"}, Enabled: true, Weight: 1, MaxPriority: -5,
			Models: []string{"a b", "c"}, Networks: networks, MaxUpload: 1 << 40, CreditsPerDay: 1500, CreditsPerMonth: 1 << 50}
		before, err := st.AccessVersion(ctx)
		if err == nil {
			err = st.CreateKey(ctx, key)
		}
		if err != nil {
			t.Fatal(err)
		}
		same := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
		got, err := st.Key(ctx, "key_1")
		if diff := cmp.Diff(key, got, same); err != nil || diff != "" {
			t.Errorf("made: %v\n%s", err, diff)
		}
		changed, err := st.UpdateKey(ctx, "key_1", func(k *store.Key) error {
			k.OldHash, k.OldUntil, k.Hash = k.Hash, 77, "newer"
			k.MaxPriority, k.Models, k.Networks, k.MaxUpload, k.CreditsPerDay, k.CreditsPerMonth = 100, nil, networks[:1], 0, 0, 7
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, hash := range []string{"new", "newer"} {
			got, err := st.KeyByHash(ctx, hash)
			if diff := cmp.Diff(changed, got, same); err != nil || diff != "" {
				t.Errorf("by %s: %v\n%s", hash, err, diff)
			}
		}
		if err := st.DeleteKey(ctx, "key_1"); err != nil {
			t.Fatal(err)
		}
		if _, err := st.KeyByHash(ctx, "new"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the old secret of a deleted key: %v", err)
		}
		if after, err := st.AccessVersion(ctx); err != nil || after != before+3 {
			t.Errorf("version of access went from %d to %d with three changes, %v", before, after, err)
		}
	})
}

// Looking a key up does not go through all keys, however many there are.
func TestKeyByHashUsesTheIndexes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		conn, err := st.SQL().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		explain := "EXPLAIN QUERY PLAN "
		if databaseURL[0] == 'p' {
			if _, err := conn.ExecContext(t.Context(), "SET enable_seqscan = off"); err != nil { // the table is empty
				t.Fatal(err)
			}
			explain = "EXPLAIN "
		}
		rows, err := conn.QueryContext(t.Context(), explain+strings.ReplaceAll(store.KeyByHash, "$1", "'abc'"))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		plan := ""
		for rows.Next() {
			columns, err := rows.Columns()
			if err != nil {
				t.Fatal(err)
			}
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			plan += fmt.Sprintln(*values[len(values)-1].(*any))
		}
		if err := rows.Err(); err != nil || !strings.Contains(plan, "keys_hash") || !strings.Contains(plan, "keys_old_hash") {
			t.Errorf("%v in\n%s", err, plan)
		}
	})
}
