package simulator

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
)

// lazyDriver drives a simulator of its own over real HTTP. It listens from the
// first call on, so that making one has no effects.
type lazyDriver struct {
	config Config
	listen string
	idle   *freeapi.Driver // knows the models before anybody listens

	mu      sync.Mutex
	closed  bool
	running *freeapi.Driver // nil until the first call
	host    string          // of the running server
	stop    func()          // stops listening and waits
}

func newLazyDriver(c Config, listen string) (*lazyDriver, error) {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	idle, err := freeapi.New(freeapi.Config{URL: "http://127.0.0.1", Logger: c.Log})
	if err != nil {
		return nil, fmt.Errorf("prepare the simulator's driver: %w", err)
	}
	return &lazyDriver{config: c, listen: listen, idle: idle}, nil
}

// driver returns the driver of the running server and starts it if need be. A
// start that fails is tried again at the next call.
func (l *lazyDriver) driver() (*freeapi.Driver, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running != nil {
		return l.running, nil
	}
	err := errors.New("the simulator has been closed")
	if !l.closed {
		err = l.start()
	}
	if err != nil {
		return nil, &upstream.Error{Kind: upstream.Network, NotAccepted: true, Unreachable: true, Message: "the simulator does not run", Err: err}
	}
	return l.running, nil
}

func (l *lazyDriver) start() error {
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- New(l.config).ListenAndServe(ctx, l.listen, func(url string) { ready <- url })
	}()
	stop := func() {
		cancel()
		if err := <-ended; err != nil {
			l.config.Log.Error("simulator ended with an error", zap.Error(err))
		}
	}
	select {
	case err := <-ended:
		cancel()
		return err
	case base := <-ready:
		driver, err := freeapi.New(freeapi.Config{URL: base, Logger: l.config.Log})
		if err != nil {
			stop()
			return fmt.Errorf("make the simulator's driver: %w", err)
		}
		l.running, l.stop, l.host = driver, stop, strings.TrimPrefix(base, "http://")
		return nil
	}
}

// Destruct stops the server and waits for it. Calls in flight are cut.
func (l *lazyDriver) Destruct() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.idle.Close()
	if l.running != nil {
		l.stop()
		l.running.Close()
		l.running = nil
	}
	return nil
}

// Models implements [upstream.Driver].
func (l *lazyDriver) Models() []upstream.Model {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running != nil {
		return l.running.Models()
	}
	return l.idle.Models()
}

// Submit implements [upstream.Driver].
func (l *lazyDriver) Submit(ctx context.Context, s upstream.Session, r *upstream.Request) (upstream.Submission, error) {
	d, err := l.driver()
	if err != nil {
		return upstream.Submission{}, err
	}
	return d.Submit(ctx, s, r)
}

// Poll implements [upstream.Driver].
func (l *lazyDriver) Poll(ctx context.Context, s upstream.Session, ref string) (upstream.Progress, error) {
	d, err := l.driver()
	if err != nil {
		return upstream.Progress{}, err
	}
	return d.Poll(ctx, s, ref)
}

// Download implements [upstream.Driver]. A link that an earlier process made
// names its port, which may be another one now: it is asked for at the server
// that runs.
func (l *lazyDriver) Download(ctx context.Context, s upstream.Session, link string) (*upstream.Download, error) {
	d, err := l.driver()
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(link); err == nil && strings.HasPrefix(u.Path, "/_simulator/files/") {
		l.mu.Lock()
		u.Host = l.host
		l.mu.Unlock()
		link = u.String()
	}
	return d.Download(ctx, s, link)
}

// Ping implements [upstream.Pinger].
func (l *lazyDriver) Ping(ctx context.Context) error {
	d, err := l.driver()
	if err != nil {
		return err
	}
	return d.Ping(ctx)
}

// Probe implements [upstream.Driver].
func (l *lazyDriver) Probe(ctx context.Context, s upstream.Session) (upstream.Probe, error) {
	d, err := l.driver()
	if err != nil {
		return upstream.Probe{}, err
	}
	return d.Probe(ctx, s)
}

var _ upstream.Driver = (*lazyDriver)(nil)
