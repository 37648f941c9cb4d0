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

// auditLines reads the whole list in pages, newest first.
func auditLines(t *testing.T, st *store.Store, f store.AuditFilter, limit int) (lines []*store.AuditLine) {
	t.Helper()
	for before := ""; ; {
		page, next, err := st.AuditLog(t.Context(), f, before, limit)
		if err != nil || len(page) > limit {
			t.Fatalf("%+v: %d lines, %v", f, len(page), err)
		}
		lines = append(lines, page...)
		if next == "" {
			return lines
		}
		before = next
	}
}

// A line is in the log if, and only if, its change is in the database.
func TestALineComesWithItsChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		ctx := store.WithActor(t.Context(), &store.Actor{Kind: "person", ID: "per_1", Name: "Ada\x00 Wong", Address: "203.0.113.7", RequestID: "r1"})
		key := &store.Key{ID: "k", Name: "one", Hash: "the-hash", Prefix: "gw_12345678", Weight: 1, Enabled: true, Metadata: "no JSON"}
		if err := st.CreateKey(ctx, key); err != nil {
			t.Fatal(err)
		}
		if err := st.CreateKey(ctx, key); !errors.Is(err, store.ErrConflict) {
			t.Fatal(err)
		}
		if _, err := st.UpdateKey(ctx, "k", func(k *store.Key) error { k.DailyQuota, k.Name = 5, "two"; return nil }); err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		if _, err := st.UpdateKey(ctx, "k", func(k *store.Key) error { k.Name = "three"; return refused }); !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if _, err := st.UpdateKey(t.Context(), "k", func(k *store.Key) error { k.Weight = 2; return nil }); err != nil { // nobody's
			t.Fatal(err)
		}
		err := st.Write(ctx, store.Durable, func(tx *store.Tx) error {
			if err := tx.Audit(store.Act{Action: "never.happened"}); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if err := st.Refused(ctx, store.Act{Action: "POST /api/v1/keys"}, "invalid_request"); err != nil {
			t.Fatal(err)
		}
		if err := st.Refused(t.Context(), store.Act{Action: "POST /api/v1/keys"}, "invalid_request"); err != nil {
			t.Fatal(err)
		}
		task := newTask("admin")
		if err := st.InsertTask(ctx, task); err != nil {
			t.Fatal(err)
		}
		if err := st.DeleteKey(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range auditLines(t, st, store.AuditFilter{}, 2) {
			if l.Actor != (store.Actor{Kind: "person", ID: "per_1", Name: "Ada Wong", Address: "203.0.113.7", RequestID: "r1"}) || time.Since(time.UnixMilli(l.At)) > time.Minute {
				t.Errorf("line %+v", l)
			}
			got = append(got, strings.Join([]string{l.Action, l.TargetKind, l.TargetID, l.Was, l.Became, l.Result}, " "))
		}
		const made = `"concurrency":0,"credits_per_day":0,"credits_per_month":0,"daily_quota":%d,"enabled":true,"expires_at":null,"key_prefix":"gw_12345678",` +
			`"max_priority":0,"max_upload":0,"models":null,"name":"%s","networks":null,"old_key_until":null,"rate_limit":0,"retention":0,"scopes":null,"wait":0,"weight":%d`
		want := []string{
			"key.delete key k {" + strings.Replace(fmt.Sprintf(made, 5, "two", 2), `"scopes":null`, `"scopes":[]`, 1) + "}  ok",
			"task.create task " + task.ID + `  {"key":"admin","model":"m"} ok`,
			"POST /api/v1/keys     invalid_request",
			`key.change key k {"daily_quota":0,"name":"one"} {"daily_quota":5,"name":"two"} ok`,
			"key.create key k  {" + fmt.Sprintf(made, 0, "one", 1) + "} ok",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("audit log (-want +got):\n%s", diff)
		}
	})
}

