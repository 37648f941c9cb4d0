package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// scale compares a gateway with many stored tasks to one with few.
func scale(binary, database string, few, many int) error {
	type result struct{ list, stats, filtered, start time.Duration }
	var results [2]result
	for i, n := range []int{few, many} {
		if err := func() (err error) {
			dir, err := os.MkdirTemp("", "jimeng-bench-")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			url := database
			if url == "" {
				url = "sqlite://" + filepath.Join(dir, "gateway.db")
			}
			seeded := time.Now()
			if err := seed(url, n, i > 0); err != nil {
				return fmt.Errorf("store %d tasks: %w", n, err)
			}
			syscall.Sync() // what the seeding has left to write is not to be measured
			fmt.Printf("%d tasks stored in %s\n", n, time.Since(seeded).Round(time.Second))
			b, err := start(binary, dir, url)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.stop()) }()
			r := &results[i]
			if r.start, _, err = b.latency(100); err != nil {
				return fmt.Errorf("measure latency: %w", err)
			}
			for path, into := range map[string]*time.Duration{
				"/api/v1/tasks": &r.list, "/api/v1/stats": &r.stats, "/api/v1/tasks?status=failed&key=admin": &r.filtered,
			} {
				if *into, err = b.median(path, 200); err != nil {
					return fmt.Errorf("measure %s: %w", path, err)
				}
			}
			return nil
		}(); err != nil {
			return err
		}
	}
	for _, line := range []struct {
		what string
		of   func(result) time.Duration
	}{
		{"first page of a list", func(r result) time.Duration { return r.list }},
		{"first page, one key and status", func(r result) time.Duration { return r.filtered }},
		{"stats", func(r result) time.Duration { return r.stats }},
		{"submit to upstream call", func(r result) time.Duration { return r.start }},
	} {
		a, b := line.of(results[0]), line.of(results[1])
		fmt.Printf("%-32s %10s with %d tasks, %10s with %d: %.2f ×\n", line.what, a.Round(10*time.Microsecond), few,
			b.Round(10*time.Microsecond), many, float64(b)/float64(a))
	}
	return nil
}

// median is the usual time of a request.
func (b *bench) median(path string, n int) (time.Duration, error) {
	took := make([]time.Duration, 0, n)
	for range n {
		began := time.Now()
		if err := b.call("GET", path, "", nil); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[n/2], nil
}

// seed stores tasks that have ended, of some keys, with their attempts,
// events and counters, as if they had been run.
func seed(databaseURL string, n int, again bool) error {
	ctx := context.Background()
	st, err := store.Open(ctx, databaseURL, zap.NewNop())
	if err != nil {
		return err
	}
	defer st.Close()
	if err := st.EnsureImplicitKeys(ctx); err != nil {
		return err
	}
	const keys, rows = 4, 50 // few enough that each fills a page of its failed tasks in either database
	begin := time.Now().Add(-30 * 24 * time.Hour).UnixMilli()
	if again {
		begin -= time.Hour.Milliseconds() // other ids on the same database
	}
	status := func(i int) string { return []string{"succeeded", "succeeded", "succeeded", "failed"}[i/keys%4] }
	key := func(i int) string {
		if i%keys == 0 {
			return "admin"
		}
		return fmt.Sprintf("key_%d", i%keys)
	}
	for from := 0; from < n; from += 5000 {
		err := st.Write(ctx, store.Relaxed, func(tx *store.Tx) error {
			for first := from; first < min(from+5000, n); first += rows {
				var tasks, attempts, events []string
				for i := first; i < min(first+rows, n); i++ {
					at := begin + int64(i)
					id := fmt.Sprintf("01%014d%010d", at, i)
					tasks = append(tasks, fmt.Sprintf("('%s','%s','video','%s','jimeng-video-3.0','free_api','a paper boat on a pond, number %d',5,'16:9','',0,'','','free_api','s%d',1,%d,%d,%d,%d,%d,%d)",
						id, key(i), status(i), i, i%20, at, at, at, at, at, at))
					attempts = append(attempts, fmt.Sprintf("('%s',1,'free_api','s%d','accepted',%d)", id, i%20, at))
					for j, kind := range []string{"queued", "submitting", "polling", "downloading", status(i)} {
						events = append(events, fmt.Sprintf("(%d,'%s','%s','task.%s',%d,'{\"status\":\"%s\"}')",
							-int64(n)*5+int64(i)*5+int64(j), id, key(i), kind, at, kind))
					}
				}
				for into, values := range map[string][]string{
					"tasks (id, key_id, kind, status, model, route, prompt, duration, ratio, resolution, priority, retry_of, materials, upstream, session_id, attempt, created_at, updated_at, started_at, finished_at, start_deadline, deadline)": tasks,
					"attempts (task_id, n, upstream, session_id, state, created_at)": attempts,
					"events (seq, task_id, key_id, type, at, data)":                  events,
				} {
					if _, err := tx.Exec("INSERT INTO " + into + " VALUES " + strings.Join(values, ",")); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return st.Write(ctx, store.Durable, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO task_counts (key_id, status, n) SELECT key_id, status, count(*) FROM tasks GROUP BY key_id, status
			UNION ALL SELECT '', status, count(*) FROM tasks GROUP BY status ON CONFLICT (key_id, status) DO UPDATE SET n = excluded.n`)
		return err
	})
}
