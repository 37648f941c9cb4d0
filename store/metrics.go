package store

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the writer measures of itself. They live as long as the store,
// which outlives the configurations that show them.
type metrics struct {
	commits *prometheus.HistogramVec
	batches prometheus.Histogram
	lost    prometheus.Counter
	waiting prometheus.GaugeFunc
}

func newMetrics(s *Store) metrics {
	return metrics{
		commits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "jimeng_database_commit_seconds",
			Help:    "How long the transactions of the writer took, from their begin to the end of their commit; durable ones wait for the disk.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"durable"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "jimeng_database_batch_writes",
			Help:    "How many writes shared a transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9), // up to maxBatch
		}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "jimeng_database_failed_commits_total",
			Help: "Transactions of the writer that failed as a whole, so that every write in them did.",
		}),
		waiting: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "jimeng_database_writes_waiting",
			Help: "Writes that wait for their turn on this node.",
		}, func() float64 { return float64(len(s.writes)) }),
	}
}

// Collectors are the store's metrics.
func (s *Store) Collectors() []prometheus.Collector {
	return []prometheus.Collector{s.metrics.commits, s.metrics.batches, s.metrics.lost, s.metrics.waiting}
}

// committed measures one transaction.
func (m *metrics) committed(began time.Time, writes int, durable Durability, err error) {
	if err != nil {
		m.lost.Inc()
		return
	}
	label := "no"
	if durable {
		label = "yes"
	}
	m.commits.WithLabelValues(label).Observe(time.Since(began).Seconds())
	m.batches.Observe(float64(writes))
}

// Numbers are the state of the gateway as monitoring wants it. Reading them costs
// the same however many tasks and keys are stored.
type Numbers struct {
	Tasks        map[Status]int64
	OldestQueued int64 // when the oldest queued task was created, Unix milliseconds, 0 if none is queued
	Sessions     []SessionNumbers
	Upstreams    []*Upstream
	InDoubt      int64 // attempts that were on the wire of a node that is silent
	Bytes        int64 // of the database
}

// SessionNumbers are the sessions of one upstream that are in one state.
type SessionNumbers struct {
	Upstream string
	State    string // of [SessionState], or "disabled"
	Sessions int64
	Slots    int64
	Running  int64
	Credits  *int64 // what they have left, nil if none of them tells
}

// Numbers reads them apart from the writer. A node is silent without a heartbeat
// for so long.
func (s *Store) Numbers(ctx context.Context, silent time.Duration) (n *Numbers, err error) {
	n = &Numbers{}
	if n.Tasks, err = s.Stats(ctx, ""); err != nil {
		return nil, err
	}
	if n.OldestQueued, err = s.OldestQueued(ctx); err != nil {
		return nil, err
	}
	if n.Upstreams, err = s.Upstreams(ctx); err != nil {
		return nil, err
	}
	rows, err := s.readers.QueryContext(ctx, `SELECT upstream, CASE WHEN enabled THEN state ELSE 'disabled' END AS shown, COUNT(*),
		CAST(SUM(slots) AS BIGINT), CAST(SUM(running) AS BIGINT), CAST(SUM(credits) AS BIGINT) FROM sessions GROUP BY upstream, shown`)
	n.Sessions, err = collect(rows, err, func(r row) (s SessionNumbers, err error) {
		return s, r.Scan(&s.Upstream, &s.State, &s.Sessions, &s.Slots, &s.Running, &s.Credits)
	})
	if err != nil {
		return nil, fmt.Errorf("count sessions: %w", err)
	}
	// Few tasks are being submitted at a time, and attempts have no index of their own.
	err = s.readers.QueryRowContext(ctx, `SELECT COUNT(*) FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.n = t.attempt
		WHERE t.status = 'submitting' AND a.state = 'sending' AND NOT EXISTS (
			SELECT 1 FROM nodes n WHERE n.id = a.node AND n.heartbeat_at >= `+s.clock()+` - $1)`, silent.Milliseconds()).Scan(&n.InDoubt)
	if err != nil {
		return nil, fmt.Errorf("count attempts in doubt: %w", err)
	}
	size := "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
	if s.pgx != nil {
		size = "SELECT pg_database_size(current_database())"
	}
	if err := s.readers.QueryRowContext(ctx, size).Scan(&n.Bytes); err != nil {
		return nil, fmt.Errorf("measure the database: %w", err)
	}
	return n, nil
}
