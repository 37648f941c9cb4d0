package caddymodule

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// seeds are the inputs of the tests of adapting, without what is around them.
func seeds(f *testing.F) (inputs []string) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(content), "----------")
		inputs = append(inputs, strings.TrimPrefix(input, "{\n"))
	}
	return inputs
}

// A segment is refused with its line, or means the same when it comes back as the
// JSON that Caddy stores.
func FuzzCaddyfile(f *testing.F) {
	for _, input := range seeds(f) {
		f.Add(input)
	}
	f.Add("jimeng {\nconcurrency 007\nmax_failovers +5\nauth off {env.insecure}\nmaterials {\nmax_total 1e3\n}\n}")
	f.Add("jimeng {\nmodel x {\ndurations 1-3600 1-3600 1-3600\ncredits 0x1p-2\n}\nlink_ttl nan\n}")
	f.Fuzz(func(t *testing.T, input string) {
		if strings.Contains(input, "{env.") || strings.Contains(input, "{file.") || strings.Contains(input, "{system.") || strings.Contains(input, "{time.") {
			t.Skip("what a placeholder stands for is no input")
		}
		c := new(Config)
		if err := c.UnmarshalCaddyfile(dispense(t, input)); err != nil {
			// Caddy's own words for a block that does not open are its own.
			if len(err.Error()) > 2000+8*len(input) {
				t.Errorf("%v", err)
			}
			return
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%q: accepted, but cannot be written as JSON: %v", input, err)
		}
		again := new(Config)
		if err := json.Unmarshal(text, again); err != nil {
			t.Fatalf("%q: %s cannot be read: %v", input, text, err)
		}
		before, err1 := c.resolve()
		after, err2 := again.resolve()
		if (err1 == nil) != (err2 == nil) || !reflect.DeepEqual(before, after) {
			t.Errorf("%q: %+v, %v; as JSON %s: %+v, %v", input, before, err1, text, after, err2)
		}
	})
}

// Configuration as JSON is refused in words, or can be written and read again.
func FuzzConfigJSON(f *testing.F) {
	for _, seed := range []string{
		`{"auth":false,"concurrency":7,"poll_interval":2500000000,"start_deadline":"1h","materials":{"image":{"max_size":5},"max_count":"{env.N}"}}`,
		`{"models":{"x":{"durations":[5],"credits":1e308,"upstreams":{"a":""}},"y":null}}`, `{"database":"postgres://u:p@[::1"}`, `{"retention":{"budget":"1e30"},"upstream_concurrency":{"x":-1}}`, `{"poll_interval":-9223372036854775808}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := new(Config)
		if err := json.Unmarshal(text, c); err != nil {
			return
		}
		before, err := c.resolve()
		if err == nil && (before.pollInterval < shortest || before.concurrency < 0 || before.materials.Total <= 0 || before.deadline < shortest) {
			t.Errorf("%s: %+v", text, before)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %v", text, err)
		}
		if _, err := json.Marshal(c); err != nil {
			t.Errorf("%s: cannot be written: %v", text, err)
		}
	})
}

// The directives of a site are refused or understood; no input ends the process.
func FuzzDirectives(f *testing.F) {
	for _, seed := range []string{"jimeng", "jimeng x", "jimeng {\n}", "jimeng {\nx y\n}", "jimeng_dashboard", "jimeng_dashboard /ui/*", "jimeng_dashboard @x", "jimeng_dashboard * y", "jimeng_dashboard {\nroot x\n}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		h := httpcaddyfile.Helper{Dispenser: dispense(t, input)}
		if len(strings.Fields(input)) == 0 {
			t.Skip("a directive has a name")
		}
		if _, err := parseHandler(h); err == nil && len(strings.Fields(strings.Trim(input, "\ufeff"))) > 1 && !strings.ContainsAny(input, "#\"`{\\<\r\n") {
			t.Errorf("%q has an argument", input)
		}
		values, err := parseDashboard(httpcaddyfile.Helper{Dispenser: dispense(t, input)})
		if err == nil && len(values) != 1 {
			t.Errorf("%q: %d routes", input, len(values))
		}
	})
}

var withPassword = regexp.MustCompile(`^postgres(ql)?://[^/?#]*:hunter2@`)

// A database's identity never has its password, and nor has an error about it.
func FuzzDatabaseIdentity(f *testing.F) {
	for _, seed := range []string{"postgres://u:hunter2@db/x", "postgres://u:hunter2@[::1", "postgres:///x?password=hunter2&host=/run", "postgres://u@h/x?passfile=hunter2", "postgres://db/x?sslpassword=hunter2", "sqlite://data/x.db", "postgres://u:p%ZZhunter2@h/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "hunter2"
		identity, err := databaseIdentity(text)
		if err != nil {
			identity = err.Error()
		}
		if withPassword.MatchString(text) && strings.Count(text, secret) == 1 && strings.Contains(identity, secret) {
			t.Errorf("%q: %q", text, identity)
		}
	})
}

// dispense reads tokens as the adapter does. (NewTestDispenser ends the process
// for what is no Caddyfile at all.)
func dispense(t *testing.T, input string) *caddyfile.Dispenser {
	t.Helper()
	tokens, err := caddyfile.Tokenize([]byte(input), "Caddyfile")
	if err != nil || len(tokens) == 0 {
		t.Skip("no Caddyfile")
	}
	return caddyfile.NewDispenser(tokens)
}
