package logs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
)

const (
	firstTail   = 10_000          // lines of Docker's log that a log begins with
	inspectTime = 5 * time.Second // for one answer
	stoppedPoll = 500 * time.Millisecond
	drainTime   = time.Second
	startLag    = 100 * time.Millisecond
	failedMost  = 3
	dueAfter    = 300 * time.Millisecond // by when a log that is read again has come to a marker's place
)

// follower reads the log of one container into a [Log], through whatever happens to
// the container and to Docker.
type follower struct {
	docker *Docker
	name   string
	log    *Log
	batch  batch
	ctx    context.Context
	cancel context.CancelFunc

	began time.Time

	// Of the goroutine that follows:
	id      string    // of the container that is followed
	started time.Time // its run
	ended   bool      // the run is over, and its log read to the end
	ending  ending    // while the run is over, and more may come
	taken   int       // lines, ever
	all     bool      // the log is wanted from its beginning
	joiner  joiner
	seen    *seen
	out     *problem // why nothing comes, as a marker has said

	mu    sync.Mutex
	due   *Line // a marker that waits for its place in the log
	state status
}

func newFollower(d *Docker, name string) *follower {
	f := &follower{docker: d, name: name, log: New(ringSize), began: now(), seen: newSeen()}
	f.batch.log = f.log
	f.joiner.emit = f.take
	f.state.container = Container{Name: name, State: "unknown"}
	f.ctx, f.cancel = context.WithCancel(d.ctx)
	return f
}

// run follows until the follower's context ends.
func (f *follower) run() {
	defer f.cancel()
	defer f.batch.close()
	wait, failed := soonest, 0
	for f.ctx.Err() == nil {
		c, p, since, changed := f.docker.daemon.state()
		if c == nil {
			failed = 0
			if p != nil {
				f.outage(p, fmt.Sprintf("Docker does not answer since %s: %s", since.UTC().Format("15:04:05 MST"), p.reason))
			}
			select {
			case <-changed:
			case <-f.ctx.Done():
			}
			continue
		}
		began := now()
		err := f.followOnce(c)
		if time.Since(began) > latest {
			wait = soonest
		}
		pause := soonest
		switch {
		case f.ctx.Err() != nil:
			return
		case errors.Is(err, errStopped):
			pause, wait, failed = stoppedPoll, soonest, 0
		case err == nil, errors.Is(err, errEnding):
			wait, failed = soonest, 0
		case err != nil && c.ctx.Err() == nil:
			p := explain(err, f.docker.host, f.name)
			if p.about == aboutDocker {
				f.docker.daemon.suspect()
				if failed++; failed == failedMost {
					// The daemon answers, and no call about this container does.
					p = &problem{fmt.Sprintf("Docker does not answer about the container %q.", f.name), "Look at it with docker inspect, and at the Docker service.", aboutContainer}
				}
			}
			if p.about != aboutDocker {
				failed = 0
				f.setFault(p)
				f.outage(p, p.reason)
			}
			pause = wait
			wait = min(2*wait, latest)
		}
		select {
		case <-time.After(pause):
		case <-f.ctx.Done():
		}
	}
}

var (
	// errStopped is a container that does not run, whose log is read to its end.
	errStopped = errors.New("the container does not run")
	// errEnding is one whose last lines Docker may still be writing.
	errEnding = errors.New("the container has ended")
)

// ending is how far the log of a run that is over was read.
type ending struct {
	since        time.Time
	lines, bytes int
}

// followOnce reads the log from where it stands until it ends or breaks.
func (f *follower) followOnce(c *conn) error {
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })()

	info, err := f.inspect(ctx, c)
	if err != nil {
		return err
	}
	if info.ID == f.id && f.ended && !info.State.Running && parseTime(info.State.StartedAt).Equal(f.started) {
		f.recovered(false)
		return errStopped
	}
	f.comeTo(info)
	err = f.read(ctx, c, info)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errHangs):
		return cause
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	// The log of a container ends with its run. It also ends when Docker does, so
	// this asks what it was.
	if info, err = f.inspect(ctx, c); err != nil || info.ID != f.id || info.State.Running {
		return err
	}
	if !f.drained() {
		return errEnding
	}
	f.joiner.flush() // no newline comes any more
	f.ended = true
	if !parseTime(info.State.StartedAt).IsZero() {
		f.mark(parseTime(info.State.FinishedAt), fmt.Sprintf("container stopped (exit code %d)", info.State.ExitCode))
	}
	return errStopped
}

