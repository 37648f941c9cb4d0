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

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestDaysAreThoseOfTheZone(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.SQLite(t))
	for _, c := range []struct{ zone, now, day, ends, month string }{
		{"UTC", "2026-11-23T23:59:59Z", "2026-11-23", "2026-11-24T00:00:00Z", "2026-12-01T00:00:00Z"},
		{"Asia/Shanghai", "2026-11-23T15:59:59Z", "2026-11-23", "2026-11-24T00:00:00+08:00", "2026-12-01T00:00:00+08:00"},
		{"Asia/Shanghai", "2026-12-31T16:00:00Z", "2027-01-01", "2027-01-02T00:00:00+08:00", "2027-02-01T00:00:00+08:00"},
		{"Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29", "2026-03-30T00:00:00+02:00", "2026-04-01T00:00:00+02:00"},     // 23 hours
		{"Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25", "2026-10-26T00:00:00+01:00", "2026-11-01T00:00:00+01:00"},     // 25 hours
		{"America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-03", "2018-11-04T01:00:00-02:00", "2018-12-01T00:00:00-02:00"}, // no midnight
		{"Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"},      // no 30th
		{"America/Havana", "2026-10-31T12:00:00Z", "2026-10-31", "2026-11-01T00:00:00-04:00", "2026-11-01T00:00:00-04:00"},    // two midnights
	} {
		st.SetZone(zone(t, c.zone))
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		day, month := st.Ends(now)
		if got := st.Day(now.UnixMilli()); got != c.day || day.Format(time.RFC3339) != c.ends || month.Format(time.RFC3339) != c.month {
			t.Errorf("%s in %s is %s until %s, its month until %s; want %s, %s, %s", c.now, c.zone, got,
				day.Format(time.RFC3339), month.Format(time.RFC3339), c.day, c.ends, c.month)
		}
		if before := day.Add(-time.Millisecond); st.Day(before.UnixMilli()) != c.day || st.Day(day.UnixMilli()) == c.day {
			t.Errorf("%s in %s: the day does not end at %s", c.now, c.zone, day)
		}
	}
	st.SetZone(nil)
	if st.Zone() != time.UTC {
		t.Errorf("without a zone it is %s", st.Zone())
	}
}

// A task that ends is counted on the day of its end, and its credits, if surely
// nothing was spent, are taken from the day of its submit.
func TestUsageCountsOnItsDay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		st.SetZone(zone(t, "Asia/Shanghai"))
		submit := func(credits int64) *store.Task {
			task := newTask("admin")
			task.Credits = credits
			write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
			return task
		}
		end := func(task *store.Task, e store.Ending) {
			write(t, st, func(tx *store.Tx) error { return tx.End(task, e) })
		}
		good, bad, unspent, never := submit(4000), submit(4000), submit(4000), submit(1500)
		now := time.Now().UnixMilli()
		created := now - 48*3600_000
		write(t, st, func(tx *store.Tx) error { // two days pass
			for _, task := range []*store.Task{good, bad, unspent, never} {
				task.CreatedAt = created
				if _, err := tx.Exec("UPDATE tasks SET created_at = $2 WHERE id = $1", task.ID, created); err != nil {
					return err
				}
			}
			_, err := tx.Exec("UPDATE usage_by_model SET day = $1", st.Day(created))
			return err
		})
		end(good, store.Ending{Status: store.Succeeded})
		end(bad, store.Ending{Status: store.Failed})
		end(unspent, store.Ending{Status: store.Failed, Unspent: true})
		end(never, store.Ending{Status: store.Cancelled, Money: store.NotStarted})
		write(t, st, func(tx *store.Tx) error { return tx.SetMoney(never, store.NotStarted) }) // again: nothing is given back twice
		submitted, ended := st.Day(created), st.Day(now)
		f := store.UsageFilter{From: submitted, To: ended}
		f.By.Day, f.By.Key, f.By.Model = true, true, true
		want := []store.UsageLine{
			{KeyID: "admin", KeyName: "ADMIN_TOKEN", Model: "m", Day: submitted, Usage: store.Usage{Tasks: 4, Credits: 8000}},
			{KeyID: "admin", KeyName: "ADMIN_TOKEN", Model: "m", Day: ended, Usage: store.Usage{Succeeded: 1, Failed: 2, Cancelled: 1, Seconds: 4}},
		}
		lines, err := st.Usage(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("usage (-want +got):\n%s", diff)
		}
		for task, credits := range map[*store.Task]int64{good: 4000, bad: 4000, unspent: 0, never: 0} {
			row, err := st.Task(t.Context(), "", task.ID)
			if err != nil || row.Credits != credits || task.Credits != credits {
				t.Errorf("task %s keeps %d and has %d in its row, %v; want %d", task.Status, task.Credits, row.Credits, err, credits)
			}
		}

		f.From, f.By.Day, f.By.Key = ended, false, false
		f.Models = []string{"m", "other"}
		if lines, err := st.Usage(t.Context(), f); err != nil || len(lines) != 1 || lines[0].Model != "m" || lines[0].Failed != 2 || lines[0].KeyName != "" {
			t.Errorf("by model: %+v, %v", lines, err)
		}
		f.KeyID = "nobody"
		if lines, err := st.Usage(t.Context(), f); err != nil || len(lines) != 0 {
			t.Errorf("of nobody: %+v, %v", lines, err)
		}
		f.By.Model = false
		if lines, err := st.Usage(t.Context(), f); err != nil || len(lines) != 1 || lines[0] != (store.UsageLine{}) {
			t.Errorf("of nobody in one line: %+v, %v", lines, err)
		}
	})
}

func TestUsageHasABound(t *testing.T) {
	t.Parallel()
	st := setup(t, storetest.SQLite(t))
	day := st.Day(time.Now().UnixMilli())
	f := store.UsageFilter{From: day, To: day}
	f.By.Key = true
	for i := range 4 {
		if err := st.AddRequests(t.Context(), map[string]int64{fmt.Sprint("key", i): 1}, 1); err != nil {
			t.Fatal(err)
		}
		lines, err := st.Usage(t.Context(), f)
		if i < 3 && (err != nil || len(lines) != i+1) || i == 3 && !errors.Is(err, store.ErrTooMany) {
			t.Errorf("%d keys: %d lines, %v", i+1, len(lines), err)
		}
	}
}
