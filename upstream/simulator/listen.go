package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// ListenAndServe serves on addr until ctx ends, and returns after its last
// handler has. It calls ready with the address to use, such as
// "http://127.0.0.1:8000", as soon as connections are accepted; ready may be
// nil. Calls that are still open when ctx ends are cut, as if the process had
// been killed. The error is nil when ctx was the reason to stop.
func (s *Server) ListenAndServe(ctx context.Context, addr string, ready func(baseURL string)) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for the simulator: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var open gate
	server := &http.Server{
		Handler:           open.guard(s),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          zap.NewStdLog(s.log),
	}
	var closer sync.WaitGroup
	closer.Go(func() {
		<-ctx.Done()
		// Cut everything: what waits sees its context end.
		server.Close() // the listener's second close
		open.close()
	})
	s.log.Info("simulated upstream is listening", zap.String("address", listener.Addr().String()), zap.String("variant", string(s.variant)))
	if ready != nil {
		ready("http://" + reachable(listener.Addr()))
	}
	err = server.Serve(listener)
	cancel()
	closer.Wait()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the simulator: %w", err)
	}
	return nil
}

// reachable turns "every interface" into an address that can be dialled.
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
	}
	return addr.String()
}

// gate counts the handlers that run, because http.Server.Close does not wait
// for them.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func (g *gate) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		if g.closed {
			g.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
		g.inside.Add(1)
		g.mu.Unlock()
		defer g.inside.Done()
		next.ServeHTTP(w, r)
	})
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}
