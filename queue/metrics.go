package queue

import (
	"cmp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// metrics are what is counted where it happens; what is read from the database
// when somebody asks is in scrape.go. They belong to the queue and not to a
// configuration, so that they count on over reloads. Every label has a closed set
// of values: a model or an upstream that the configuration does not name is
// "other", so that no client and no old row can make new series.
type metrics struct {
	created, ended          *prometheus.CounterVec
	start, submit, finish   *prometheus.HistogramVec
	attempts                *prometheus.CounterVec
	polls                   *prometheus.CounterVec
	downloads, downloadSize *prometheus.CounterVec
	scrapeErrors            prometheus.Counter
}

// Outcomes of an attempt.
const (
	attemptAccepted   = "accepted"
	attemptFailed     = "failed"      // accepted, tried, and failed in the same answer
	attemptRefused    = "refused"     // surely not accepted, and the task ended for it
	attemptFailedOver = "failed_over" // surely not accepted, another session takes over
	attemptPutBack    = "put_back"    // surely not accepted, the task waits for the upstream
	attemptInDoubt    = "in_doubt"
)

var attemptOutcomes = []string{attemptAccepted, attemptFailed, attemptRefused, attemptFailedOver, attemptPutBack, attemptInDoubt}

// Results of a poll or a download.
const (
	resultOK    = "ok"
	resultFault = "fault"
)

// waits are from a moment to the longest that a task may take by default.
var waits = []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400}

func newMetrics() metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: waits}, labels)
	}
	return metrics{
		created: counter("jimeng_tasks_created_total", "Tasks that this node has stored.", "model", "kind"),
		ended: counter("jimeng_tasks_ended_total", "Tasks whose end this node has written; each end is counted by one node, once.",
			"status", "model", "upstream", "error_kind"),
		start:        histogram("jimeng_task_start_seconds", "From a task's submit to its first slot.", "kind"),
		submit:       histogram("jimeng_task_submit_seconds", "From an attempt's slot to its acceptance by the upstream.", "kind"),
		finish:       histogram("jimeng_task_finish_seconds", "From a task's submit to its end.", "kind", "status"),
		attempts:     counter("jimeng_attempts_total", "Attempts by what became of them.", "upstream", "outcome"),
		polls:        counter("jimeng_polls_total", "Polls of accepted tasks; a fault taught nothing about the task.", "upstream", "result"),
		downloads:    counter("jimeng_downloads_total", "Results that were fetched from the upstream, or could not be.", "upstream", "result"),
		downloadSize: counter("jimeng_download_bytes_total", "Bytes of results that were stored.", "upstream"),
		scrapeErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "jimeng_scrape_errors_total",
			Help: "Scrapes that lacked what is read from the database or from the disk."}),
	}
}

// Collectors are the queue's metrics.
func (q *Queue) Collectors() []prometheus.Collector {
	m := &q.metrics
	return []prometheus.Collector{m.created, m.ended, m.start, m.submit, m.finish, m.attempts, m.polls, m.downloads, m.downloadSize,
		m.scrapeErrors, &scrape{queue: q}}
}

// expect makes the series of the configured upstreams, so that the first fault of
// one is an increase and not a series that begins at 1.
func (m *metrics) expect(s *Settings) {
	for name := range s.Upstreams {
		for _, outcome := range attemptOutcomes {
			m.attempts.WithLabelValues(name, outcome)
		}
		for _, result := range []string{resultOK, resultFault} {
			m.polls.WithLabelValues(name, result)
			m.downloads.WithLabelValues(name, result)
		}
		m.downloadSize.WithLabelValues(name)
	}
}

// committed counts what this node has written, and traces it. The store's writer
// waits for it.
func (q *Queue) committed(events []*store.Event) {
	m := &q.metrics
	for _, e := range events {
		of := &e.Subject
		switch e.What {
		case store.Created:
			m.created.WithLabelValues(q.modelLabel(of.Model), of.Kind).Inc()
		case store.AdmittedTo:
			if e.Attempt == 1 {
				m.start.WithLabelValues(of.Kind).Observe(between(of.CreatedAt, e.At).Seconds())
			}
			q.traceQueue(e)
		case store.Ended:
			m.ended.WithLabelValues(string(e.Status), q.modelLabel(of.Model), q.upstreamLabel(e.Upstream), kindLabel(e.ErrorKind)).Inc()
			m.finish.WithLabelValues(of.Kind, string(e.Status)).Observe(between(of.CreatedAt, e.FinishedAt).Seconds())
			q.traceEnd(e)
		}
	}
}

// between is never negative, though the clocks of two nodes may differ.
func between(from, to int64) time.Duration { return max(0, time.Duration(to-from)*time.Millisecond) }

// attempted counts what became of an attempt. The task is as its step read it: the
// last that had happened to it then was that it got its slot.
func (q *Queue) attempted(task *store.Task, outcome string) {
	q.metrics.attempts.WithLabelValues(q.upstreamLabel(task.Upstream), outcome).Inc()
	if outcome == attemptAccepted {
		q.metrics.submit.WithLabelValues(task.Kind).Observe(between(task.UpdatedAt, time.Now().UnixMilli()).Seconds())
	}
}

func (q *Queue) polled(task *store.Task, err error) {
	q.metrics.polls.WithLabelValues(q.upstreamLabel(task.Upstream), resultOf(err)).Inc()
}

// fetched counts a result of a task; size is what was stored of it.
func (q *Queue) fetched(task *store.Task, size int64, err error) {
	at := q.upstreamLabel(task.Upstream)
	q.metrics.downloads.WithLabelValues(at, resultOf(err)).Inc()
	q.metrics.downloadSize.WithLabelValues(at).Add(float64(size))
}

func resultOf(err error) string {
	if err != nil {
		return resultFault
	}
	return resultOK
}

const otherLabel = "other"

// modelLabel is the id of the model that a client has named, maybe by an alias.
func (q *Queue) modelLabel(named string) string {
	c := q.catalogue()
	if e := cmp.Or(c.entries[named], c.retired[named]); e != nil {
		return e.ID
	}
	return otherLabel
}

// upstreamLabel is "" for a task that no upstream has.
func (q *Queue) upstreamLabel(name string) string {
	if _, ok := q.settings.Load().Upstreams[name]; ok || name == "" {
		return name
	}
	return otherLabel
}

// kindLabel is "" for a task that has not failed.
func kindLabel(kind string) string {
	if kind == "" || upstream.Kind(kind).Known() {
		return kind
	}
	return string(upstream.Unknown)
}
