package api_test

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		e, g := own(t, databaseURL)
		zone := time.FixedZone("ahead", 14*3600)
		e.settings.Zone = zone
		e.queue.Configure(e.settings)
		today := time.Now().In(zone).Format(time.DateOnly)

		a, b := g.as(`{"name":"=1+1","daily_quota":3}`), g.as(`{"name":"b"}`)
		idOf := func(g *gateway) string {
			return g.json("GET", "/api/v1/me", "", http.StatusOK)["key"].(map[string]any)["id"].(string)
		}
		keyA, keyB := idOf(a), idOf(b)
		const boat = `{"model":"house-video","prompt":"a boat","duration":5}` // costs 2 + 5 × 0.5
		a.await(a.submit(boat), "succeeded")
		a.await(a.submit(`{"model":"cheap","prompt":"a boat","duration":10}`), "succeeded")
		b.await(b.submit(`{"model":"jimeng-video-3.0","prompt":"a boat","duration":5}`), "succeeded")

		sums := func(tasks, succeeded, seconds int, credits float64) map[string]any {
			return map[string]any{"tasks": float64(tasks), "succeeded": float64(succeeded), "failed": 0.0, "cancelled": 0.0,
				"seconds": float64(seconds), "credits": credits}
		}
		// usage without the requests, which are counted now or some seconds later.
		usage := func(g *gateway, query string) (rows []any, total any) {
			t.Helper()
			answer := g.json("GET", "/api/v1/usage?"+query, "", http.StatusOK)
			if answer["time_zone"] != "ahead" || answer["to"] != today {
				t.Errorf("%s: %v", query, answer)
			}
			rows = answer["rows"].([]any)
			for _, row := range append(rows, answer["total"]) {
				delete(row.(map[string]any), "requests")
			}
			return rows, answer["total"]
		}
		with := func(row map[string]any, more ...string) map[string]any {
			for i := 0; i < len(more); i += 2 {
				row[more[i]] = more[i+1]
			}
			return row
		}
		for _, c := range []struct {
			who   *gateway
			query string
			want  []any
		}{
			{g, "", []any{with(sums(3, 3, 20, 11.5), "day", today)}},
			{a, "", []any{with(sums(2, 2, 15, 11.5), "day", today)}},
			{a, "key=" + keyA, []any{with(sums(2, 2, 15, 11.5), "day", today)}},
			{a, "key=" + keyB, []any{}},
			{g, "key=" + keyB + "&group_by=key", []any{with(sums(1, 1, 5, 0), "key_id", keyB, "key_name", "b")}},
			{g, "model=cheap&group_by=model,key", []any{
				with(sums(1, 1, 10, 7), "model", "cheap", "key_id", keyA, "key_name", "=1+1"),
				with(sums(1, 1, 5, 4.5), "model", "house-video", "key_id", keyA, "key_name", "=1+1")}},
			{g, "model=nothing", []any{}},
		} {
			rows, _ := usage(c.who, c.query)
			if diff := cmp.Diff(c.want, rows); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.query, diff)
			}
		}
		if _, total := usage(g, "group_by=key,day"); cmp.Diff(sums(3, 3, 20, 11.5), total) != "" {
			t.Errorf("total: %v", total)
		}

		res, raw := g.do("GET", "/api/v1/usage?group_by=key&key="+keyA, "", nil, "Accept", "text/html,application/json,text/csv")
		if res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("a client that takes everything got %s", raw)
		}
		_, raw = g.do("GET", "/api/v1/usage?format=csv&group_by=key&key="+keyA, "", nil)
		if table, err := csv.NewReader(bytes.NewReader(raw)).ReadAll(); err != nil || len(table) != 2 || table[1][1] != "'=1+1" {
			t.Errorf("a formula for a name: %v %v", table, err)
		}

		// What is asked for wrongly is refused.
		for query, field := range map[string]string{
			"from=2026-13-01": "from", "to=tomorrow": "to", "from=2026-02-01&to=2026-01-01": "from", "from=2025-01-01&to=2026-02-05": "from",
			"group_by=week": "group_by[0]", "format=xls": "format", "key=%00": "key", "by=key": "by",
		} {
			problem := g.json("GET", "/api/v1/usage?"+query, "", http.StatusBadRequest)
			if detail := problem["errors"].([]any)[0].(map[string]any); detail["location"] != field {
				t.Errorf("%s: %v", query, problem)
			}
		}
		if rows, _ := g.json("GET", "/api/v1/usage?from=2025-01-02&to=2026-02-05", "", http.StatusOK)["rows"].([]any); len(rows) != 0 {
			t.Errorf("400 days: %v", rows)
		}

		// The same day is the quota's.
		me := a.json("GET", "/api/v1/me", "", http.StatusOK)["today"].(map[string]any)
		ends := time.Now().In(zone).AddDate(0, 0, 1).Format(time.DateOnly) + "T00:00:00+14:00"
		if me["task_count"] != 2.0 || me["quota_remaining"] != 1.0 || me["credits"] != 11.5 || me["ends_at"] != ends {
			t.Errorf("today: %v, want an end at %s", me, ends)
		}
		a.submit(boat)
		res, raw = a.do("POST", "/api/v1/tasks", "application/json", strings.NewReader(boat))
		problem := a.decode(res, raw, http.StatusTooManyRequests)
		if detail := problem["detail"].(string); !strings.Contains(detail, "the day ends at "+ends) || res.Header.Get("Retry-After") == "" {
			t.Errorf("the quota: %v %v", res.Header, problem)
		}
	})
}

// Requests have rows without a model, and days of the time before there were
// models have no others.
func TestUsageOfOldDays(t *testing.T) {
	t.Parallel()
	e, g := own(t, storetest.SQLite(t))
	err := e.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO usage_by_model (key_id, day, model, requests, tasks, seconds, credits) VALUES
			('gone', '2026-10-30', '', 7, 5, 0, 0), ('gone', '2026-10-31', '', 12, 0, 0, 0), ('gone', '2026-10-31', 'm', 0, 3, 15, 4500)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "day,key_id,key_name,model,requests,tasks,succeeded,failed,cancelled,seconds,credits\n" +
		"2026-10-30,gone,,,7,5,0,0,0,0,0\n2026-10-31,gone,,,12,0,0,0,0,0,0\n2026-10-31,gone,,m,0,3,0,0,0,15,4.5\n"
	for _, format := range []string{"&format=csv", ""} {
		res, raw := g.do("GET", "/api/v1/usage?from=2026-10-01&to=2026-10-31&group_by=day,key,model"+format, "", nil, "Accept", "text/csv")
		if string(raw) != want || res.Header.Get("Content-Type") != "text/csv; charset=utf-8" ||
			res.Header.Get("Content-Disposition") != `attachment; filename="usage_2026-10-01_2026-10-31.csv"` {
			t.Errorf("%v %s", res.Header, raw)
		}
	}
}
