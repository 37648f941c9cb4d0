package logs

import (
	"time"

	"go.uber.org/zap"
)

// mark puts a marker behind the last line.
func (f *follower) mark(at time.Time, text string) {
	f.batch.add(Line{Time: at, Stream: Marker, Text: text})
	f.docker.log.Info("container log", zap.String("container", f.name), zap.String("event", text))
}

// later puts a marker before the first line that is not older, if there is one soon.
func (f *follower) later(at time.Time, text string) {
	f.mu.Lock()
	f.due = &Line{Time: at, Stream: Marker, Text: text}
	f.mu.Unlock()
	f.docker.log.Info("container log", zap.String("container", f.name), zap.String("event", text))
}

func (f *follower) dueBefore(at time.Time) *Line {
	f.mu.Lock()
	defer f.mu.Unlock()
	due := f.due
	if due == nil || due.Time.After(at) {
		return nil
	}
	f.due = nil
	return due
}

// comeDue puts the marker where the log is now.
func (f *follower) comeDue() {
	if due := f.dueBefore(time.Unix(1<<40, 0)); due != nil {
		f.batch.add(*due)
	}
}

// outage says once that nothing comes, and why.
func (f *follower) outage(p *problem, text string) {
	if f.out == nil || f.out.reason != p.reason {
		f.out = p
		f.mark(now().Add(f.docker.Offset()), text)
	}
}

// recovered says that lines come again. As long as a container writes nothing,
// Docker may not even say whether its log can be read.
func (f *follower) recovered(log bool) {
	f.clearFault(log)
	if f.out == nil || f.out.about == aboutLog && !log {
		return
	}
	text := "Docker answers again; the log goes on where it was"
	switch {
	case f.out.about == aboutContainer:
		text = "container is there"
	case f.id == "":
		text = "Docker answers; the log begins here"
	case f.out.about == aboutLog:
		text = "the log can be read again"
	}
	f.out = nil
	f.mark(now().Add(f.docker.Offset()), text)
}
