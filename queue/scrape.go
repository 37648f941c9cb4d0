package queue

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// scrapeAge is how old the numbers of a scrape may be: ten scrapers cost the
	// database no more than one.
	scrapeAge = time.Second
	// scrapePatience bounds the reading; a scrape without these gauges says more
	// than one that comes too late.
	scrapePatience = 2 * time.Second
)

// scrape reads gauges from the database when somebody asks for them. They are the
// same on every node.
type scrape struct {
	queue *Queue

	mu      sync.Mutex
	at      time.Time
	numbers *store.Numbers // nil when they could not be read
	storage *Storage       // likewise
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	tasksGauge    = gauge("jimeng_tasks", "Stored tasks.", "status")
	oldestGauge   = gauge("jimeng_queue_oldest_seconds", "Age of the oldest queued task, 0 if none is queued.")
	slotsGauge    = gauge("jimeng_slots", "Slots of the sessions: used by running attempts, or free in sessions that are ready.", "upstream", "state")
	sessionsGauge = gauge("jimeng_sessions", "Sessions.", "upstream", "state")
	creditsGauge  = gauge("jimeng_credits", "Credits that the sessions of an upstream have left, of those that tell.", "upstream")
	benchedGauge  = gauge("jimeng_upstream_benched", "1 while an upstream does not answer and gets no tasks, else 0.", "upstream")
	doubtGauge    = gauge("jimeng_attempts_in_doubt", "Attempts that were being sent by a node that is silent, and that nobody has looked up yet.")
	databaseGauge = gauge("jimeng_database_bytes", "Size of the database.")
	blobGauge     = gauge("jimeng_blob_bytes", "Size of the stored files.", "kind")
	budgetGauge   = gauge("jimeng_blob_budget_bytes", "Most that all stored files may take, 0 for no bound.")
	diskGauge     = gauge("jimeng_blob_disk_free_bytes", "Room that is left on the disk of the stored files.")
	behindGauge   = gauge("jimeng_events_behind", "Events that the slowest listener of this node has not taken yet.")
)

// Describe implements [prometheus.Collector].
func (s *scrape) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tasksGauge, oldestGauge, slotsGauge, sessionsGauge, creditsGauge, benchedGauge, doubtGauge,
		databaseGauge, blobGauge, budgetGauge, diskGauge, behindGauge} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (s *scrape) Collect(ch chan<- prometheus.Metric) {
	send := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	numbers, storage := s.read()
	if numbers != nil {
		s.queue.sendNumbers(numbers, send)
	}
	if storage != nil {
		send(blobGauge, float64(storage.Artifacts), "artifacts")
		send(blobGauge, float64(storage.Materials), "materials")
		send(budgetGauge, float64(storage.Retention.Budget))
		if storage.DiskTotal > 0 {
			send(diskGauge, float64(storage.DiskFree))
		}
	}
	send(behindGauge, float64(s.queue.feed.behind()))
}

func (s *scrape) read() (*store.Numbers, *Storage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) < scrapeAge {
		return s.numbers, s.storage
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	numbers, err := s.queue.store.Numbers(ctx, deadAfter)
	storage, errStorage := s.queue.Storage(ctx)
	s.at, s.numbers, s.storage = time.Now(), numbers, &storage
	if errStorage != nil {
		s.storage, err = nil, errStorage
	}
	if err != nil {
		s.queue.metrics.scrapeErrors.Inc()
		s.queue.log.Warn("metrics are incomplete", zap.Error(err))
	}
	return s.numbers, s.storage
}

// sendNumbers adds up what has the same label: rows of upstreams that are not
// configured any more are "other".
func (q *Queue) sendNumbers(n *store.Numbers, send func(*prometheus.Desc, float64, ...string)) {
	for status, tasks := range n.Tasks {
		send(tasksGauge, float64(tasks), string(status))
	}
	var age float64
	if n.OldestQueued > 0 {
		age = between(n.OldestQueued, time.Now().UnixMilli()).Seconds()
	}
	send(oldestGauge, age)
	send(doubtGauge, float64(n.InDoubt))
	send(databaseGauge, float64(n.Bytes))

	sessions, slots := map[[2]string]float64{}, map[[2]string]float64{}
	credits, benched := map[string]float64{}, map[string]float64{}
	for name := range q.settings.Load().Upstreams {
		benched[name] = 0
		for _, state := range []string{"free", "used"} {
			slots[[2]string{name, state}] = 0
		}
		for _, state := range sessionStates {
			sessions[[2]string{name, state}] = 0
		}
	}
	for _, row := range n.Sessions {
		at := q.upstreamLabel(row.Upstream)
		sessions[[2]string{at, row.State}] += float64(row.Sessions)
		slots[[2]string{at, "used"}] += float64(row.Running)
		if row.State == string(store.Ready) {
			slots[[2]string{at, "free"}] += float64(max(0, row.Slots-row.Running))
		}
		if row.Credits != nil {
			credits[at] += float64(*row.Credits)
		}
	}
	for _, u := range n.Upstreams {
		if _, ok := benched[u.Name]; ok && u.BenchedUntil > 0 {
			benched[u.Name] = 1
		}
	}
	for label, count := range sessions {
		send(sessionsGauge, count, label[0], label[1])
	}
	for label, count := range slots {
		send(slotsGauge, count, label[0], label[1])
	}
	for at, left := range credits {
		send(creditsGauge, left, at)
	}
	for at, value := range benched {
		send(benchedGauge, value, at)
	}
}

// sessionStates are those that a session can be in, as the pool shows them.
var sessionStates = []string{string(store.Ready), string(store.Cooling), string(store.Exhausted), string(store.Dead), "disabled"}

// behind is how many events the slowest listener has not taken yet, with those
// that nobody was given yet.
func (f *feed) behind() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	most := 0
	for l := range f.listeners {
		most = max(most, len(l.c))
	}
	return most + len(f.fresh)
}

// Interface guard
var _ prometheus.Collector = (*scrape)(nil)
