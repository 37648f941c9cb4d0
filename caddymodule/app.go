// Package caddymodule fits the gateway into Caddy: the app module that holds
// its configuration and its running engine, the handler of the API, the
// dashboard, and the command line. It has no rules of its own.
package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// upstreamNamespace is where drivers register.
const upstreamNamespace = "jimeng.upstreams"

// Upstream is what a guest module in the namespace jimeng.upstreams implements.
// Its driver lives until the module's Cleanup and may then still be in a call.
type Upstream interface {
	Driver() upstream.Driver
}

// App is the app module "jimeng". Its configuration is [Config]. It takes hold
// of the database only in Start, so that a configuration can be validated beside
// a running gateway; what it holds there outlives a reload.
type App struct {
	Config

	ctx      caddy.Context
	log      *zap.Logger
	settings *settings
	drivers  map[string]upstream.Driver

	stopping chan struct{} // closed when this configuration is about to end
	started  chan struct{} // closed when Start has succeeded
	api      http.Handler  // set before started is closed

	mu     sync.Mutex
	engine *engine // nil when this configuration holds no reference
	revert func()
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "jimeng", New: func() caddy.Module { return new(App) }}
}

// Provision checks the configuration and loads the drivers. It touches neither
// disk nor network.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx = ctx
	a.log = ctx.Logger()
	a.started = make(chan struct{})
	if err := a.watchStopping(); err != nil {
		return err
	}
	var err error
	if a.settings, err = a.resolve(); err != nil {
		return err
	}
	if err := a.loadDrivers(); err != nil {
		return err
	}
	queued := a.settings.queue(a.drivers)
	return oneLine(queued.Check())
}

// watchStopping hears of the end of this configuration before its servers wait
// for their connections: an open stream would keep them waiting. The context
// ends only after that.
func (a *App) watchStopping() error {
	a.stopping = make(chan struct{})
	events, err := a.ctx.App("events")
	if err != nil {
		return fmt.Errorf("load the app events: %w", err)
	}
	return events.(*caddyevents.App).On("stopping", &stopHandler{a.stopping})
}

// stopHandler closes a channel at the first event.
type stopHandler struct{ stopping chan struct{} }

// Handle implements [caddyevents.Handler].
func (h *stopHandler) Handle(context.Context, caddy.Event) error {
	select {
	case <-h.stopping:
	default:
		close(h.stopping)
	}
	return nil
}

func (a *App) loadDrivers() error {
	if len(a.UpstreamsRaw) == 0 {
		a.UpstreamsRaw = map[string]json.RawMessage{"free_api": json.RawMessage(`{"driver":"free_api","url":"http://127.0.0.1:8000"}`)}
	}
	a.settings.upstreams = describeUpstreams(a.UpstreamsRaw) // Caddy forgets them when they are loaded
	modules, err := a.ctx.LoadModule(&a.Config, "UpstreamsRaw")
	if err != nil {
		return fmt.Errorf("load upstreams: %w", err)
	}
	a.drivers = map[string]upstream.Driver{}
	for name, module := range modules.(map[string]any) {
		guest, ok := module.(Upstream)
		if !ok {
			return fmt.Errorf("load upstreams: the module of %s is a %T, not a driver", name, module)
		}
		a.drivers[name] = guest.Driver()
	}
	return nil
}

// Start opens the engine, or joins the one that already runs on the same
// database, and gives it this configuration's settings.
func (a *App) Start() error {
	if err := a.start(); err != nil {
		a.release()
		return fmt.Errorf("starting jimeng: %w", err)
	}
	close(a.started)
	return nil
}

func (a *App) start() error {
	e, err := openEngine(a.settings, a.log)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.engine = e
	if a.revert, err = e.configure(a.settings, a.drivers, a.log); err != nil {
		return err
	}
	handler, checks, err := e.handler(a.settings, a.stopping, a.log)
	if err != nil {
		return err
	}
	a.api = handler
	revert, revertHealth := a.revert, e.health.Configure(checks)
	a.revert = func() {
		revertHealth()
		revert()
	}
	if err := e.show(a.ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	return e.begin()
}

// Stop stops the engine's work if this is its last configuration, as it is when
// the process ends, and waits for that as long as grace_period allows: the
// drivers are still there now and are gone after it. On a reload nothing stops,
// because the next configuration has the engine already.
func (a *App) Stop() error {
	a.mu.Lock()
	e := a.engine
	a.mu.Unlock()
	if e != nil && e.last() {
		e.stop()
	}
	return nil
}

// Cleanup gives back what this configuration holds. It is called also when
// Provision or Start have failed, and then undoes only what they did.
func (a *App) Cleanup() error {
	return a.release()
}

func (a *App) release() error {
	a.mu.Lock()
	e, revert := a.engine, a.revert
	a.engine, a.revert = nil, nil
	a.mu.Unlock()
	if revert != nil {
		revert()
	}
	if e == nil {
		return nil
	}
	return closeEngine(e)
}

// errNotStarted is returned to requests that come before the start or after a
// start that failed.
var errNotStarted = errors.New("the gateway has not started")

func (a *App) hasStarted() bool {
	select {
	case <-a.started:
		return true
	default:
		return false
	}
}

// waitStarted returns the API as soon as the app has started. The HTTP app may
// start before this one, because Caddy starts apps in random order.
func (a *App) waitStarted(ctx context.Context) (http.Handler, error) {
	select {
	case <-a.started:
		return a.api, nil
	case <-ctx.Done():
		return nil, errNotStarted
	}
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