func TestAuditLogGoesOnWithoutGapOrDouble(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		const n = 330
		write(t, st, func(tx *store.Tx) error {
			for i := range n { // ten in a millisecond
				_, err := tx.Exec(`INSERT INTO audit (id, at, actor_kind, actor_id, actor_name, address, request_id, action, target_kind, target_id, was, became, result)
					VALUES ($1, $2, 'key', $3, '', '', '', $4, '', $5, '', $6, 'ok')`, store.NewID(""), 1_000_000+i/10, fmt.Sprint("a", i%2),
					[]string{"key.change", "key.create", "task.cancel"}[i%3], fmt.Sprint("t", i%5), fmt.Sprintf(`{"n":"N%d."}`, i))
				if err != nil {
					return err
				}
			}
			return nil
		})
		for _, c := range []struct {
			f    store.AuditFilter
			want int
		}{
			{store.AuditFilter{}, n},
			{store.AuditFilter{ActorID: "a1"}, n / 2},
			{store.AuditFilter{Action: "key.change"}, n / 3},
			{store.AuditFilter{Action: "key."}, 2 * n / 3},
			{store.AuditFilter{Action: "key"}, 0},
			{store.AuditFilter{TargetID: "t4", ActorID: "a0"}, n / 10},
			{store.AuditFilter{Since: 1_000_010, Until: 1_000_020}, 100},
			{store.AuditFilter{Text: "n7."}, 1},
			{store.AuditFilter{Text: "n32", Action: "key."}, 6}, // 32 and 320 to 329, without those of tasks
			{store.AuditFilter{Result: "not_found"}, 0},
		} {
			for _, limit := range []int{1, 7, 50, 500} {
				lines := auditLines(t, st, c.f, limit)
				seen := map[string]bool{}
				for i, l := range lines {
					if seen[l.ID] || i > 0 && (l.At > lines[i-1].At || l.At == lines[i-1].At && l.ID > lines[i-1].ID) {
						t.Fatalf("%+v: line %d is there twice or out of order", c.f, i)
					}
					seen[l.ID] = true
				}
				if len(lines) != c.want {
					t.Errorf("%+v in pages of %d: %d lines, want %d", c.f, limit, len(lines), c.want)
				}
			}
		}
		if _, _, err := st.AuditLog(t.Context(), store.AuditFilter{}, "here", 5); err == nil {
			t.Error("a place that is none is taken")
		}

		// The oldest go first.
		for _, want := range []int64{40, 40, 20, 0} {
			if dropped, err := st.DropAudit(t.Context(), 1_000_010, 40); dropped != want || err != nil {
				t.Errorf("%d lines dropped, %v; want %d", dropped, err, want)
			}
		}
		if left := auditLines(t, st, store.AuditFilter{}, 500); len(left) != n-100 || left[len(left)-1].At != 1_000_010 {
			t.Errorf("%d lines are left", len(left))
		}
	})
}

// However long the log, a page costs what is on it: each list comes in the order
// of an index, without a sort.
func TestAuditLogUsesItsIndexes(t *testing.T) {
	t.Parallel()
	st := setup(t, storetest.SQLite(t))
	for index, f := range map[string]store.AuditFilter{
		"audit_by_time (at>? AND at<?)":                      {Since: 1, Until: 2},
		"audit_by_time":                                      {},
		"audit_by_actor (actor_id=? AND at>? AND at<?)":      {ActorID: "a", Since: 1, Until: 2},
		"audit_by_action (action=? AND (at,id)<(?,?))":       {Action: "key.create"},
		"audit_by_target (target_id=? AND at>? AND at<?)":    {TargetID: "t", Since: 1, Until: 2, Text: "x"},
		"audit_by_time (at>? AND at<?) for a group of them ": {Since: 1, Until: 2, Action: "key."},
	} {
		before := ""
		if strings.Contains(index, "(at,id)") {
			before = "5 x"
		}
		query, args, err := f.Query(before, 50)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := st.SQL().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		plan := ""
		for rows.Next() {
			var id, parent, unused int
			var line string
			if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
				t.Fatal(err)
			}
			plan += line + "\n"
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		index, _, _ = strings.Cut(index, " for ")
		if !strings.Contains(plan, "USING INDEX "+index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v: %s; want %s", f, plan, index)
		}
	}
}
