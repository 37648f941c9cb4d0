package freeapi

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func init() {
	caddy.RegisterModule(Module{})
}

// defaultURL is where jimeng-free-api-all listens as it comes.
const defaultURL = "http://127.0.0.1:8000"

// Module is an upstream of the jimeng-free-api family (jimeng-free-api-all, its
// fork with submit and status, or jimeng-api). Which of them it is, the gateway
// finds out by asking.
type Module struct {
	// URL is the address of the server. Default, also for a placeholder such as
	// {env.JIMENG_UPSTREAM} that is empty: http://127.0.0.1:8000. Placeholders
	// are replaced when the configuration is loaded.
	URL string `json:"url,omitempty"`

	driver *Driver
}

// CaddyModule returns the Caddy module information.
func (Module) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "jimeng.upstreams.free_api",
		New: func() caddy.Module { return new(Module) },
	}
}

// Provision checks the configuration. It does not touch the network, so that a
// configuration is valid while the upstream is down.
func (m *Module) Provision(ctx caddy.Context) error {
	address, err := caddy.NewReplacer().ReplaceOrErr(m.URL, false, true)
	if err != nil {
		return fmt.Errorf("replace placeholders in url: %w", err)
	}
	if address == "" {
		address = defaultURL
	}
	m.driver, err = New(Config{URL: address, Logger: ctx.Logger()})
	return err
}

// Cleanup closes idle connections. Calls in flight go on.
func (m *Module) Cleanup() error {
	if m.driver != nil {
		m.driver.Close()
	}
	return nil
}

// Driver returns the driver of a provisioned module.
func (m *Module) Driver() upstream.Driver { return m.driver }

// UnmarshalCaddyfile sets up the module from Caddyfile tokens:
//
//	free_api {
//		url <address>
//	}
//
// The address may also follow free_api directly.
func (m *Module) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the name
	if d.NextArg() {
		m.URL = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		switch d.Val() {
		case "url":
			if m.URL != "" {
				return d.Err("url is given twice")
			}
			if !d.NextArg() {
				return d.ArgErr()
			}
			m.URL = d.Val()
			if d.NextArg() {
				return d.ArgErr()
			}
		default:
			return d.Errf("unrecognized option of free_api: %s; allowed: url", d.Val())
		}
	}
	if m.URL == "" {
		return d.Err("free_api needs a url")
	}
	return nil
}

// Interface guards
var (
	_ caddy.Module          = (*Module)(nil)
	_ caddy.Provisioner     = (*Module)(nil)
	_ caddy.CleanerUpper    = (*Module)(nil)
	_ caddyfile.Unmarshaler = (*Module)(nil)
)
