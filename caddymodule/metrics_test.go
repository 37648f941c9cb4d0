package caddymodule

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scraped are the metrics as Prometheus gets them.
type scraped map[string]*dto.MetricFamily

func (g *gateway) scrape(path string) scraped {
	g.t.Helper()
	response, text := g.get(path)
	if response.StatusCode != http.StatusOK {
		g.t.Fatalf("%s answers %d: %s", path, response.StatusCode, text)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		g.t.Fatal(err)
	}
	return families
}

// sum adds up the series with these labels, written as in Prometheus.
func (s scraped) sum(name string, labels ...string) (sum float64) {
	for _, m := range s[name].GetMetric() {
		has := map[string]bool{}
		for _, pair := range m.GetLabel() {
			has[fmt.Sprintf("%s=%s", pair.GetName(), pair.GetValue())] = true
		}
		wanted := true
		for _, label := range labels {
			wanted = wanted && has[label]
		}
		if wanted {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// eventually fails the test when try has not returned "" for a while.
func eventually(t *testing.T, try func() string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		problem := try()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(problem)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// post sends JSON with the admin token and returns the answer.
func (g *gateway) post(path, body string, want int) (answer map[string]any) {
	g.t.Helper()
	request, err := http.NewRequest(http.MethodPost, "http://"+g.address+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := g.client.Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != want {
		g.t.Fatalf("%s answers %d, %v, %v", path, response.StatusCode, answer, err)
	}
	return answer
}

// submit makes a task that the upstream is polled for, and returns its id.
func (g *gateway) submit(prompt string) string {
	g.t.Helper()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 400, 400))); err != nil {
		g.t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"prompt": prompt, "model": "seedance-2.0",
		"files": []string{"data:image/png;base64," + base64.StdEncoding.EncodeToString(picture.Bytes())}})
	if err != nil {
		g.t.Fatal(err)
	}
	return g.post("/api/v1/tasks", string(body), http.StatusCreated)["task"].(map[string]any)["id"].(string)
}

// finish waits until the task has succeeded.
func (g *gateway) finish(id string) {
	g.t.Helper()
	eventually(g.t, func() string {
		if _, body := g.get("/api/v1/tasks/" + id); !strings.Contains(body, `"status":"succeeded"`) {
			return body
		}
		return ""
	})
}

const metricsOptions = "poll_interval 100ms\nupstream simulator {\nvariant fork\ndelay 100ms\n}\n"

func TestMetrics(t *testing.T) {
	g := newGateway(t)
	// One server for the world, with the gateway, and one for Prometheus.
	site := "handle /metrics {\nmetrics\n}"
	g.mustLoad(metricsOptions, site)
	g.post("/api/v1/sessions", `{"session_id":"an-account-0000000001","slots":2}`, http.StatusCreated)
	g.finish(g.submit("a paper boat on a pond, said by nobody but me"))
	g.post("/api/v1/tasks", `{"prompt":"x","model":"no-such-model-4711"}`, http.StatusBadRequest)
	g.post("/api/v1/sessions", `{"session_id":1}`, http.StatusBadRequest) // huma's own refusal

	check := func(s scraped, tasks float64) {
		t.Helper()
		for _, want := range []struct {
			n      float64
			name   string
			labels []string
		}{
			{tasks, "jimeng_tasks_created_total", []string{"kind=video"}},
			{tasks, "jimeng_tasks_ended_total", []string{"status=succeeded", "upstream=simulator"}},
			{tasks, "jimeng_task_finish_seconds", []string{"kind=video", "status=succeeded"}},
			{2, "jimeng_requests_refused_total", []string{"code=invalid_request"}},
			{1, "jimeng_build_info", []string{"version=" + Version}},
			{1, "jimeng_component_state", []string{"component=database", "state=ok"}},
			{0, "jimeng_polls_total", []string{"result=fault"}},
			{1, "jimeng_sessions", []string{"state=ready", "upstream=simulator"}},
		} {
			if got := s.sum(want.name, want.labels...); got != want.n {
				t.Errorf("%s%v is %v, want %v", want.name, want.labels, got, want.n)
			}
		}
	}
	before := g.scrape("/metrics")
	check(before, 1)

	g.mustLoad(metricsOptions, site)
	check(g.scrape("/metrics"), 1)
	g.finish(g.submit("another boat"))
	check(g.scrape("/metrics"), 2)
	if err := g.load(rejected["sibling"](g)); err == nil {
		t.Fatal("the configuration was accepted")
	}
	check(g.scrape("/metrics"), 2)

	for name, family := range g.scrape("/metrics") {
		for _, m := range family.GetMetric() {
			for _, pair := range m.GetLabel() {
				if text := pair.GetValue(); strings.HasPrefix(name, "jimeng_") &&
					(strings.Contains(text, "boat") || strings.Contains(text, "4711") || strings.Contains(text, "account")) {
					t.Errorf("%s has the label %s=%s", name, pair.GetName(), text)
				}
			}
		}
	}
}

// Clients that listen are counted as long as they do, by the node that they listen to.
func TestMetricOfListeners(t *testing.T) {
	g := newGateway(t)
	g.mustLoad(metricsOptions, "handle /metrics {\nmetrics\n}")
	listening := func(want float64) {
		t.Helper()
		eventually(t, func() string {
			if got := g.scrape("/metrics").sum("jimeng_listeners", "stream=events"); got != want {
				return fmt.Sprintf("%v listeners, want %v", got, want)
			}
			return ""
		})
	}
	request, err := http.NewRequest(http.MethodGet, "http://"+g.address+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testToken)
	response, err := g.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	listening(1)
	response.Body.Close()
	listening(0)
}
