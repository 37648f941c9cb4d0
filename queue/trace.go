package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// tracerName is the scope of every span of the gateway.
const tracerName = "github.com/jimeng-gateway/jimeng-gateway"

// flushPatience bounds the sending of the last spans when the queue stops.
const flushPatience = 5 * time.Second

// tracing makes the spans of what happens after the request: on a worker, maybe on
// another node or after a restart. The provider of the request is of no use there:
// it is Caddy's, and ends with the configuration. So the queue has its own, which
// the same OTEL_… variables describe. It is made when the first task comes by whose
// request was traced; without `tracing` in the Caddyfile there is no such task.
type tracing struct {
	log *zap.Logger

	mu       sync.Mutex
	provider *sdktrace.TracerProvider // nil before the first task
	off      bool                     // stopped, or nothing can be sent
}

// tracer returns nil if nothing can be traced.
func (t *tracing) tracer() trace.Tracer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.off {
		return nil
	}
	if t.provider == nil {
		exporter, err := autoexport.NewSpanExporter(context.Background())
		if err != nil {
			t.off = true
			t.log.Error("tasks are not traced; check the variables OTEL_…", zap.Error(err))
			return nil
		}
		t.provider = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	}
	return t.provider.Tracer(tracerName)
}

// stop sends what is left.
func (t *tracing) stop() {
	t.mu.Lock()
	provider := t.provider
	t.provider, t.off = nil, true
	t.mu.Unlock()
	if provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushPatience)
	defer cancel()
	if err := provider.Shutdown(ctx); err != nil {
		t.log.Warn("the last spans were not sent", zap.Error(err))
	}
}

// noSpan takes everything and does nothing.
var noSpan = trace.SpanFromContext(context.Background())

// span begins a span below the request's that made the task.
func (t *tracing) span(parent, taskID, name string, at time.Time) trace.Span {
	if parent == "" {
		return noSpan
	}
	tracer := t.tracer()
	if tracer == nil {
		return noSpan
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent})
	_, span := tracer.Start(ctx, name, trace.WithTimestamp(at), trace.WithAttributes(attribute.String("jimeng.task.id", taskID)))
	return span
}

// traceStep begins the span of a step of a task. Nothing of it goes to the
// upstream: a third party need not know which requests belong together, nor when
// they were made. The label of a session is what people call it, and no secret.
func (q *Queue) traceStep(ctx context.Context, task *store.Task, name string, at time.Time) trace.Span {
	span := q.tracing.span(task.Trace, task.ID, name, at)
	if !span.IsRecording() {
		return span
	}
	span.SetAttributes(attribute.String("jimeng.upstream", task.Upstream), attribute.String("jimeng.model", task.Model),
		attribute.Int("jimeng.attempt", task.Attempt))
	if session, err := q.store.Session(ctx, task.SessionID); err == nil {
		span.SetAttributes(attribute.String("jimeng.session", session.Label))
	}
	return span
}

// endSpan ends a span with the kind of the fault. The words of an upstream stay
// out of it: they may quote the prompt.
func endSpan(span trace.Span, err error) {
	if err != nil && span.IsRecording() {
		kind := upstream.Unknown
		if fault, ok := errors.AsType[*upstream.Error](err); ok {
			kind = fault.Kind.Public()
		}
		span.SetAttributes(attribute.String("jimeng.error_kind", string(kind)))
		span.SetStatus(codes.Error, string(kind))
	}
	span.End()
}

// tracePoll keeps the first poll of an attempt and those that failed or taught
// something: a task of hours has hundreds that did not.
func (q *Queue) tracePoll(ctx context.Context, task *store.Task, began time.Time, p upstream.Progress, err error) {
	first := task.Polls <= 1 // the acceptance counts as one
	moved := p.State == upstream.Succeeded || p.State == upstream.Failed || !sameNumber(p.QueuePosition, task.QueuePosition)
	if task.Trace == "" || !first && !moved && err == nil {
		return
	}
	span := q.traceStep(ctx, task, "jimeng.poll", began)
	if p.QueuePosition != nil {
		span.SetAttributes(attribute.Int("jimeng.queue_position", *p.QueuePosition))
	}
	if err == nil {
		switch p.State {
		case upstream.Succeeded:
			span.SetAttributes(attribute.String("jimeng.upstream_state", "succeeded"))
		case upstream.Failed:
			span.SetAttributes(attribute.String("jimeng.upstream_state", "failed"))
			err = failure(p)
		default:
			span.SetAttributes(attribute.String("jimeng.upstream_state", "running"))
		}
	}
	endSpan(span, err)
}

func sameNumber(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// traceSubmit begins the span of a submit in the request's trace and lets the task
// remember it, so that what happens later hangs below it.
func traceSubmit(ctx context.Context, task *store.Task) trace.Span {
	request := trace.SpanFromContext(ctx)
	if !request.SpanContext().IsSampled() {
		return noSpan
	}
	ctx, span := request.TracerProvider().Tracer(tracerName).Start(ctx, "jimeng.submit", trace.WithAttributes(
		attribute.String("jimeng.task.id", task.ID), attribute.String("jimeng.model", task.Model), attribute.String("jimeng.kind", task.Kind)))
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	task.Trace = carrier["traceparent"]
	return span
}

// traceQueue tells how long a task has waited for the slot that it was given.
func (q *Queue) traceQueue(e *store.Event) {
	if e.Subject.Trace == "" || e.Attempt > 1 { // when a later wait began is not known here
		return
	}
	span := q.tracing.span(e.Subject.Trace, e.TaskID, "jimeng.queue", time.UnixMilli(e.Subject.CreatedAt))
	span.SetAttributes(attribute.String("jimeng.upstream", e.Upstream))
	span.End(trace.WithTimestamp(time.UnixMilli(e.At)))
}

// traceEnd marks the end of a task.
func (q *Queue) traceEnd(e *store.Event) {
	if e.Subject.Trace == "" {
		return
	}
	at := time.UnixMilli(e.FinishedAt)
	span := q.tracing.span(e.Subject.Trace, e.TaskID, "jimeng.end", at)
	span.SetAttributes(attribute.String("jimeng.status", string(e.Status)), attribute.String("jimeng.error_kind", e.ErrorKind))
	if e.Status == store.Failed {
		span.SetStatus(codes.Error, e.ErrorKind)
	}
	span.End(trace.WithTimestamp(at))
}
