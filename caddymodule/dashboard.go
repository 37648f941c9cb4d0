package caddymodule

import (
	_ "embed"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"

	"github.com/jimeng-gateway/jimeng-gateway/web"
)

// dashboardFS is the name under which file servers find the embedded build.
const dashboardFS = "jimeng_dashboard"

// dashboardFiles is a variable for the tests, which bring a build of their own.
var dashboardFiles = web.FS

//go:embed unbuilt.html
var unbuiltPage []byte

// Dashboard prepares the routes over the embedded dashboard: it sets the
// security headers, makes the files known to the file server behind it, and
// tells honestly when the binary was built without them. The directive
// jimeng_dashboard makes the whole route tree; this handler alone serves no file.
type Dashboard struct {
	policy string
	built  bool
}

// CaddyModule returns the Caddy module information.
func (Dashboard) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.jimeng_dashboard", New: func() caddy.Module { return new(Dashboard) }}
}

// Provision registers the files in the file systems of this configuration.
func (h *Dashboard) Provision(ctx caddy.Context) error {
	files := dashboardFiles()
	_, err := fs.Stat(files, "index.html")
	h.built = err == nil
	ctx.FileSystems().Register(dashboardFS, files)
	app, err := ctx.App("jimeng")
	if err != nil {
		return fmt.Errorf("load the app jimeng: %w", err)
	}
	h.policy = contentSecurityPolicy(app.(*App).settings.publicURL)
	return nil
}

// contentSecurityPolicy lets the pages load only what the gateway itself
// serves. Results may come from the public address, which need not be the one
// that the dashboard was opened under.
func contentSecurityPolicy(publicURL string) string {
	media := strings.TrimSpace("'self' blob: " + publicURL)
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "font-src 'self'",
		"img-src data: " + media, "media-src " + media, "connect-src 'self'", "manifest-src 'self'",
		"base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
	}, "; ")
}

func (h *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	header := w.Header()
	header.Set("Content-Security-Policy", h.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	if h.built {
		return next.ServeHTTP(w, r)
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, err := w.Write(unbuiltPage)
	return err
}

// parseDashboard expands the directive to the routes over the dashboard. Syntax:
//
//	jimeng_dashboard [<matcher>]
//
// Pages are never cached: embedded files have no modification time, so that the
// file server's ETag is their size only, and a new page of the same size would
// look unchanged. Files under /assets/ have a hash in their name and are cached
// for ever, but only if they exist; a missing one stays a 404 instead of
// answering with the page.
func parseDashboard(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // the name of the directive
	matcher, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	h.Next() // the name again: the matcher is gone now
	if h.NextArg() {
		return nil, h.Errf("the directive jimeng_dashboard takes no argument %q", h.Val())
	}
	if h.NextBlock(0) {
		return nil, h.Errf("the directive jimeng_dashboard has no option %q", h.Val())
	}
	return h.NewRoute(matcher, &caddyhttp.Subroute{Routes: dashboardRoutes(h)}), nil
}

func dashboardRoutes(h httpcaddyfile.Helper) caddyhttp.RouteList {
	assets := h.JSON(caddyhttp.MatchPath{"/assets/*"})
	exists := h.JSON(fileserver.MatchFile{FileSystem: dashboardFS, Root: ".", TryFiles: []string{"{http.request.uri.path}"}})
	pageOrIndex := h.JSON(fileserver.MatchFile{FileSystem: dashboardFS, Root: ".", TryFiles: []string{"{http.request.uri.path}", "/index.html"}})
	noAsset := h.JSON(caddyhttp.MatchNot{MatcherSetsRaw: []caddy.ModuleMap{{"path": assets}}})

	immutable := caddyconfig.JSONModuleObject(cacheControl("public, max-age=31536000, immutable"), "handler", "headers", nil)
	noStore := caddyconfig.JSONModuleObject(cacheControl("no-store"), "handler", "headers", nil)
	found := caddyconfig.JSONModuleObject(rewrite.Rewrite{URI: "{http.matchers.file.relative}"}, "handler", "rewrite", nil)
	files := caddyconfig.JSONModuleObject(fileserver.FileServer{
		FileSystem: dashboardFS,
		Root:       ".",
		PrecompressedRaw: caddy.ModuleMap{
			"br": h.JSON(struct{}{}), "gzip": h.JSON(struct{}{}),
		},
		PrecompressedOrder: []string{"br", "gzip"},
	}, "handler", "file_server", nil)

	return caddyhttp.RouteList{
		route(nil, caddyconfig.JSONModuleObject(Dashboard{}, "handler", "jimeng_dashboard", nil)),
		route(caddy.ModuleMap{"path": assets, "file": exists}, immutable),
		route(caddy.ModuleMap{"not": noAsset, "file": pageOrIndex}, noStore, found),
		route(nil, files),
	}
}

func route(match caddy.ModuleMap, handlers ...[]byte) caddyhttp.Route {
	var r caddyhttp.Route
	if match != nil {
		r.MatcherSetsRaw = caddyhttp.RawMatcherSets{match}
	}
	for _, handler := range handlers {
		r.HandlersRaw = append(r.HandlersRaw, handler)
	}
	return r
}

func cacheControl(value string) headers.Handler {
	return headers.Handler{Response: &headers.RespHeaderOps{
		HeaderOps: &headers.HeaderOps{Set: http.Header{"Cache-Control": {value}}},
	}}
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Dashboard)(nil)
	_ caddyhttp.MiddlewareHandler = (*Dashboard)(nil)
)
