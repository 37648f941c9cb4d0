package api

import (
	"cmp"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what the API counts. They outlive the configurations that serve it,
// so whoever makes the API keeps them. Requests as such are counted by Caddy.
type Metrics struct {
	refused   *prometheus.CounterVec
	listeners *prometheus.GaugeVec
}

// Streams that somebody may listen to.
const (
	streamEvents = "events"
	streamLogs   = "logs"
	streamStatus = "status"
)

// NewMetrics returns metrics that have counted nothing.
func NewMetrics() *Metrics {
	m := &Metrics{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jimeng_requests_refused_total",
			Help: "Requests that were answered with an error, by its code in docs/errors.md.",
		}, []string{"code"}),
		listeners: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "jimeng_listeners",
			Help: "Clients that listen to a stream of this node.",
		}, []string{"stream"}),
	}
	for _, e := range errorCodes { // so that the first of a kind is an increase
		m.refused.WithLabelValues(e.Code)
	}
	for _, stream := range []string{streamEvents, streamLogs, streamStatus} {
		m.listeners.WithLabelValues(stream)
	}
	return m
}

// Collectors are the metrics.
func (m *Metrics) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.refused, m.listeners}
}

// refuse counts an error that is answered. The kind of a failed task is a code
// too, and comes from a driver.
func (m *Metrics) refuse(code string) {
	if errorCodeOf(code) == nil {
		code = "other"
	}
	m.refused.WithLabelValues(code).Inc()
}

// listen counts a listener of a stream until done is called.
func (m *Metrics) listen(stream string) (done func()) {
	listening := m.listeners.WithLabelValues(stream)
	listening.Inc()
	return listening.Dec
}

// countRefusals counts what huma refuses by itself; everything else is counted
// where it is answered.
func (a *api) countRefusals(ctx huma.Context, next func(huma.Context)) {
	next(ctx)
	if status := ctx.Status(); status >= http.StatusBadRequest && callerOf(ctx.Context()).refusal == "" {
		a.Metrics.refuse(cmp.Or(codes[status], "internal"))
	}
}
