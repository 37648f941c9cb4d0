package logs

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
)

const (
	inspectEvery = 3 * time.Second
	statsEvery   = 10 * time.Second
	loadKept     = 10 * time.Minute
)

// status is what is known of a container.
type status struct {
	container  Container
	problem    *problem // why its log cannot be read
	problemAt  time.Time
	usage      usage // of the last sample
	load       []Load
	memoryMost int64
}

// inspectAll asks for the state of all containers until the context ends.
func (d *Docker) inspectAll() {
	tick := time.NewTicker(inspectEvery)
	defer tick.Stop()
	var sampled time.Time
	for {
		c, _, _, changed := d.daemon.state()
		if c != nil {
			sample := time.Since(sampled) >= statsEvery
			if sample {
				sampled = now()
			}
			var wg sync.WaitGroup
			for _, f := range d.following() {
				wg.Go(func() { f.look(c, sample) })
			}
			wg.Wait()
		}
		select {
		case <-tick.C:
		case <-changed:
		case <-d.ctx.Done():
			return
		}
	}
}

// look asks how the container is.
func (f *follower) look(c *conn, sample bool) {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	defer context.AfterFunc(f.ctx, cancel)()
	info, err := inspect(ctx, c, f.name)
	if err != nil {
		if p := explain(err, f.docker.host, f.name); p.about == aboutContainer && ctx.Err() == nil {
			f.gone(p)
		}
		return
	}
	f.saw(info)
	if info.State.Running && (sample || !f.sampled()) {
		f.sample(ctx, c, info.ID)
	}
}

// saw takes what Docker says about the container.
func (f *follower) saw(info container.InspectResponse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := Container{
		Name: f.name, ID: info.ID, Image: info.Config.Image,
		Running: info.State.Running, State: info.State.Status,
		StartedAt: parseTime(info.State.StartedAt), ExitCode: info.State.ExitCode, Restarts: info.RestartCount,
	}
	if info.State.Health != nil && info.State.Health.Status != container.NoHealthcheck {
		now.Health = info.State.Health.Status
	}
	if !now.Running {
		now.EndedAt = parseTime(info.State.FinishedAt)
	}
	if now.ID != f.state.container.ID {
		f.state.usage, f.state.load = usage{}, nil
	}
	f.state.memoryMost = info.HostConfig.Memory
	f.state.container = now
}

// sampled reports whether there is something to tell of the container's load: it
// takes two samples, and people who look at a container that has just started do
// not want to wait for them.
func (f *follower) sampled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.state.load) > 0
}

// gone notes that Docker has nothing to say about the container.
func (f *follower) gone(p *problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.container = Container{Name: f.name, State: "missing", Reason: p.Error()}
}

// container tells what is known.
func (f *follower) container() Container {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.state.container
	if f.state.problem != nil {
		c.Reason = f.state.problem.Error()
	}
	c.Load = slices.Clone(f.state.load)
	return c
}

func (f *follower) setFault(p *problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state.problem == nil {
		f.state.problemAt = now()
	}
	f.state.problem = p
}

// clearFault says that there is no problem with the container, and with its log if
// that was asked for.
func (f *follower) clearFault(log bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state.problem != nil && (log || f.state.problem.about != aboutLog) {
		f.state.problem = nil
	}
}

// fault is why the log cannot be read, nil if it can.
func (f *follower) fault() (*problem, time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.problem, f.state.problemAt
}

// parseTime reads a time of Docker's; what never was is zero.
func parseTime(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() <= 1 {
		return time.Time{}
	}
	return at
}
