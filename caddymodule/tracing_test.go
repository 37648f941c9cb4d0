package caddymodule

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// telescope is a collector of traces that speaks OTLP over HTTP.
type telescope struct {
	t   *testing.T
	url string

	mu    sync.Mutex
	raw   []byte // everything that came
	spans []*trace.Span
}

// newTelescope lets every exporter of the process send to it.
func newTelescope(t *testing.T) *telescope {
	t.Helper()
	s := &telescope{t: t}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	return s
}

func (s *telescope) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			s.t.Error(err)
			return
		}
		body = unzipped
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		s.t.Error(err)
		return
	}
	var sent collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(raw, &sent); err != nil || r.URL.Path != "/v1/traces" {
		s.t.Errorf("%s: %v", r.URL.Path, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw = append(s.raw, raw...)
	for _, resource := range sent.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			s.spans = append(s.spans, scope.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// of are the spans of a task and of the request that made it, by name.
func (s *telescope) of(taskID string) map[string][]*trace.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	var traceID []byte
	for _, span := range s.spans {
		if span.GetName() == "jimeng.submit" && attribute(span, "jimeng.task.id") == taskID {
			traceID = span.GetTraceId()
		}
	}
	found := map[string][]*trace.Span{}
	for _, span := range s.spans {
		own := attribute(span, "jimeng.task.id") == taskID
		if same := bytes.Equal(span.GetTraceId(), traceID); traceID != nil && own != same && own {
			s.t.Errorf("%s is in the trace %s", span.GetName(), hex.EncodeToString(span.GetTraceId()))
		} else if traceID != nil && same {
			found[span.GetName()] = append(found[span.GetName()], span)
		}
	}
	return found
}

func attribute(span *trace.Span, name string) string {
	for _, a := range span.GetAttributes() {
		if a.GetKey() == name {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// A request and everything that comes of it is one trace, also when the gateway
// was restarted in the middle.
func TestTraces(t *testing.T) {
	s := newTelescope(t)
	const secret, prompt = "an-account-0000000001", "a paper boat, said by nobody but me"
	var told sync.Map // what the upstream learns of the trace
	sim := simulator.New(simulator.Config{Variant: simulator.Fork, Delay: time.Hour, Log: zap.NewNop()})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if lower := strings.ToLower(name); strings.HasPrefix(lower, "trace") || lower == "baggage" || lower == "b3" {
				told.Store(name, r.URL.Path)
			}
		}
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(upstream.Close)
	g := newGateway(t)
	options := "poll_interval 100ms\nupstream free_api {\nurl " + upstream.URL + "\n}\n"
	const site = "tracing {\nspan gateway\n}"
	g.mustLoad(options, site)
	g.post("/api/v1/sessions", `{"session_id":"`+secret+`","label":"first account"}`, http.StatusCreated)
	id := g.submit(prompt + " [[delay:2s]]")
	eventually(t, func() string {
		if spans := s.of(id); len(spans["jimeng.poll"]) == 0 {
			return fmt.Sprintf("no poll among the spans of %d names", len(spans))
		}
		return ""
	})
	first := g.running()
	if err := g.load(map[string]any{"admin": map[string]any{"disabled": true, "config": map[string]any{"persist": false}}}); err != nil {
		t.Fatal(err)
	}
	g.mustLoad(options, site)
	if g.running() == first {
		t.Fatal("it was not restarted")
	}
	g.finish(id)
	var spans map[string][]*trace.Span
	eventually(t, func() string {
		spans = s.of(id)
		if len(spans["jimeng.end"]) == 0 || len(spans["gateway"]) == 0 {
			return fmt.Sprintf("no end among the spans of %d names", len(spans))
		}
		return ""
	})
	for name, want := range map[string]int{"gateway": 1, "jimeng.submit": 1, "jimeng.queue": 1, "jimeng.attempt": 1, "jimeng.download": 1, "jimeng.end": 1} {
		if n := len(spans[name]); n != want {
			t.Errorf("%d spans %s, want %d", n, name, want)
		}
	}
	// The first, and the one that found the result: those between taught nothing.
	if n := len(spans["jimeng.poll"]); n < 2 || n > 4 {
		t.Errorf("%d polls", n)
	}
	request, submit := spans["gateway"][0], spans["jimeng.submit"][0]
	if !bytes.Equal(submit.GetParentSpanId(), request.GetSpanId()) {
		t.Error("the submit is not part of the request")
	}
	for name, list := range spans {
		for _, span := range list {
			if name != "gateway" && name != "jimeng.submit" && !bytes.Equal(span.GetParentSpanId(), submit.GetSpanId()) {
				t.Errorf("%s does not hang below the submit", name)
			}
			if span.GetEndTimeUnixNano() < span.GetStartTimeUnixNano() || span.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR {
				t.Errorf("%s: %v", name, span)
			}
		}
	}
	if attempt := spans["jimeng.attempt"][0]; attribute(attempt, "jimeng.session") != "first account" || attribute(attempt, "jimeng.upstream") != "free_api" {
		t.Errorf("the attempt: %v", attempt)
	}
	told.Range(func(name, path any) bool {
		t.Errorf("the upstream was told %s at %s", name, path)
		return true
	})

	// What fails is told by its kind, and not in words that may quote the prompt.
	failed := g.submit(prompt + " [[fault:content_violation]]")
	eventually(t, func() string {
		if spans = s.of(failed); len(spans["jimeng.end"]) == 0 {
			return "it has not ended"
		}
		return ""
	})
	if end := spans["jimeng.end"][0]; attribute(end, "jimeng.error_kind") != "content_risk" || end.GetStatus().GetCode() != trace.Status_STATUS_CODE_ERROR {
		t.Errorf("the end: %v", end)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, word := range []string{secret, prompt, testToken} {
		if bytes.Contains(s.raw, []byte(word)) {
			t.Errorf("the spans contain %q", word)
		}
	}
}

// Without `tracing` there is nothing to send to, whatever the environment says.
func TestNoTraces(t *testing.T) {
	s := newTelescope(t)
	g := newGateway(t)
	g.mustLoad(metricsOptions, "")
	g.post("/api/v1/sessions", `{"session_id":"an-account-0000000001"}`, http.StatusCreated)
	id := g.submit("a boat")
	g.finish(id)
	task, err := g.running().store.Task(t.Context(), "", id)
	if err != nil || task.Trace != "" {
		t.Errorf("the task has the trace %q, %v", task.Trace, err)
	}
	if err := g.load(map[string]any{"admin": map[string]any{"disabled": true, "config": map[string]any{"persist": false}}}); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.raw) > 0 {
		t.Errorf("%d spans were sent", len(s.spans))
	}
}
