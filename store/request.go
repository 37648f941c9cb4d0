package store

import "context"

type requestKey struct{}

// WithRequestID returns a context whose new tasks keep the id of the request that
// made them, see [Task.RequestID].
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID is what [WithRequestID] has set, "" for nothing.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
