package queue_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// traced is a request with this trace, as Caddy's handler leaves it.
func traced(t *testing.T, sampled bool) (trace.SpanContext, string) {
	t.Helper()
	id, err := trace.TraceIDFromHex("0af7651916cd43dd8448eb211c80319c")
	if err != nil {
		t.Fatal(err)
	}
	span, err := trace.SpanIDFromHex("b7ad6b7169203331")
	if err != nil {
		t.Fatal(err)
	}
	if sampled {
		return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: trace.FlagsSampled}), "00-" + id.String() + "-" + span.String() + "-01"
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span}), ""
}

// A task keeps the trace of whoever has asked for it, and a retry that of its own
// request.
func TestTasksKeepTheTrace(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		ctx, want := traced(t, true)
		unsampled, _ := traced(t, false)
		for name, test := range map[string]struct {
			of   trace.SpanContext
			want string
		}{"traced": {ctx, want}, "not sampled": {unsampled, ""}, "without": {trace.SpanContext{}, ""}} {
			asked := trace.ContextWithSpanContext(t.Context(), test.of)
			// Limits and idempotency take another way than the short one.
			n := h.video(admin, "a boat")
			n.IdempotencyKey = name
			for _, n := range []*queue.NewTask{h.video(admin, "a boat"), n} {
				made, err := h.queue.Submit(asked, n)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := h.queue.Cancel(t.Context(), "", made.ID); err != nil {
					t.Fatal(err)
				}
				again, err := h.queue.Retry(asked, "", made.ID, "")
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range []string{made.ID, again.ID} {
					if stored, err := h.store.Task(t.Context(), "", id); err != nil || stored.Trace != test.want {
						t.Errorf("%s: the task has the trace %q, %v; want %q", name, stored.Trace, err, test.want)
					}
				}
			}
		}
	})
}

// A collector that hangs keeps neither a task nor the end of the process waiting.
func TestCollectorThatHangs(t *testing.T) {
	over := make(chan struct{})
	asked := make(chan struct{}, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-over
	}))
	defer collector.Close()
	defer close(over)
	t.Setenv("OTEL_TRACES_EXPORTER", "otlp")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	h := build(t, storetest.SQLite(t), options{delay: 10 * time.Millisecond})
	h.session("account-0000000001", 1)
	ctx, _ := traced(t, true)
	task, err := h.queue.Submit(trace.ContextWithSpanContext(t.Context(), ctx), h.video(admin, "a boat"))
	if err != nil {
		t.Fatal(err)
	}
	if ended := h.ended(task.ID); ended.Status != store.Succeeded {
		t.Errorf("the task is %s", ended.Status)
	}
	<-asked
	began := time.Now()
	h.stop()
	h.stop = func() {}
	if took := time.Since(began); took > patience(10*time.Second) {
		t.Errorf("the stop took %s", took)
	}
}
