package storetest

import (
	"bytes"
	"context"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Wire stands between a gateway and PostgreSQL, and breaks when it is told to.
type Wire struct {
	URL string // of the database, through the wire

	server string
	mu     sync.Mutex
	refuse bool
	held   chan struct{} // closed when bytes may pass
	lose   []byte        // see LoseCommit
	lost   chan struct{}
	conns  map[net.Conn]bool
}

// NewWire lays a wire to the database, until the end of the test.
func NewWire(t *testing.T, databaseURL string) *Wire {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{server: u.Host, held: make(chan struct{}), conns: make(map[net.Conn]bool)}
	close(w.held)
	u.Host = listener.Addr().String()
	w.URL = u.String()
	var pumps sync.WaitGroup
	pumps.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			pumps.Go(func() { w.serve(&pumps, client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		w.Restore()
		w.Refuse()
		pumps.Wait()
	})
	return w
}

// Refuse breaks all connections, and new ones as soon as they are made.
func (w *Wire) Refuse() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = true
	for conn := range w.conns {
		conn.Close()
	}
}

// Hang lets nothing pass in either direction; connections stay as they are.
func (w *Wire) Hang() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = make(chan struct{})
}

// Restore ends what Refuse or Hang began.
func (w *Wire) Restore() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = false
	select {
	case <-w.held:
	default:
		close(w.held)
	}
}

// LoseCommit breaks the connection of the next transaction that has sent the
// text, when it has been committed and its client does not know yet. The channel
// is closed then. The text is found where a connection prepares its statement, so
// it must not have been sent before.
func (w *Wire) LoseCommit(text string) (lost <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose, w.lost = []byte(text), make(chan struct{})
	return w.lost
}

func (w *Wire) serve(pumps *sync.WaitGroup, client net.Conn) {
	defer client.Close()
	dialer := net.Dialer{Timeout: 10 * time.Second}
	server, err := dialer.DialContext(context.Background(), "tcp", w.server)
	if err != nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	if w.refuse {
		w.mu.Unlock()
		return
	}
	w.conns[client], w.conns[server] = true, true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.conns, client)
		delete(w.conns, server)
	}()
	c := &wireConn{wire: w}
	answers := make(chan struct{})
	pumps.Go(func() {
		defer close(answers)
		w.pump(client, server, c.answer)
		client.Close()
	})
	w.pump(server, client, c.request)
	server.Close()
	<-answers
}

// pump copies until either end closes, or pass says no.
func (w *Wire) pump(to, from net.Conn, pass func([]byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		held := w.held
		w.mu.Unlock()
		<-held
		if n > 0 {
			if !pass(buffer[:n]) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// wireConn is what a connection has said.
type wireConn struct {
	wire     *Wire
	mu       sync.Mutex
	matched  bool
	finished chan struct{} // of the commit whose answer is lost
}

func (c *wireConn) request(b []byte) bool {
	c.wire.mu.Lock()
	lose, lost := c.wire.lose, c.wire.lost
	c.wire.mu.Unlock()
	if lose == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.matched = c.matched || bytes.Contains(b, lose)
	if c.matched && bytes.Contains(b, []byte("commit\x00")) {
		c.wire.mu.Lock()
		c.wire.lose = nil
		c.wire.mu.Unlock()
		c.finished = lost
	}
	return true
}

func (c *wireConn) answer([]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished == nil {
		return true
	}
	close(c.finished) // the server has answered, so it has committed
	return false
}
