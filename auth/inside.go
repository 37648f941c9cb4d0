package auth

import "context"

type insideKey struct{}

// inside is the admin who needs no token.
var inside = implicit(AdminKeyID, "admin endpoint")

// AsAdmin returns a context whose requests are the admin's, whatever key or
// cookie they carry. It is for callers who have shown elsewhere that they may do
// everything, as those of Caddy's admin endpoint have. No request from outside
// can bring such a context along.
func AsAdmin(ctx context.Context) context.Context {
	return context.WithValue(ctx, insideKey{}, inside)
}
