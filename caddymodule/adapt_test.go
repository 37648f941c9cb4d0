package caddymodule

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/google/go-cmp/cmp"

	_ "github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	_ "github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

var update = flag.Bool("update", false, "write the adapted JSON into testdata/adapt")

// Every file in testdata/adapt is a Caddyfile, a line of dashes, and the JSON
// that it becomes or the error that it gives.
func TestAdapt(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatal("no test files:", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			t.Parallel()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, found := strings.Cut(string(content), "----------\n")
			if !found {
				t.Fatal("there is no line of dashes")
			}
			want = strings.TrimSpace(want)
			adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
			if !strings.HasPrefix(want, "{") {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("error is\n%v\nwant\n%s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, warning := range warnings {
				t.Error("warning:", warning)
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, adapted, "", "\t"); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(input+"----------\n"+pretty.String()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, pretty.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The shipped configurations are what the adapter's formatter makes of them and
// adapt without a warning.
func TestShippedCaddyfiles(t *testing.T) {
	t.Setenv("DEMO_DATA", "data/demo")
	for _, file := range []string{"../Caddyfile", "../scripts/demo.Caddyfile"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(content, map[string]any{"filename": file})
		if err != nil {
			t.Error(err)
		}
		for _, warning := range warnings {
			t.Error(file, warning)
		}
		for _, want := range []string{`"handler":"jimeng"`, `"handler":"jimeng_dashboard"`, `:5100"]`} {
			if !strings.Contains(string(adapted), want) {
				t.Errorf("%s has no %s: %s", file, want, adapted)
			}
		}
	}
}