// drained reports whether nothing has come for a while. When a container ends,
// Docker ends what follows its log at once, and goes on for up to some seconds to
// write into the log what is still in the pipes.
func (f *follower) drained() bool {
	last := f.ending
	f.ending.lines, f.ending.bytes = f.taken, f.joiner.size()
	if last.since.IsZero() || f.ending.lines != last.lines || f.ending.bytes != last.bytes {
		f.ending.since = now()
		return false
	}
	return time.Since(last.since) >= drainTime
}

func (f *follower) inspect(ctx context.Context, c *conn) (container.InspectResponse, error) {
	info, err := inspect(ctx, c, f.name)
	if err == nil {
		f.saw(info)
	}
	return info, err
}

func inspect(ctx context.Context, c *conn, name string) (container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTime)
	defer cancel()
	info, err := c.ContainerInspect(ctx, name)
	if err == nil && (info.ContainerJSONBase == nil || info.State == nil || info.Config == nil || info.HostConfig == nil) {
		err = errors.New("Docker says nothing about the container")
	}
	return info, err
}

// comeTo notes which run of which container is followed from now on.
func (f *follower) comeTo(info container.InspectResponse) {
	started := parseTime(info.State.StartedAt)
	switch {
	case f.id == "":
		f.all = parseTime(info.Created).After(f.began.Add(f.docker.Offset()))
	case info.ID != f.id:
		f.joiner.flush()
		f.seen = newSeen()
		f.all = true
		if f.out != nil && f.out.about == aboutContainer {
			f.out = nil // the marker says it all
		}
		f.mark(started, fmt.Sprintf("container was re-created (%.12s → %.12s)", f.id, info.ID))
	case !started.Equal(f.started):
		// Docker notes the start a little after the program's first lines, and the
		// end before the last ones.
		gap := max(0, started.Sub(parseTime(info.State.FinishedAt)))
		text := "container restarted"
		if f.started.IsZero() {
			text = "container started"
		}
		f.later(started.Add(-min(startLag, gap/2)), text)
	}
	f.recovered(false)
	if info.ID != f.id || !started.Equal(f.started) {
		f.id, f.started, f.ended, f.ending = info.ID, started, false, ending{}
	}
}

// read reads the log into [follower.take] until it ends or breaks.
func (f *follower) read(ctx context.Context, c *conn, info container.InspectResponse) error {
	options := container.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: true, Tail: "all"}
	if since := f.seen.since(); !since.IsZero() {
		options.Since = fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond())
	} else if !f.all {
		options.Tail = strconv.Itoa(firstTail)
	}
	f.seen.repeat()
	f.joiner.forget()
	body, err := c.ContainerLogs(ctx, info.ID, options)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	f.recovered(true)
	due := time.AfterFunc(dueAfter, f.comeDue)
	defer f.comeDue()
	defer due.Stop()
	r := bufio.NewReaderSize(body, 64<<10)
	if info.Config.Tty {
		return readTerminal(r, &f.joiner)
	}
	return readFrames(r, &f.joiner)
}

// take takes a line that was read.
func (f *follower) take(line raw) {
	if !f.seen.add(line, f.joiner.began()) {
		return
	}
	f.taken++
	if f.seen.lost() {
		f.mark(line.at, "lines are missing here: Docker does not have them any more")
	}
	if due := f.dueBefore(line.at); due != nil {
		f.batch.add(*due)
	}
	f.batch.add(makeLine(line, f.docker.mask))
}
