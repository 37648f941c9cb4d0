package store

import (
	"context"
	"database/sql/driver"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// answerWithin is how long PostgreSQL may take for the first byte of an
	// answer. A server that is frozen, or lies behind a network that swallows
	// everything, says nothing for ever, and whoever asks should hear so while it
	// still listens.
	answerWithin = 10 * time.Second
	// connectWithin bounds the wait for a connection, in the pool or anew.
	connectWithin = 5 * time.Second
)

// impatience closes connections that wait too long for an answer; it is off until
// the schema is up to date, which may take long.
type impatience struct {
	on   atomic.Bool
	dial pgconn.DialFunc
}

func (p *impatience) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &socket{Conn: conn, on: &p.on}, nil
}

// socket is a connection with a limit for answers. It keeps to the deadlines that
// pgx sets for contexts that end. A connection that has asked nothing, as one that
// listens for notifications, may wait as long as it likes.
type socket struct {
	net.Conn
	on *atomic.Bool

	mu       sync.Mutex
	deadline time.Time // that pgx has set
	asked    time.Time // when the answer that is missing was asked for, zero for none
}

func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	if s.on.Load() {
		s.asked = time.Now()
	}
	err := s.limit()
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if n > 0 {
		s.mu.Lock()
		s.asked = time.Time{}
		limitErr := s.limit()
		s.mu.Unlock()
		if err == nil {
			err = limitErr
		}
	}
	return n, err
}

// SetDeadline implements [net.Conn].
func (s *socket) SetDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	return s.limit()
}

// limit sets the earlier of pgx's deadline and our own.
func (s *socket) limit() error {
	deadline := s.deadline
	if !s.asked.IsZero() {
		if own := s.asked.Add(answerWithin); deadline.IsZero() || own.Before(deadline) {
			deadline = own
		}
	}
	return s.Conn.SetDeadline(deadline)
}

// hurried gives up when the pool has no connection soon: all of them may wait for
// a server that does not answer.
type hurried struct{ driver.Connector }

func (h hurried) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	return h.Connector.Connect(ctx)
}
