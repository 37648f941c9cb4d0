package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

const minute = int64(60_000)

// past stores a task that was created, started and ended at these moments.
func past(t *testing.T, st *store.Store, key string, created, started, finished int64, status store.Status, kind string) *store.Task {
	t.Helper()
	task := newTask(key)
	id := ulid.Make()
	if err := id.SetTime(uint64(created)); err != nil {
		t.Fatal(err)
	}
	task.ID = strings.ToLower(id.String())
	write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
	write(t, st, func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE tasks SET status = $2, created_at = $3, started_at = $4, finished_at = $5, error_kind = $6, attempt = 1 WHERE id = $1",
			task.ID, status, created, started, finished, kind)
		return err
	})
	return task
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		from := time.Now().UnixMilli()/minute*minute - 60*minute
		span := store.Span{From: from, Step: minute, N: 3}
		past(t, st, "admin", from-1, from+10, from+100, store.Succeeded, "")
		past(t, st, "admin", from, from+20, from+minute, store.Succeeded, "")
		past(t, st, "admin", from+minute, from+minute+30, from+3*minute-1, store.Failed, "network")
		past(t, st, "anonymous", from+minute, 0, from+2*minute, store.Cancelled, "")
		past(t, st, "anonymous", from+2*minute, 0, from+3*minute, store.Failed, "quota")
		past(t, st, "anonymous", from+3*minute, 0, 0, store.Queued, "")

		line, err := st.Timeline(t.Context(), "", span)
		if err != nil {
			t.Fatal(err)
		}
		want := &store.Timeline{
			Buckets: []store.Bucket{
				{Created: 1, Succeeded: 1},
				{Created: 2, Succeeded: 1},
				{Created: 1, Failed: 1, Cancelled: 1, Errors: map[string]int64{"network": 1}},
			},
			Start:  store.Times{P50: 20, P95: 30, Samples: 3},
			Finish: store.Times{P50: 101, P95: minute, Samples: 2},
		}
		if diff := cmp.Diff(want, line); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}

		line, err = st.Timeline(t.Context(), "anonymous", span)
		if err != nil {
			t.Fatal(err)
		}
		want = &store.Timeline{Buckets: []store.Bucket{{}, {Created: 1}, {Created: 1, Cancelled: 1}}}
		if diff := cmp.Diff(want, line); diff != "" {
			t.Errorf("of one key (-want +got):\n%s", diff)
		}
	})
}

func TestATimelineKnowsWhatItHasNotCounted(t *testing.T) {
	t.Parallel()
	st := setup(t, storetest.SQLite(t))
	insert(t, st, 101, "p")
	now := time.Now().UnixMilli()
	line, err := st.Timeline(t.Context(), "", store.Span{From: now - 60*minute, Step: 61 * minute, N: 1})
	if err != nil || !line.Partial || line.Buckets[0].Created != 100 {
		t.Errorf("%+v %v", line, err)
	}
}

// The charts of a gateway with a million tasks read indexes only.
func TestTimelinesReadIndexes(t *testing.T) {
	t.Parallel()
	st := setup(t, storetest.SQLite(t))
	for query, index := range map[string]string{
		"SELECT finished_at, status, error_kind FROM tasks WHERE finished_at > 0 AND finished_at >= 5 AND finished_at < 9 ORDER BY finished_at DESC LIMIT 9":                  "USING COVERING INDEX tasks_finished ",
		"SELECT finished_at, status, error_kind FROM tasks WHERE finished_at > 0 AND finished_at >= 5 AND finished_at < 9 AND key_id = 'k' ORDER BY finished_at DESC LIMIT 9": "USING COVERING INDEX tasks_finished_of_key ",
		"SELECT id FROM tasks WHERE id >= 'a' AND id < 'b' AND key_id = 'k' ORDER BY id DESC LIMIT 9":                                                                         "USING COVERING INDEX tasks_of_key ",
		"SELECT * FROM attempts WHERE session_id = 's' AND created_at >= 5 AND created_at < 9 ORDER BY created_at DESC LIMIT 9":                                               "USING INDEX attempts_of_session ",
	} {
		var id, parent, unused int
		var plan string
		if err := st.SQL().QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+query).Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, index) {
			t.Errorf("%s\n%s", query, plan)
		}
	}
}

func TestBeats(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		from := time.Now().UnixMilli()/minute*minute - 60*minute
		attempt := func(task *store.Task, n int, session string, state store.AttemptState, kind string, at int64) {
			write(t, st, func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO attempts (task_id, n, upstream, session_id, state, error_kind, created_at) VALUES ($1, $2, 'u', $3, $4, $5, $6)",
					task.ID, n, session, state, kind, at)
				return err
			})
		}
		good := past(t, st, "admin", from, from, from+1, store.Succeeded, "")
		bad := past(t, st, "admin", from, from, from+1, store.Failed, "generation_failed")
		running := past(t, st, "admin", from, from, 0, store.Polling, "")
		attempt(good, 1, "s", store.Accepted, "", from)
		attempt(bad, 0, "s", store.Rejected, "rate_limited", from+1)
		attempt(bad, 1, "s", store.Accepted, "", from+2*minute-1)
		attempt(running, 1, "s", store.Accepted, "", from+minute)
		attempt(running, 0, "s", store.Rejected, "auth", from+2*minute)
		attempt(good, 2, "other", store.Rejected, "auth", from)

		beats, err := st.Beats(t.Context(), "s", store.Span{From: from, Step: minute, N: 2}, 100)
		if err != nil {
			t.Fatal(err)
		}
		want := []store.Beat{{Succeeded: 1, Failed: 1, ErrorKind: "rate_limited"}, {Failed: 1, ErrorKind: "generation_failed"}}
		if diff := cmp.Diff(want, beats); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		beats, err = st.Beats(t.Context(), "s", store.Span{From: from, Step: minute, N: 2}, 2)
		if diff := cmp.Diff([]store.Beat{{}, want[1]}, beats); err != nil || diff != "" {
			t.Errorf("the newest two: %v (-want +got):\n%s", err, diff)
		}
	})
}
