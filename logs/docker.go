package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"go.uber.org/zap"
)

const (
	ringSize    = 8 << 20          // of the newest lines of one container
	restartTime = 10 * time.Second // that a container has to end by itself
)

// ErrNoContainer is a container that is not configured.
var ErrNoContainer = errors.New("no such container is configured")

// DockerConfig is what [NewDocker] needs.
type DockerConfig struct {
	Host   string                                     // unix://PATH or tcp://HOST:PORT; "" is DOCKER_HOST, then Docker's socket
	Mask   func(text string) (masked, session string) // takes secrets out of a line and tells the session that it is about; nil for none
	Logger *zap.Logger
}

// Docker follows the logs of the configured containers and knows how they are. It
// asks the Docker engine by itself, so that no call but History and Restart waits
// for it.
type Docker struct {
	host    string
	mask    func(string) (string, string)
	log     *zap.Logger
	daemon  *daemon
	history chan struct{} // holds one for each call of History that runs

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex
	layers    []*[]string // the names of the configurations that are in force, the newest last
	names     []string    // of the newest
	followers map[string]*follower
	watching  bool
}

// NewDocker returns a Docker that does nothing before [Docker.Configure] names a
// container.
func NewDocker(c DockerConfig) *Docker {
	host := engineHost(c.Host)
	d := &Docker{
		host: host, mask: c.Mask, log: c.Logger,
		daemon:    newDaemon(host, c.Logger),
		history:   make(chan struct{}, historyCalls),
		followers: map[string]*follower{},
	}
	if d.mask == nil {
		d.mask = func(text string) (string, string) { return text, "" }
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// Configure follows the containers until revert is called. Configurations lie on
// each other: the newest says which there are, but what an older one follows goes
// on until that is taken away, so that one that fails leaves no hole in a log.
func (d *Docker) Configure(names []string) (revert func()) {
	layer := &names
	d.change(func() { d.layers = append(d.layers, layer) })
	return func() {
		d.change(func() { d.layers = slices.DeleteFunc(d.layers, func(other *[]string) bool { return other == layer }) })
	}
}

func (d *Docker) change(alter func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	alter()
	if len(d.layers) == 0 || d.ctx.Err() != nil {
		return // what was stays in force for the end
	}
	d.names = *d.layers[len(d.layers)-1]
	wanted := map[string]bool{}
	for _, layer := range d.layers {
		for _, name := range *layer {
			wanted[name] = true
		}
	}
	idle := len(d.followers) == 0
	for name, f := range d.followers {
		if !wanted[name] {
			f.cancel()
			delete(d.followers, name)
		}
	}
	for name := range wanted {
		if d.followers[name] == nil {
			f := newFollower(d, name)
			d.followers[name] = f
			d.wg.Go(f.run)
		}
	}
	if idle && len(d.followers) > 0 && !d.watching {
		d.watching = true
		d.wg.Go(func() { d.daemon.watch(d.ctx) })
		d.wg.Go(d.inspectAll)
	}
}

// Close ends everything and waits for it.
func (d *Docker) Close() {
	d.mu.Lock()
	d.cancel()
	d.mu.Unlock()
	d.wg.Wait()
}

// Names are the configured containers, in their order.
func (d *Docker) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.names)
}

func (d *Docker) follower(name string) (*follower, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.names, name) {
		return nil, false
	}
	return d.followers[name], true
}

// following are the configured containers in their order.
func (d *Docker) following() []*follower {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*follower
	for _, name := range d.names {
		all = append(all, d.followers[name])
	}
	return all
}

// Log is the log of a configured container. It stays the same through all that
// happens to the container.
func (d *Docker) Log(name string) (*Log, bool) {
	f, ok := d.follower(name)
	if !ok {
		return nil, false
	}
	return f.log, true
}

// Offset is how far Docker's clock, and with it the times of the lines, is ahead of
// ours.
func (d *Docker) Offset() time.Duration { return d.daemon.clock.offset() }

// Containers tells how the configured containers are, in their order.
func (d *Docker) Containers() []Container {
	_, problem, _, _ := d.daemon.state()
	all := []Container{}
	for _, f := range d.following() {
		c := f.container()
		if problem != nil {
			c.State, c.Reason = "unknown", problem.Error()
			c.Running, c.Health = false, ""
		}
		all = append(all, c)
	}
	return all
}

// Restart stops a configured container and starts it again. The error says what
// Docker says, or is [ErrNoContainer].
func (d *Docker) Restart(ctx context.Context, name string) error {
	if _, ok := d.follower(name); !ok {
		return fmt.Errorf("%w: %q", ErrNoContainer, name)
	}
	c, err := d.connected()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, restartTime+20*time.Second)
	defer cancel()
	seconds := int(restartTime / time.Second)
	if err := c.ContainerRestart(ctx, name, container.StopOptions{Timeout: &seconds}); err != nil {
		return explain(err, d.host, name)
	}
	return nil
}

// connected is the way to the engine, or why there is none.
func (d *Docker) connected() (*conn, error) {
	c, p, _, _ := d.daemon.state()
	if c == nil && p == nil {
		p = &problem{"Docker has not answered yet.", "", aboutDocker}
	}
	if c == nil {
		return nil, p
	}
	return c, nil
}
