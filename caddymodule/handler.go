package caddymodule

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

// startPatience is how long a request waits for the gateway to start.
const startPatience = 10 * time.Second

// Handler serves the gateway's API: /api/, /v1/, /auth/, /ping, /livez
// and /readyz. Every other
// request goes to the next handler. It uses the app "jimeng", with its defaults
// if it is not configured, and has no options of its own.
type Handler struct {
	app *App
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.jimeng", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the app, and refuses to serve without authentication beyond
// the loopback interface unless the configuration says so twice.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := ctx.App("jimeng")
	if err != nil {
		return fmt.Errorf("load the app jimeng: %w", err)
	}
	h.app = app.(*App)
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if h.app.settings.auth || h.app.settings.authInsecure || server == nil {
		return nil
	}
	for _, address := range server.Listen {
		if !loopback(address) {
			return fmt.Errorf("auth is off and %s can be reached from other machines; "+
				"bind to 127.0.0.1, or confirm with `auth off insecure` (in the shipped Caddyfile: BIND=127.0.0.1, or AUTH_INSECURE=true)", address)
		}
	}
	return nil
}

// loopback reports whether only this machine reaches a listener.
func loopback(address string) bool {
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil {
		return false
	}
	if parsed.IsUnixNetwork() || parsed.Host == "localhost" {
		return true
	}
	ip := net.ParseIP(parsed.Host)
	return ip != nil && ip.IsLoopback()
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if !isAPI(r.URL.Path) {
		return next.ServeHTTP(w, r)
	}
	if h.probe(w, r) {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), startPatience)
	defer cancel()
	handler, err := h.app.waitStarted(ctx)
	if err != nil {
		// Not returned: Caddy would log the request's address, with what is signed
		// or secret in it.
		api.NotReady(w, "The gateway has not started yet.")
		return nil
	}
	handler.ServeHTTP(w, r.WithContext(auth.WithClient(r.Context(), client(r))))
	return nil
}

// probe answers the probes before the gateway has started: they do not wait.
func (h *Handler) probe(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || h.app.hasStarted() {
		return false
	}
	switch r.URL.Path {
	case "/livez":
		api.Live(w)
	case "/readyz":
		api.NotReady(w, "The gateway has not started yet.")
	default:
		return false
	}
	return true
}

// client is what Caddy knows of the request's sender, by its trusted_proxies.
func client(r *http.Request) auth.Client {
	var c auth.Client
	if address, ok := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); ok {
		c.Address, _ = netip.ParseAddr(address)
	}
	if replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		c.RequestID, _ = replacer.GetString("http.request.uuid")
	}
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		c.Seen = func(a auth.Access) { addFields(extra, a) }
	}
	return c
}

// addFields puts into Caddy's access log who has sent a request and for what. The
// request's id is there already, as uuid.
func addFields(extra *caddyhttp.ExtraLogFields, a auth.Access) {
	for _, field := range []zap.Field{
		zap.String("route", a.Route), zap.String("key", a.Key), zap.String("key_name", a.Name), zap.String("role", a.Role), zap.String("task", a.Task),
	} {
		if field.String != "" {
			extra.Set(field)
		}
	}
}

// isAPI reports whether a path is the API's. The path is cleaned first, so that
// /x/../api/ cannot be told apart from /api/ by whoever comes next.
func isAPI(p string) bool {
	p = path.Clean("/" + p)
	for _, root := range []string{"/api", "/v1", "/auth"} {
		if p == root || strings.HasPrefix(p, root+"/") {
			return true
		}
	}
	return p == "/ping" || p == "/livez" || p == "/readyz"
}

// UnmarshalCaddyfile reads the directive, which has no options. Syntax:
//
//	jimeng [<matcher>]
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name of the directive
	if d.NextArg() {
		return d.Errf("the directive jimeng takes no argument %q", d.Val())
	}
	if d.NextBlock(0) {
		return d.Errf("the directive jimeng has no option %q; the options stand in the global option jimeng { … }", d.Val())
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
