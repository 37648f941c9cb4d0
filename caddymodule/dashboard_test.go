package caddymodule

import (
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
)

func useDashboard(t *testing.T, files fstest.MapFS) {
	t.Helper()
	before := dashboardFiles
	dashboardFiles = func() fs.FS { return files }
	t.Cleanup(func() { dashboardFiles = before })
}

func TestDashboard(t *testing.T) {
	useDashboard(t, fstest.MapFS{
		"index.html":             {Data: []byte("<!doctype html>one")},
		"index.html.gz":          {Data: []byte("packed page")},
		"favicon.svg":            {Data: []byte("<svg/>")},
		"assets/app-12345678.js": {Data: []byte("1")},
	})
	g := newGateway(t)
	g.mustLoad("public_url https://video.example.com", "jimeng_dashboard")
	const immutable = "public, max-age=31536000, immutable"
	for path, want := range map[string]struct {
		status int
		cache  string
		body   string
	}{
		"/":                       {200, "no-store", "<!doctype html>one"},
		"/tasks/123":              {200, "no-store", "<!doctype html>one"},
		"/tasks?status=failed":    {200, "no-store", "<!doctype html>one"},
		"/favicon.svg":            {200, "no-store", "<svg/>"},
		"/assets/app-12345678.js": {200, immutable, "1"},
		"/assets/gone.js":         {404, "", ""},
		"/assets/":                {404, "", ""},
		"/../assets/gone.js":      {404, "", ""},
	} {
		response, body := g.get(path, "Accept-Encoding", "identity")
		header := response.Header
		if response.StatusCode != want.status || header.Get("Cache-Control") != want.cache || body != want.body {
			t.Errorf("%s: %d, %q, %q", path, response.StatusCode, header.Get("Cache-Control"), body)
		}
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "script-src 'self';") || !strings.Contains(policy, "media-src 'self' blob: https://video.example.com;") ||
			header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %v", path, header)
		}
	}

	response, body := g.get("/", "Accept-Encoding", "gzip")
	if body != "packed page" || response.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("packed: %q, %v", body, response.Header)
	}
	if response, _ := g.get("/api/v1/nothing"); response.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown path of the API answers %d", response.StatusCode)
	}

	// A page of the same size in a new binary has the same ETag; an old tab must
	// not be told that nothing changed.
	etag, _ := g.get("/", "Accept-Encoding", "identity")
	useDashboard(t, fstest.MapFS{"index.html": {Data: []byte("<!doctype html>two")}})
	g.mustLoad("", "jimeng_dashboard")
	if _, body := g.get("/", "Accept-Encoding", "identity"); body != "<!doctype html>two" {
		t.Errorf("after a new build: %q, %s", body, etag.Header.Get("ETag"))
	}
}

func TestDashboardNotBuilt(t *testing.T) {
	useDashboard(t, fstest.MapFS{".gitkeep": {}})
	g := newGateway(t)
	g.mustLoad("", "jimeng_dashboard")
	response, body := g.get("/")
	if response.StatusCode != http.StatusNotFound || !strings.Contains(body, "./xcaddy.sh") || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d, %q", response.StatusCode, body)
	}
	g.alive()
}
