package caddymodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

const monitoringPage = "../docs/monitoring.md"

// description reads what prometheus says of a metric; it has no methods for that.
var description = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "([^"]+)", unit: "", constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}\}$`)

// described are the lines of the table of metrics, by name.
func described(t *testing.T) map[string]string {
	t.Helper()
	g := newGateway(t)
	g.mustLoad("", "")
	lines := map[string]string{}
	for _, c := range g.running().metrics {
		kind := "gauge"
		switch c.(type) {
		case *prometheus.CounterVec, prometheus.Counter:
			kind = "counter"
		case *prometheus.HistogramVec, prometheus.Histogram:
			kind = "histogram"
		}
		if _, ok := c.(prometheus.Gauge); ok { // which has the methods of a counter
			kind = "gauge"
		}
		descs := make(chan *prometheus.Desc, 100)
		c.Describe(descs)
		close(descs)
		for desc := range descs {
			m := description.FindStringSubmatch(desc.String())
			if m == nil {
				t.Fatalf("cannot read %s", desc)
			}
			var labels []string
			for _, label := range strings.FieldsFunc(m[3]+","+m[4], func(r rune) bool { return r == ',' }) {
				name, _, _ := strings.Cut(label, "=")
				labels = append(labels, "`"+name+"`")
			}
			lines[m[1]] = fmt.Sprintf("| `%s` | %s | %s | %s |\n", m[1], kind, strings.Join(labels, ", "), m[2])
		}
	}
	return lines
}

// The page lists every metric, as the code describes it.
func TestMonitoringPage(t *testing.T) {
	lines := described(t)
	table := "| metric | type | labels | meaning |\n|---|---|---|---|\n"
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		table += lines[name]
	}
	page, err := os.ReadFile(monitoringPage)
	if err != nil {
		t.Fatal(err)
	}
	begin, rest, ok := strings.Cut(string(page), "| metric | type | labels | meaning |\n")
	if !ok {
		t.Fatal("the page has no table of metrics")
	}
	want := begin + table
	if _, after, ok := strings.Cut(rest, "\n\n"); ok {
		want += "\n" + after
	}
	if string(page) == want {
		return
	}
	if *update {
		if err := os.WriteFile(monitoringPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s differs from the code; go test ./caddymodule -run TestMonitoringPage -update", monitoringPage)
}

// aMetric is how a metric of the gateway is written in an expression; the suffixes
// are those of histograms.
var aMetric = regexp.MustCompile(`\bjimeng_[a-z_]+\b`)

// What the dashboard and the rules ask for exists, and the page tells of each alert.
func TestMonitoringFiles(t *testing.T) {
	known := described(t)
	for _, name := range []string{"grafana.json", "alerts.yml", "alerts_test.yml"} {
		text, err := os.ReadFile(filepath.Join("../docs/monitoring", name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".json") && !json.Valid(text) {
			t.Errorf("%s is no JSON", name)
		}
		asked := aMetric.FindAllString(string(text), -1)
		if len(asked) == 0 {
			t.Errorf("%s asks for nothing", name)
		}
		for _, metric := range asked {
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				if base := strings.TrimSuffix(metric, suffix); strings.Contains(known[base], "| histogram |") {
					metric = base
				}
			}
			if known[metric] == "" {
				t.Errorf("%s asks for %s, which does not exist", name, metric)
			}
		}
	}
	page, err := os.ReadFile(monitoringPage)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile("../docs/monitoring/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("../docs/monitoring/alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		if !strings.Contains(string(page), "`"+m[1]+"`") {
			t.Errorf("the page does not tell of %s", m[1])
		}
		if !strings.Contains(string(tests), "alertname: "+m[1]+"\n") {
			t.Errorf("%s has no test", m[1])
		}
	}
}

// dashboardRules are the questions of the dashboard as rules, which promtool reads.
func dashboardRules(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/monitoring/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	var rules []map[string]string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			expr := strings.NewReplacer("$job", "jimeng", "$__rate_interval", "5m").Replace(target.Expr)
			rules = append(rules, map[string]string{"record": fmt.Sprintf("panel:%d", len(rules)), "expr": expr})
		}
	}
	file, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}}) // JSON is YAML
	if err != nil || len(rules) == 0 {
		t.Fatal("the dashboard asks for nothing", err)
	}
	return string(file)
}

// Prometheus itself takes the rules, their tests and a real scrape.
func TestPromtool(t *testing.T) {
	promtool := os.Getenv("TEST_PROMTOOL")
	if promtool == "" {
		var err error
		if promtool, err = exec.LookPath("promtool"); err != nil {
			t.Skip("promtool of Prometheus is not installed, and TEST_PROMTOOL does not name it")
		}
	}
	run := func(stdin string, args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = "../docs/monitoring"
		command.Stdin = strings.NewReader(stdin)
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}
	run("", "check", "rules", "alerts.yml")
	run("", "test", "rules", "alerts_test.yml")
	run(dashboardRules(t), "check", "rules", "/dev/stdin")

	g := newGateway(t)
	g.mustLoad(metricsOptions, "handle /metrics {\nmetrics\n}")
	g.post("/api/v1/sessions", `{"session_id":"an-account-0000000001"}`, http.StatusCreated)
	g.finish(g.submit("a boat"))
	_, text := g.get("/metrics")
	var own strings.Builder // promtool finds fault with names of Caddy's
	for line := range strings.Lines(text) {
		if strings.Contains(line, "jimeng_") {
			own.WriteString(line)
		}
	}
	run(own.String(), "check", "metrics")
}
