package freeapi

import (
	"context"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ input, url, problem string }{
		{"free_api {\n url http://127.0.0.1:8000\n}", "http://127.0.0.1:8000", ""},
		{"free_api http://127.0.0.1:8000", "http://127.0.0.1:8000", ""},
		{"free_api {\n url {env.JIMENG_UPSTREAM}\n}", "{env.JIMENG_UPSTREAM}", ""},
		{"free_api", "", "needs a url"},
		{"free_api {\n}", "", "needs a url"},
		{"free_api {\n url\n}", "", "wrong argument count"},
		{"free_api {\n url a b\n}", "", "wrong argument count"},
		{"free_api a b", "", "wrong argument count"},
		{"free_api a {\n url b\n}", "", "twice"},
		{"free_api {\n variant fork\n}", "", "unrecognized option of free_api: variant; allowed: url"},
	} {
		var m Module
		err := m.UnmarshalCaddyfile(caddyfile.NewTestDispenser(c.input))
		switch {
		case c.problem == "" && (err != nil || m.URL != c.url):
			t.Errorf("%s: %q, %v", c.input, m.URL, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%s: %v, want %s", c.input, err, c.problem)
		}
	}
}

func TestProvision(t *testing.T) {
	t.Setenv("FREEAPI_TEST_URL", "http://127.0.0.1:1")
	for url, problem := range map[string]string{
		"http://127.0.0.1:8000":    "",
		"https://jimeng.example/x": "",
		"{env.FREEAPI_TEST_URL}":   "", // nobody listens there: Provision has no effect outside
		"{env.FREEAPI_TEST_NONE}":  "", // an empty variable is the default
		"":                         "",
		"{nothing.of.this.name}":   "nothing.of.this.name",
		"ftp://x":                  "http://",
		"http://":                  "no host",
		"http://x/?a=b":            "query",
		"127.0.0.1:8000":           "url",
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		m := Module{URL: url}
		err := m.Provision(ctx)
		if problem == "" && (err != nil || m.Driver() == nil) || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
			t.Errorf("%q: %v, want %q", url, err, problem)
		}
		// Caddy cleans up what failed to provision, too.
		if err := m.Cleanup(); err != nil {
			t.Error(err)
		}
		cancel()
	}
}

func FuzzCaddyfile(f *testing.F) {
	f.Add("free_api {\n url http://127.0.0.1:8000\n}")
	f.Fuzz(func(t *testing.T, input string) {
		// NewTestDispenser ends the process for what is no Caddyfile at all.
		tokens, err := caddyfile.Tokenize([]byte(input), "Caddyfile")
		if err != nil {
			return
		}
		var m Module
		if err := m.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens)); err == nil && m.URL == "" {
			t.Error("accepted without a url")
		}
	})
}
