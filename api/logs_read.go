package api

import (
	"context"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

const (
	// historyLines is how many lines Docker is asked for at once where a filter
	// leaves out an unknown part of them.
	historyLines = 5_000
	// scannedLines is how many lines of Docker's are looked through for one answer.
	scannedLines = 50_000
	// lookUp is after how many lines a reader looks whether anybody still waits.
	lookUp = 256
)

// logPage is some lines of a log, oldest first.
type logPage struct {
	lines  []logs.Line
	more   bool    // there may be older ones
	oldest logs.ID // of the lines that were looked at: the older ones stand before it
	fault  error   // why older lines could not be read
}

// newest returns the newest lines that stand before the id and that the filter
// chooses; the zero id stands for the end of the log.
func (s *logSource) newest(ctx context.Context, f *lineFilter, before logs.ID, most int) (logPage, error) {
	return s.newestOf(ctx, s.log.View(), f, before, most)
}

func (s *logSource) newestOf(ctx context.Context, view logs.View, f *lineFilter, before logs.ID, most int) (p logPage, err error) {
	r := backward{filter: f, most: most, edge: before}
	for line := range view.Before(before) {
		if !r.look(ctx, line) {
			break
		}
	}
	for s.containers != nil && !r.done && r.scanned < scannedLines {
		older, fault := s.older(ctx, &r)
		if fault != nil {
			p.fault = fault
			break
		}
		if !older {
			r.done = true
		}
	}
	if err := ctx.Err(); err != nil {
		return p, err
	}
	p.lines, p.oldest = reverse(r.lines), r.edge
	p.more = r.more || p.fault != nil || !r.done && s.containers != nil
	return p, nil
}

// older looks at what Docker has before the edge, and reports whether there is more.
func (s *logSource) older(ctx context.Context, r *backward) (more bool, err error) {
	chunk := historyLines
	if r.filter.all() {
		chunk = min(chunk, r.most+1-len(r.lines))
	}
	var from, to time.Time
	if r.filter.since > 0 {
		from = time.Unix(0, r.filter.since)
	}
	if r.edge != (logs.ID{}) {
		to = time.Unix(0, r.edge.Nano+1) // lines of the same moment stand before it, too
	}
	begin := r.edge
	lines, more, err := s.containers.History(ctx, s.name, from, to, chunk)
	if err != nil {
		return false, err
	}
	for i := len(lines) - 1; i >= 0; i-- {
		if begin != (logs.ID{}) && !lines[i].ID.Before(begin) {
			continue
		}
		if !r.look(ctx, &lines[i]) {
			return true, nil
		}
	}
	if more && r.edge == begin { // Docker has read as much as it may for one answer
		r.more, more = true, false
	}
	return more, nil
}

// backward collects lines, newest first.
type backward struct {
	filter  *lineFilter
	most    int
	lines   []logs.Line
	edge    logs.ID // of the last line that was looked at
	scanned int
	done    bool // no line is wanted any more
	more    bool // although there are
}

// look takes the line if the filter does, and reports whether to go on.
func (r *backward) look(ctx context.Context, line *logs.Line) bool {
	if r.scanned++; r.scanned%lookUp == 0 && ctx.Err() != nil {
		r.done = true
		return false
	}
	// Ids are never behind the times of the lines before them. A marker that came before
	// any line has no time, and says nothing of what Docker has.
	if line.ID.Nano > 0 && line.ID.Nano < r.filter.since {
		r.done = true
		return false
	}
	if r.filter.takes(line) {
		if len(r.lines) == r.most {
			r.done, r.more = true, true
			return false
		}
		r.lines = append(r.lines, *line)
	}
	if line.ID.Nano > 0 {
		r.edge = line.ID
	}
	return true
}

// next returns the oldest lines behind the id that the filter chooses.
func (s *logSource) next(ctx context.Context, f *lineFilter, after logs.ID, most int) (p logPage, err error) {
	view := s.log.View()
	oldest, ok := view.Oldest()
	p.more, p.oldest = true, after // the line with the id itself, at least
	take := func(line *logs.Line) bool {
		if after.Before(line.ID) && f.takes(line) {
			p.lines = append(p.lines, *line)
		}
		return len(p.lines) < most && ctx.Err() == nil
	}
	if s.containers != nil && (!ok || after.Before(oldest)) {
		lines, whole, fault := s.gap(ctx, after, oldest)
		p.fault = fault
		for i := range lines {
			if ok && !lines[i].ID.Before(oldest) {
				break
			}
			if !take(&lines[i]) {
				return p, ctx.Err()
			}
		}
		if !whole && fault == nil {
			most = 0
		}
	}
	if most > 0 {
		for line := range view.After(after) {
			if !take(line) {
				break
			}
		}
	}
	if len(p.lines) > 0 {
		p.oldest = p.lines[0].ID
	}
	return p, ctx.Err()
}

// gapTime is how long a reader looks for the lines behind another.
const gapTime = 20 * time.Second

// gap reads the lines between two that are far apart. Docker gives the newest ones
// of a time, so the time is made shorter until these are the first behind the id;
// whole is false then. Where nothing was written in the earlier half, it goes on
// from the middle: lines often come at once after a quiet time.
func (s *logSource) gap(ctx context.Context, after, until logs.ID) (lines []logs.Line, whole bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, gapTime)
	defer cancel()
	from, to := time.Unix(0, after.Nano), time.Time{}
	if until != (logs.ID{}) {
		to = time.Unix(0, until.Nano)
	}
	var full []logs.Line // the newest of a time that has more
	for {
		lines, more, err := s.containers.History(ctx, s.name, from, to, maxLogLines)
		behind := len(lines) > 0 && after.Before(lines[len(lines)-1].ID)
		switch {
		case err != nil:
			return nil, false, err
		case more && len(lines) > 0:
			full = lines
		case behind || full == nil:
			return lines, full == nil, nil
		default:
			from = to
		}
		half := full[0].Time.Sub(from) / 2
		if half <= 0 { // so many at one moment
			return full, false, nil
		}
		to = from.Add(half)
	}
}
