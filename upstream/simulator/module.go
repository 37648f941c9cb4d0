package simulator

import (
	"fmt"
	"net"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func init() {
	caddy.RegisterModule(Module{})
}

// Module is an upstream that costs nothing: a simulated jimeng-free-api inside
// the gateway, which the gateway asks over real HTTP like any other. It listens
// from the first task or probe on, not when the configuration is checked, and
// goes on over reloads that do not change it. The prompt of a task chooses what
// happens to it, such as [[fault:shark_not_pass]]; see the package's source.
type Module struct {
	// Variant is the dialect that it speaks: stock, fork or iptag. Default: fork.
	Variant string `json:"variant,omitempty"`

	// Delay is how long one generation takes. Default: 5s.
	Delay *caddy.Duration `json:"delay,omitempty"`

	// Listen is the TCP address on which it listens. Anybody who reaches it may
	// use it. Default: 127.0.0.1:0, a free port.
	Listen string `json:"listen,omitempty"`

	key    *poolKey // of the reference that this module holds, nil for none
	driver *lazyDriver
}

// servers keeps the simulators over reloads.
var servers = caddy.NewUsagePool()

// poolKey is everything that a configuration says: another one is another server.
type poolKey struct {
	variant Variant
	delay   time.Duration
	listen  string
}

// CaddyModule returns the Caddy module information.
func (Module) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "jimeng.upstreams.simulator",
		New: func() caddy.Module { return new(Module) },
	}
}

// Provision checks the configuration and takes a reference to its server, which
// does not listen yet.
func (m *Module) Provision(ctx caddy.Context) error {
	key := poolKey{variant: Fork, delay: 5 * time.Second, listen: "127.0.0.1:0"}
	if m.Variant != "" {
		var err error
		if key.variant, err = ParseVariant(m.Variant); err != nil {
			return err
		}
	}
	if m.Delay != nil {
		key.delay = time.Duration(*m.Delay)
	}
	if key.delay < 0 || key.delay > maxDelay {
		return fmt.Errorf("delay %s is out of range, allowed: 0s to %s", key.delay, maxDelay)
	}
	if m.Listen != "" {
		key.listen = m.Listen
	}
	if _, _, err := net.SplitHostPort(key.listen); err != nil {
		return fmt.Errorf("listen address %q: %w", key.listen, err)
	}
	value, _, err := servers.LoadOrNew(key, func() (caddy.Destructor, error) {
		return newLazyDriver(Config{Variant: key.variant, Delay: key.delay, Log: ctx.Logger()}, key.listen)
	})
	if err != nil {
		return err
	}
	m.key, m.driver = &key, value.(*lazyDriver)
	return nil
}

// Cleanup gives the reference back, if there is one; the last stops the server.
func (m *Module) Cleanup() error {
	if m.key == nil {
		return nil
	}
	key := *m.key
	m.key = nil
	if _, err := servers.Delete(key); err != nil {
		return fmt.Errorf("stop the simulator: %w", err)
	}
	return nil
}

// Driver returns the driver of a provisioned module.
func (m *Module) Driver() upstream.Driver { return m.driver }

// UnmarshalCaddyfile sets up the module from Caddyfile tokens:
//
//	simulator {
//		variant stock|fork|iptag
//		delay   <duration>
//		listen  <address>
//	}
func (m *Module) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the name
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		option := d.Val()
		var value string
		switch option {
		case "variant", "delay", "listen":
			if !d.AllArgs(&value) {
				return d.ArgErr()
			}
		default:
			return d.Errf("unrecognized option of simulator: %s; allowed: variant, delay, listen", option)
		}
		switch option {
		case "variant":
			if _, err := ParseVariant(value); err != nil {
				return d.WrapErr(err)
			}
			m.Variant = value
		case "delay":
			delay, err := caddy.ParseDuration(value)
			if err != nil {
				return d.Errf("parse delay: %v", err)
			}
			m.Delay = new(caddy.Duration(delay))
		case "listen":
			m.Listen = value
		}
	}
	return nil
}

// Interface guards
var (
	_ caddy.Module          = (*Module)(nil)
	_ caddy.Provisioner     = (*Module)(nil)
	_ caddy.CleanerUpper    = (*Module)(nil)
	_ caddyfile.Unmarshaler = (*Module)(nil)
	_ caddy.Destructor      = (*lazyDriver)(nil)
)
