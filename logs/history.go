package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
)

const (
	historyCalls = 2               // at once
	historyWait  = 5 * time.Second // for the calls before it
	historyTime  = 10 * time.Second
	historyRead  = 64 << 20 // bytes of Docker's log that are read for one call
	historyKept  = 8 << 20  // bytes of text that one call returns
	historyMost  = 50_000   // lines that one call returns
	historySlack = 2 * time.Second
	tailSlack    = 1000      // messages that are asked for in addition: long lines are several
	tailMost     = 5_000_000 // lines behind the span
)

// errHistoryBusy says that the calls before one have taken too long.
var errHistoryBusy = &problem{"Others are reading older lines; try again.", "", aboutDocker}

// History returns the newest lines of a container, at most so many, that were
// written from one time until before another; a zero from has no bound and a zero to
// is now. It asks Docker, for what the [Log] no longer has. more tells that there may
// be older ones in that span.
func (d *Docker) History(ctx context.Context, name string, from, to time.Time, most int) (lines []Line, more bool, err error) {
	f, ok := d.follower(name)
	if !ok {
		return nil, false, fmt.Errorf("%w: %q", ErrNoContainer, name)
	}
	if !to.IsZero() && !from.Before(to) || most <= 0 {
		return nil, false, nil
	}
	select {
	case d.history <- struct{}{}:
		defer func() { <-d.history }()
	case <-time.After(historyWait):
		return nil, false, errHistoryBusy
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, historyTime)
	defer cancel()
	c, err := d.connected()
	if err != nil {
		return nil, false, err
	}
	defer context.AfterFunc(c.ctx, cancel)()
	info, err := inspect(ctx, c, name)
	if err != nil {
		return nil, false, explain(err, d.host, name)
	}
	if !to.IsZero() && to.Before(parseTime(info.Created)) {
		return nil, false, nil
	}
	p := &page{from: from, to: to, most: min(most, historyMost), newer: f.newer(to), mask: d.mask}
	if err := p.fill(ctx, c, info); err != nil {
		return nil, false, explain(err, d.host, name)
	}
	return p.lines(), p.more, nil
}

// page is the lines that History looks for.
type page struct {
	from, to time.Time
	most     int
	newer    int // lines behind the span, at least
	mask     func(string) (string, string)

	found []found
	more  bool
}

// found is a line of the span. Lines are made of those that are returned only: most
// are passed over, and to take the secrets out of a line takes time.
type found struct {
	raw
	id ID
}

func (p *page) lines() []Line {
	lines := make([]Line, len(p.found))
	for i, f := range p.found {
		lines[i] = makeLine(f.raw, p.mask)
		lines[i].ID = f.id
	}
	return lines
}

// fill asks for ever more of the end of the log: Docker counts lines from the end
// only, wherever the span is. Where it is told a time to begin at, it reads the whole
// log for that.
func (p *page) fill(ctx context.Context, c *conn, info container.InspectResponse) error {
	p.more = true
	budget := int64(historyRead)
	var first time.Time
	for tail := p.newer + 2*p.most + tailSlack; ; tail *= 4 {
		s := &scan{page: p, known: first}
		read, err := s.run(ctx, c, info, tail, budget)
		if s.same { // there is no more in the whole log
			p.more = false
			return nil
		}
		if budget -= read; err != nil || budget <= 0 {
			// What the round before has found is good; the rest would take too much.
			if first.IsZero() && (len(s.found) == 0 || errors.Is(err, errNoFrames)) {
				return err
			}
			if first.IsZero() {
				p.found = s.found // of the beginning of the span
			}
			return nil
		}
		p.found = s.found
		if s.dropped || s.before || s.first.IsZero() && tail > tailMost {
			p.more = s.dropped
			return nil
		}
		first = s.first
	}
}

// newer is how many lines the log keeps that are not older.
func (f *follower) newer(at time.Time) (n int) {
	if at.IsZero() {
		return 0
	}
	for line := range f.log.View().Before(ID{}) {
		if line.Stream != Marker && !line.Time.Before(at) {
			n++
		}
	}
	return n
}

// scan reads the end of a log once.
type scan struct {
	page    *page
	known   time.Time // when the first line of the scan before was written
	same    bool      // it is the first of this one, too
	stop    func()
	id      ID
	found   []found
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
	ctx, s.stop = context.WithCancel(ctx)
	defer s.stop()
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
		if s.first.Equal(s.known) {
			s.same = true
			s.stop()
		}
	}
	if line.at.Before(s.page.from) {
		s.before = true
	}
	s.id = s.id.next(&Line{Time: line.at, Stream: line.stream})
	if line.at.Before(s.page.from) || !s.page.to.IsZero() && !line.at.Before(s.page.to) {
		return
	}
	line.text = bytes.Clone(line.text)
	s.found = append(s.found, found{line, s.id})
	s.size += len(line.text) + lineCost
	for len(s.found) > s.page.most || s.size > historyKept && len(s.found) > 1 {
		s.size -= len(s.found[0].text) + lineCost
		s.found = s.found[1:]
		s.dropped = true
	}
}
