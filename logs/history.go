package logs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
)

const (
	historyCalls = 2 // at once
	historyTime  = 10 * time.Second
	historyRead  = 64 << 20 // bytes of Docker's log that are read for one call
	historyKept  = 8 << 20  // bytes of text that one call returns
	historyMost  = 50_000   // lines that one call returns
	historySlack = 2 * time.Second
)

// History returns the newest lines of a container, at most so many, that were
// written from one time until before another; a zero from has no bound and a zero to
// is now. It asks Docker, for what the [Log] no longer has. more tells that there may
// be older ones in that span.
func (d *Docker) History(ctx context.Context, name string, from, to time.Time, most int) (lines []Line, more bool, err error) {
	if _, ok := d.follower(name); !ok {
		return nil, false, fmt.Errorf("%w: %q", ErrNoContainer, name)
	}
	ctx, cancel := context.WithTimeout(ctx, historyTime)
	defer cancel()
	select {
	case d.history <- struct{}{}:
		defer func() { <-d.history }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	c, err := d.connected()
	if err != nil {
		return nil, false, err
	}
	defer context.AfterFunc(c.ctx, cancel)()
	info, err := inspect(ctx, c, name)
	if err != nil {
		return nil, false, explain(err, d.host, name)
	}
	p := &page{from: from, to: to, most: min(most, historyMost), mask: d.mask}
	if err := p.fill(ctx, c, info); err != nil {
		return nil, false, explain(err, d.host, name)
	}
	return p.lines, p.more, nil
}

// page is the lines that History looks for.
type page struct {
	from, to time.Time
	most     int
	mask     func(string) (string, string)

	lines []Line
	more  bool
}

// fill asks for ever more of the end of the log: Docker counts its lines from the
// end, wherever the span is, and can be asked for no page before another.
func (p *page) fill(ctx context.Context, c *conn, info container.InspectResponse) error {
	p.more = true
	budget := int64(historyRead)
	var first time.Time
	for tail := max(firstTail, 2*p.most); ; tail *= 4 {
		s := &scan{page: p}
		read, err := s.run(ctx, c, info, tail, budget)
		if budget -= read; err != nil || budget <= 0 {
			// What the round before has found is good; the rest would take too much.
			if first.IsZero() && (len(s.found) == 0 || errors.Is(err, errNoFrames)) {
				return err
			}
			if first.IsZero() {
				p.lines = s.found // of the beginning of the span
			}
			return nil
		}
		p.lines = s.found
		if s.dropped || s.before || !s.first.IsZero() && s.first.Equal(first) {
			p.more = s.dropped
			return nil
		}
		if s.first.IsZero() && tail > 64*historyMost {
			p.more = false
			return nil
		}
		first = s.first
	}
}

// scan reads the end of a log once.
type scan struct {
	page    *page
	id      ID
	found   []Line
	size    int
	dropped bool      // there were more lines in the span
	before  bool      // there was a line before the span
	first   time.Time // of the first line
}

func (s *scan) run(ctx context.Context, c *conn, info container.InspectResponse, tail int, budget int64) (read int64, err error) {
	options := container.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Tail: strconv.Itoa(tail)}
	if !s.page.to.IsZero() {
		until := s.page.to.Add(historySlack)
		options.Until = fmt.Sprintf("%d.%09d", until.Unix(), until.Nanosecond())
	}
	body, err := c.ContainerLogs(ctx, info.ID, options)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	counted := &io.LimitedReader{R: body, N: budget}
	j := &joiner{emit: s.take}
	r := bufio.NewReaderSize(counted, 64<<10)
	if info.Config.Tty {
		err = readTerminal(r, j)
	} else {
		err = readFrames(r, j)
	}
	if counted.N == 0 || errors.Is(err, io.EOF) {
		err = nil
	}
	j.flush()
	return budget - counted.N, err
}

func (s *scan) take(line raw) {
	if s.first.IsZero() {
		s.first = line.at
	}
	if line.at.Before(s.page.from) {
		s.before = true
	}
	made := Line{Time: line.at, Stream: line.stream}
	made.ID = s.id.next(&made)
	s.id = made.ID
	if line.at.Before(s.page.from) || !s.page.to.IsZero() && !line.at.Before(s.page.to) {
		return
	}
	id := made.ID
	made = makeLine(line, s.page.mask)
	made.ID = id
	s.found = append(s.found, made)
	s.size += len(made.Text) + lineCost
	for len(s.found) > s.page.most || s.size > historyKept && len(s.found) > 1 {
		s.size -= len(s.found[0].Text) + lineCost
		s.found = s.found[1:]
		s.dropped = true
	}
}
