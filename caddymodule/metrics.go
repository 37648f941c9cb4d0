package caddymodule

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jimeng-gateway/jimeng-gateway/health"
)

// Every configuration of Caddy has a registry of its own, which ends with it. The
// collectors belong to the engine and are registered again in each of them: so they
// count on over a reload, and two configurations that overlap show the same.

// collectors are the metrics of the engine and of everything in it.
func (e *engine) collectors() []prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "jimeng_build_info", Help: "Always 1; the label tells the version.",
		ConstLabels: prometheus.Labels{"version": Version}})
	info.Set(1)
	list := []prometheus.Collector{info, &componentStates{e}}
	list = append(list, e.store.Collectors()...)
	list = append(list, e.queue.Collectors()...)
	return append(list, e.api.Collectors()...)
}

// show registers the metrics with a configuration.
func (e *engine) show(registry *prometheus.Registry) error {
	for _, c := range e.metrics {
		if err := registry.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

var componentState = prometheus.NewDesc("jimeng_component_state", "1 for the state that a part of the gateway is in, else 0.",
	[]string{"component", "state"}, nil)

// componentStates shows how the parts of the gateway are.
type componentStates struct{ engine *engine }

// Describe implements [prometheus.Collector].
func (s *componentStates) Describe(ch chan<- *prometheus.Desc) { ch <- componentState }

// Collect implements [prometheus.Collector].
func (s *componentStates) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), componentPatience)
	defer cancel()
	for _, component := range s.engine.health.Components(ctx) {
		for _, state := range []health.State{health.OK, health.Degraded, health.Down, health.Off} {
			value := 0.0
			if component.State == state {
				value = 1
			}
			ch <- prometheus.MustNewConstMetric(componentState, prometheus.GaugeValue, value, component.Name, string(state))
		}
	}
}

// componentPatience bounds how long a scrape waits for the components. What one
// says that takes longer is what it said before.
const componentPatience = 500 * time.Millisecond

// Interface guard
var _ prometheus.Collector = (*componentStates)(nil)
