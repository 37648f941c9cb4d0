package auth

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Client is what is known of a request's sender before anybody looks at its key.
type Client struct {
	// Address is the sender's, behind the proxies that the configuration trusts;
	// invalid when it is not known, as on a unix socket.
	Address netip.Addr
	// RequestID is in the logs and in the audit log, "" for none.
	RequestID string
	// Seen is told who sends the request and for what, once that is known. Default:
	// nobody wants to know.
	Seen func(Access)
}

// Access is what an access log says of a request beside what every server knows.
type Access struct {
	Route string // the pattern that matched
	Key   string // the beginning of its secret, or the id of one that has none; "" for strangers
	Name  string // of the key or the person
	Role  string // of a person
	Task  string // the id in the path, "" for none
}

type clientKey struct{}

// WithClient returns a context whose requests come from the client.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// ClientOf returns the client that the request comes from: by its connection, if
// nobody has told with [WithClient].
func ClientOf(r *http.Request) Client {
	c, _ := r.Context().Value(clientKey{}).(Client)
	if !c.Address.IsValid() {
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			c.Address = peer.Addr()
		}
	}
	c.Address = c.Address.Unmap().WithZone("")
	return c
}

// Actor is the request's sender as the audit log names it: the kind is "key",
// "person" or "provider".
func (c Client) Actor(kind, id, name string) *store.Actor {
	actor := &store.Actor{Kind: kind, ID: id, Name: name, RequestID: c.RequestID}
	if c.Address.IsValid() {
		actor.Address = c.Address.String()
	}
	return actor
}
