package queue_test

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// metric adds up the series of a metric that have these labels; of a histogram it
// counts the observations.
func (h *house) metric(name string, labels ...string) (sum float64) {
	h.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	for _, c := range append(h.queue.Collectors(), h.store.Collectors()...) {
		registry.MustRegister(c)
	}
	families, err := registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			has := map[string]string{}
			for _, pair := range m.GetLabel() {
				has[pair.GetName()] = pair.GetValue()
			}
			wanted := true
			for i := 0; i < len(labels); i += 2 {
				wanted = wanted && has[labels[i]] == labels[i+1]
			}
			if wanted {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func (h *house) wantMetric(want float64, name string, labels ...string) {
	h.t.Helper()
	if got := h.metric(name, labels...); got != want {
		h.t.Errorf("%s%q is %v, want %v", name, labels, got, want)
	}
}

func TestMetricsOfTasks(t *testing.T) {
	each(t, options{delay: 10 * time.Millisecond}, func(t *testing.T, h *house) {
		// Nobody has a slot yet, so that the age and the number are for sure.
		waiting := h.submit(h.video(admin, "a boat"))
		eventually(t, func() string {
			if age, n := h.metric("jimeng_queue_oldest_seconds"), h.metric("jimeng_tasks", "status", "queued"); age <= 0 || n != 1 {
				return fmt.Sprintf("%v tasks are queued for %v s", n, age)
			}
			return ""
		})
		h.session("expired-account-0000000001", 1)
		h.until(waiting.ID, "put back", func(t *store.Task) bool { return t.Failovers == 1 })
		h.session("account-0000000002", 4)
		h.ended(waiting.ID)
		risky := h.ended(h.submit(h.video(admin, "a boat [[fault:content_violation]]")).ID)
		lost := h.submit(h.video(admin, "a boat [[delay:1h]]"))
		h.reaches(lost.ID, store.Polling)
		if _, err := h.queue.Cancel(t.Context(), "", lost.ID); err != nil {
			t.Fatal(err)
		}

		model := "jimeng-video-seedance-2.0" // and not the alias that the client has used
		h.wantMetric(3, "jimeng_tasks_created_total", "model", model, "kind", "video")
		h.wantMetric(1, "jimeng_tasks_ended_total", "status", "succeeded", "model", model, "upstream", "sim", "error_kind", "")
		h.wantMetric(1, "jimeng_tasks_ended_total", "status", "failed", "model", model, "upstream", "sim", "error_kind", risky.ErrorKind)
		h.wantMetric(1, "jimeng_tasks_ended_total", "status", "cancelled")
		h.wantMetric(3, "jimeng_tasks_ended_total")
		h.wantMetric(3, "jimeng_task_start_seconds", "kind", "video")
		h.wantMetric(3, "jimeng_task_finish_seconds", "kind", "video")
		h.wantMetric(1, "jimeng_attempts_total", "upstream", "sim", "outcome", "failed_over")
		h.wantMetric(0, "jimeng_attempts_total", "outcome", "in_doubt")
		h.wantMetric(1, "jimeng_downloads_total", "upstream", "sim", "result", "ok")
		if n := h.metric("jimeng_download_bytes_total"); n < 100 {
			t.Errorf("%v bytes were downloaded", n)
		}
		if n := h.metric("jimeng_polls_total", "upstream", "sim", "result", "ok"); n < 1 {
			t.Errorf("%v polls", n)
		}
		accepted := h.metric("jimeng_attempts_total", "outcome", "accepted")
		if n := h.metric("jimeng_task_submit_seconds"); n != accepted || n < 2 {
			t.Errorf("%v attempts were accepted, %v timed", accepted, n)
		}
		eventually(t, func() string { // what the end gives back
			for _, want := range []struct {
				n      float64
				name   string
				labels []string
			}{
				{1, "jimeng_tasks", []string{"status", "succeeded"}},
				{0, "jimeng_tasks", []string{"status", "queued"}},
				{0, "jimeng_queue_oldest_seconds", nil},
				{4, "jimeng_slots", []string{"upstream", "sim", "state", "free"}},
				{0, "jimeng_slots", []string{"state", "used"}},
				{1, "jimeng_sessions", []string{"upstream", "sim", "state", "dead"}},
				{1, "jimeng_sessions", []string{"upstream", "sim", "state", "ready"}},
				{0, "jimeng_upstream_benched", []string{"upstream", "sim"}},
				{0, "jimeng_attempts_in_doubt", nil},
				{0, "jimeng_scrape_errors_total", nil},
			} {
				if got := h.metric(want.name, want.labels...); got != want.n {
					return fmt.Sprintf("%s%q is %v, want %v", want.name, want.labels, got, want.n)
				}
			}
			return ""
		})
		for _, name := range []string{"jimeng_database_bytes", "jimeng_database_commit_seconds", "jimeng_database_batch_writes"} {
			if h.metric(name) <= 0 {
				t.Errorf("%s says nothing", name)
			}
		}
	})
}

// Two nodes and a client that cancels race for the end of each task. One of them
// writes it, and that one counts it.
func TestEndsAreCountedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		h := build(t, databaseURL, options{delay: 30 * time.Millisecond})
		nodes := []*house{h}
		if os.Getenv(storetest.PostgresURL) != "" && databaseURL[:8] == "postgres" {
			nodes = append(nodes, h.second(databaseURL))
		}
		h.session("account-0000000001", 8)
		const n = 24
		tasks := many(h, n, "a boat")
		var wg sync.WaitGroup
		for i, task := range tasks {
			wg.Go(func() {
				h.until(task.ID, "started", func(t *store.Task) bool { return t.Attempt > 0 || t.Status.Ended() })
				if i%2 == 0 {
					h.until(task.ID, "downloading", func(t *store.Task) bool { return t.Status == store.Downloading || t.Status.Ended() })
				}
				_, _ = nodes[i%len(nodes)].queue.Cancel(t.Context(), "", task.ID) // it may have ended
			})
		}
		wg.Wait()
		status := map[store.Status]float64{}
		for _, task := range tasks {
			status[h.ended(task.ID).Status]++
		}
		sum := func(name string, labels ...string) (all float64) {
			for _, node := range nodes {
				all += node.metric(name, labels...)
			}
			return all
		}
		if created, ended := sum("jimeng_tasks_created_total"), sum("jimeng_tasks_ended_total"); created != n || ended != n {
			t.Errorf("%v created and %v ended, want %d", created, ended, n)
		}
		for s, want := range status {
			if got := sum("jimeng_tasks_ended_total", "status", string(s)); got != want {
				t.Errorf("%v tasks are counted as %s, want %v", got, s, want)
			}
		}
	})
}

// A database that is away takes its gauges with it, and nothing else.
func TestScrapeWithoutDatabase(t *testing.T) {
	h, wire, _ := wired(t, options{})
	h.submit(h.video(admin, "a boat"))
	wire.Hang()
	defer wire.Restore()
	began := time.Now()
	h.wantMetric(0, "jimeng_tasks")
	if took := time.Since(began); took > patience(4*time.Second) {
		t.Errorf("the scrape took %s", took)
	}
	h.wantMetric(1, "jimeng_scrape_errors_total")
	h.wantMetric(1, "jimeng_tasks_created_total")
}
