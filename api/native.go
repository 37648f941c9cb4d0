package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// nativeRoutes registers /api/v1/*, described by the same code that serves it.
func (a *api) nativeRoutes(r *router) *huma.OpenAPI {
	config := openAPIConfig(a.Version)
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	config.Formats = map[string]huma.Format{"application/json": format, "json": format}
	// A filter with a slip in its name would match everything.
	config.RejectUnknownQueryParameters = true
	h := humago.New(r, config)
	h.UseMiddleware(a.countRefusals, a.strict)
	a.taskOperations(h)
	a.explainOperations(h)
	a.materialOperations(h)
	a.sessionOperations(h)
	a.poolOperations(h)
	a.keyOperations(h)
	a.signInOperations(h)
	a.statusOperations(h)
	a.healthOperations(h)
	a.usageOperations(h)
	a.timelineOperations(h)
	a.auditOperations(h)
	a.storageOperations(h)
	a.modelOperations(h)
	a.secretOperations(h)
	a.logOperations(h)
	a.containerOperations(h)
	a.aboutOperations(h)
	return h.OpenAPI()
}

// operation describes a native endpoint. Who may use it is in the table of
// access, its errors and examples are in the one of details.
func operation(method, path, id, tag, summary, description string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary, Description: description,
		MaxBodyBytes: -1, BodyReadTimeout: -1} // see strict
}

// with sets the status of success where it is not 200.
func with(status int, op huma.Operation) huma.Operation {
	op.DefaultStatus = status
	return op
}

// handle registers an operation whose errors are explained as everywhere else.
func handle[I, O any](a *api, h huma.API, op huma.Operation, f func(context.Context, *I) (*O, error)) {
	huma.Register(h, op, func(ctx context.Context, input *I) (*O, error) {
		output, err := f(ctx, input)
		if err != nil {
			e := explain(endedBy(ctx, err))
			a.log(ctx, e)
			callerOf(ctx).refusal = e.code
			a.Metrics.refuse(e.code)
			return nil, problemOf(e)
		}
		return output, nil
	})
}

// body is an answer with nothing but a body.
type body[T any] struct{ Body T }

func reply[T any](value T) (*body[T], error) { return &body[T]{value}, nil }

// byID is the input of an operation on one thing.
type byID struct {
	ID string `path:"id" maxLength:"64" doc:"The id."`
}

// change is a field of a request that may be absent, null or there; null takes
// the value away.
type change[T any] struct {
	Sent  bool
	Value T
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *change[T]) UnmarshalJSON(data []byte) error {
	c.Sent = true
	return json.Unmarshal(data, &c.Value) // null leaves the zero value
}

// Schema implements [huma.SchemaProvider].
func (c *change[T]) Schema(r huma.Registry) *huma.Schema {
	schema := *r.Schema(reflect.TypeFor[T](), true, "")
	schema.Nullable = schema.Type == huma.TypeInteger || schema.Type == huma.TypeNumber || schema.Type == huma.TypeString
	return &schema
}

// apply overwrites the target if the field was sent.
func (c *change[T]) apply(target *T) {
	if c.Sent {
		*target = c.Value
	}
}

// object is a JSON object that nobody here looks into, so that it stays as it
// came, numbers with all their digits.
type object struct{ json.RawMessage }

// Schema implements [huma.SchemaProvider].
func (object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Nullable: true, AdditionalProperties: true}
}

// timeOf is a moment of the store in an answer, null when it has not come.
func timeOf(milliseconds int64) *time.Time {
	if milliseconds == 0 {
		return nil
	}
	return new(time.UnixMilli(milliseconds).UTC())
}

// textOf is a text in an answer, null when there is none.
func textOf(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

const (
	get    = http.MethodGet
	post   = http.MethodPost
	patch  = http.MethodPatch
	remove = http.MethodDelete
)

// Interface guards
var (
	_ json.Unmarshaler    = (*change[int])(nil)
	_ huma.SchemaProvider = (*change[int])(nil)
	_ huma.SchemaProvider = object{}
)
