package queue_test

import (
	"io"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// A scrape costs the same however much is stored. It takes long to store a million
// tasks, so that has to be asked for:
//
//	SCRAPE_TASKS=1000000 go test ./queue -run TestScrapeAtScale -timeout 30m -v
func TestScrapeAtScale(t *testing.T) {
	t.Parallel()
	tasks, err := strconv.Atoi(os.Getenv("SCRAPE_TASKS"))
	if err != nil {
		tasks = 20_000
	}
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		h := build(t, databaseURL, options{})
		h.stop()
		h.open() // nothing of it is to run
		const keys = 10_000
		stock(t, h, tasks, keys)
		var took []time.Duration
		for range 20 {
			registry := prometheus.NewPedanticRegistry()
			for _, c := range append(h.queue.Collectors(), h.store.Collectors()...) { // with nothing read yet
				registry.MustRegister(c)
			}
			began := time.Now()
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, family := range families {
				if _, err := expfmt.MetricFamilyToText(io.Discard, family); err != nil {
					t.Fatal(err)
				}
			}
			took = append(took, time.Since(began))
		}
		h.wantMetric(float64(tasks), "jimeng_tasks")
		h.wantMetric(0, "jimeng_scrape_errors_total")
		slices.Sort(took)
		t.Logf("%d tasks of %d keys: the fastest scrape took %s, the median %s, the slowest %s", tasks, keys, took[0], took[len(took)/2], took[len(took)-1])
		// Other tests run beside it, so only the fastest says what the work is.
		if took[0] > patience(20*time.Millisecond) {
			t.Errorf("a scrape takes %s at least", took[0])
		}
	})
}

// stock stores tasks in every state, of many keys.
func stock(t *testing.T, h *house, tasks, keys int) {
	t.Helper()
	const numbers = "WITH RECURSIVE numbers (n) AS (SELECT $1 + 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < $2) "
	now := time.Now().UnixMilli()
	write := func(query string, args ...any) {
		t.Helper()
		err := h.store.Write(t.Context(), store.Relaxed, func(tx *store.Tx) error {
			_, err := tx.Exec(query, args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write(`INSERT INTO keys (id, name, hash, prefix, scopes, enabled, implicit, rate_limit, daily_quota, concurrency, weight, expires_at, metadata, created_at, updated_at) `+
		numbers+`SELECT 'key_' || CAST(n AS TEXT), 'key', 'hash_' || CAST(n AS TEXT), '', '', TRUE, FALSE, 0, 0, 0, 1, 0, '', 0, 0 FROM numbers`, 0, keys)
	for i := range 200 {
		h.session("account-"+strconv.Itoa(1_000_000_000+i), 5)
	}
	const atOnce = 50_000 // less than what a transaction has time for
	for from := 0; from < tasks; from += atOnce {
		write(`INSERT INTO tasks (id, key_id, kind, status, model, route, prompt, duration, ratio, resolution, priority, retry_of, materials, attempt,
			created_at, updated_at, finished_at, start_deadline, deadline) `+numbers+`SELECT 'task_' || CAST(10000000 + n AS TEXT), 'key_' || CAST(n % $3 AS TEXT), 'video',
			CASE WHEN n % 10 = 0 THEN 'queued' WHEN n % 1000 = 1 THEN 'polling' WHEN n % 10000 = 2 THEN 'submitting' WHEN n % 7 = 0 THEN 'failed' ELSE 'succeeded' END,
			'seedance-2.0', 'sim', 'a paper boat', 5, '16:9', '', 0, '', '', 1, $4, $4, 0, $4 + 9999999999, $4 + 9999999999 FROM numbers`,
			from, min(from+atOnce, tasks), keys, now)
	}
	write(`INSERT INTO attempts (task_id, n, upstream, session_id, state, created_at) SELECT id, 1, 'sim', '', 'sending', 0 FROM tasks WHERE status = 'submitting'`)
	write(`INSERT INTO lanes (key_id, route, queued) SELECT key_id, route, COUNT(*) FROM tasks WHERE status = 'queued' GROUP BY key_id, route`)
	write(`INSERT INTO task_counts (key_id, status, n) SELECT key_id, status, COUNT(*) FROM tasks GROUP BY key_id, status
		UNION ALL SELECT '', status, COUNT(*) FROM tasks GROUP BY status`)
}
