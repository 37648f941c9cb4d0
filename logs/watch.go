package logs

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/docker/docker/client"
	"go.uber.org/zap"
)

const (
	pingTime    = 3 * time.Second // for one answer
	pingEvery   = 2 * time.Second // while it answers
	pingStrikes = 2               // times out before it counts as hanging: it may be busy
	soonest     = 250 * time.Millisecond
	latest      = 5 * time.Second
)

// daemon is the Docker engine: it finds out whether that can be used, and ends what
// hangs on one that does not answer any more. A log that is followed tells nothing
// of it: while a container is quiet, an engine may not even send the header of its
// answer.
type daemon struct {
	host  string
	log   *zap.Logger
	clock clock
	kick  chan struct{}

	mu      sync.Mutex
	conn    *conn         // nil while it cannot be used
	problem *problem      // why; nil before the first answer
	since   time.Time     // of the conn or the problem
	changed chan struct{} // closed when these change
}

// conn is a way to an engine that answers.
type conn struct {
	*client.Client
	transport *http.Transport
	api       string          // the newest version that the engine knew when the way was made
	ctx       context.Context // ends when the engine does not answer any more
	end       context.CancelCauseFunc
}

func newDaemon(host string, log *zap.Logger) *daemon {
	return &daemon{host: host, log: log, kick: make(chan struct{}, 1), changed: make(chan struct{})}
}

// state tells how it is; changed is closed when that changes.
func (d *daemon) state() (conn *conn, problem *problem, since time.Time, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn, d.problem, d.since, d.changed
}

func (d *daemon) set(conn *conn, problem *problem, since time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if conn == nil && d.conn == nil && d.problem != nil && problem.reason == d.problem.reason {
		return // since holds
	}
	if conn == nil && d.conn == nil && d.problem != nil {
		since = d.since // another reason, the same outage
	}
	d.conn, d.problem, d.since = conn, problem, since
	close(d.changed)
	d.changed = make(chan struct{})
}

// suspect makes it look at once: a call has failed.
func (d *daemon) suspect() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// watch keeps looking until the context ends.
func (d *daemon) watch(ctx context.Context) {
	var c *conn
	defer func() { d.drop(c, context.Canceled) }()
	wait := soonest
	for {
		started := now()
		next, err := d.look(ctx, c)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil && next != c:
			d.log.Info("Docker answers", zap.String("host", d.host), zap.String("api_version", next.ClientVersion()))
			d.set(next, nil, now())
			wait = pingEvery
		case err != nil:
			p := explain(err, d.host, "")
			if c != nil {
				d.log.Warn("Docker does not answer any more", zap.String("host", d.host), zap.String("reason", p.reason))
				wait = soonest
			} else {
				wait = min(2*wait, latest)
			}
			d.set(nil, p, started)
			d.drop(c, errHangs)
		}
		c = next
		select {
		case <-time.After(wait):
		case <-d.kick:
			select { // those who fail at once do not make it a busy loop
			case <-time.After(soonest):
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// look asks the engine whether it is there, over the way that there is or a new
// one: the version of its API may have changed while it was away.
func (d *daemon) look(ctx context.Context, c *conn) (*conn, error) {
	strikes := 1
	if c == nil {
		cl, transport, err := newClient(d.host, &d.clock)
		if err != nil {
			return nil, &problem{"Docker's settings are wrong: " + brief(err.Error()) + ".", "Check DOCKER_HOST and DOCKER_CERT_PATH.", aboutDocker}
		}
		c = &conn{Client: cl, transport: transport}
		c.ctx, c.end = context.WithCancelCause(ctx)
	} else {
		strikes = pingStrikes
	}
	for {
		api, err := d.ping(ctx, c)
		if err == nil && c.api != "" && c.api != api {
			d.drop(c, errHangs) // another engine, between two looks
			return d.look(ctx, nil)
		}
		if err == nil {
			c.api = api
			return c, nil
		}
		if strikes--; strikes == 0 || !errors.Is(err, context.DeadlineExceeded) {
			d.drop(c, errHangs)
			return nil, err
		}
	}
}

func (d *daemon) ping(ctx context.Context, c *conn) (api string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	answer, err := c.Ping(ctx)
	return answer.APIVersion, err
}

func (d *daemon) drop(c *conn, cause error) {
	if c != nil {
		c.end(cause)
		c.transport.CloseIdleConnections()
	}
}
