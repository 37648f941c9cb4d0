package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

const (
	// logPace bounds how many writes there are for a thousand listeners, and how late a
	// line may be.
	logPace = 50 * time.Millisecond
)

type streamLogsInput struct {
	LogFilter
	Since  string `query:"since" maxLength:"40" doc:"Only lines of this moment and after it: Unix seconds, or RFC 3339."`
	Lines  int    `query:"lines" minimum:"0" maximum:"1000" default:"100" doc:"With how many of the newest lines the stream begins."`
	Header string `header:"Last-Event-ID" maxLength:"40" doc:"The id of the last line that the client has seen. Browsers send it by themselves."`
	Query  string `query:"last_event_id" maxLength:"40" doc:"The same, for clients that cannot set a header."`

	Encoding string `header:"Accept-Encoding" hidden:"true"`
}

// skippedView is the data of an event that stands for lines which the stream has
// left out.
type skippedView struct {
	Lines *uint64 `json:"lines" doc:"How many, null if nobody can tell."`
}

// streamLogs follows a log. It begins with its newest lines, or behind the one that
// the client names as the last it has seen, and ends like every stream.
func (a *api) streamLogs(ctx context.Context, in *streamLogsInput) (*huma.StreamResponse, error) {
	source, filter, err := a.logFilter(ctx, &in.LogFilter, LogRange{Since: in.Since})
	if err != nil {
		return nil, err
	}
	var seen *logs.ID
	if text := in.Header + in.Query; text != "" {
		if in.Header != "" {
			text = in.Header
		}
		id, err := logs.ParseID(text)
		if err != nil {
			return nil, invalid("Last-Event-ID", "must be the id of a line of this stream")
		}
		seen = &id
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		r, w := humago.Unwrap(h)
		header := w.Header()
		header.Set("Content-Type", "text/event-stream")
		header.Set("X-Accel-Buffering", "no")
		header.Set("Vary", "Accept-Encoding")
		s := &logStream{api: a, source: source, filter: filter, stream: stream{ResponseController: http.NewResponseController(w), w: w}}
		if acceptsGzip(in.Encoding) {
			header.Set("Content-Encoding", "gzip")
			s.packed = &packer{}
		}
		if r.Method == http.MethodHead {
			return
		}
		defer a.Metrics.listen(streamLogs)()
		if r.ProtoMajor == 1 {
			// The stream ends with its connection. Chunks would cost each write of it a
			// second system call.
			header.Set("Transfer-Encoding", "identity")
		}
		_ = s.serve(r.Context(), seen, in.Lines) // whoever is gone needs no answer
	}}, nil
}

// logStream is one stream to one listener.
type logStream struct {
	stream
	api    *api
	source *logSource
	filter *lineFilter
	packed *packer   // nil if the listener wants no compression
	until  time.Time // when the deadline of the next write was set to
}

// serve sends lines until the listener or the gateway is gone.
func (s *logStream) serve(ctx context.Context, seen *logs.ID, lines int) (err error) {
	if s.packed != nil {
		if _, err := s.w.Write(gzipHeader); err != nil {
			return errGone
		}
	}
	first, cursor, err := s.first(ctx, seen, lines)
	if err != nil {
		return err
	}
	if err = s.write(s.made(append([]byte("retry: 1000\n\n"), first...))); err != nil {
		return err
	}
	defer func() {
		if s.packed != nil && !errors.Is(err, errGone) {
			_, _ = s.w.Write(s.packed.end())
		}
	}()
	heartbeat := time.NewTicker(heartbeatEvery)
	defer heartbeat.Stop()
	pace := time.NewTimer(logPace)
	defer pace.Stop()
	// Listeners that want the same take it from each other. What is for one task only
	// changes with the task.
	key := feedKey{s.source.log, fmt.Sprint(s.packed != nil, s.filter.variant)}
	if s.filter.task != nil {
		key.variant = fmt.Sprintf("%p", s)
	}
	feed, leave := s.api.feeds.join(key, s.render)
	defer leave()
	for {
		select {
		case <-s.api.Stopping: // whoever is far behind must not hold it up
			return nil
		default:
		}
		data, next, skipped, last, changed := feed.next(cursor)
		cursor = next
		if skipped > 0 {
			if err = s.write(s.made(skippedEvent(nil, &skipped))); err != nil {
				return err
			}
		}
		if len(data) > 0 {
			if err = s.write(data); err != nil {
				return err
			}
		}
		if changed == nil && last {
			// All write at the same moments, so that they write the same.
			pace.Reset(time.Until(time.Now().Truncate(logPace).Add(logPace)))
			if err = s.wait(ctx, pace.C); err != nil {
				return err
			}
		}
		if changed == nil {
			continue
		}
		select {
		case <-heartbeat.C:
			if err = s.write(s.made([]byte(":\n\n"))); err != nil {
				return err
			}
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.api.Stopping:
			return nil
		}
	}
}

var errStopping = errors.New("the gateway stops")

func (s *logStream) wait(ctx context.Context, until <-chan time.Time) error {
	select {
	case <-until:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.api.Stopping:
		return errStopping
	}
}

// first is what the stream begins with, and the cursor behind it.
func (s *logStream) first(ctx context.Context, seen *logs.ID, most int) (text []byte, cursor logs.Cursor, err error) {
	// First the ear, then the eye: what comes meanwhile is told apart by its id.
	view := s.source.log.View()
	if seen == nil {
		if most == 0 {
			return nil, view.End, nil
		}
		release, err := s.api.search(ctx, s.filter)
		if err != nil {
			return nil, cursor, err
		}
		defer release()
		p, err := s.source.newestOf(ctx, view, s.filter, logs.ID{}, most)
		for i := range p.lines {
			text = s.event(text, &p.lines[i])
		}
		return text, view.End, err
	}
	oldest, ok := view.Oldest()
	switch {
	case ok && !seen.Before(oldest):
	case s.source.containers == nil:
		if ok { // nobody knows how many
			text = skippedEvent(text, nil)
		}
	default:
		until := oldest
		lines, whole, fault := s.source.gap(ctx, *seen, until)
		for i := range lines {
			if seen.Before(lines[i].ID) && (!ok || lines[i].ID.Before(oldest)) && s.filter.takes(&lines[i]) {
				text = s.event(text, &lines[i])
			}
		}
		if fault != nil || !whole {
			text = skippedEvent(text, nil)
		}
	}
	for line := range view.After(*seen) {
		if s.filter.takes(line) {
			text = s.event(text, line)
		}
	}
	return text, view.End, ctx.Err()
}

// render makes of blocks what every listener of the kind is sent.
func (s *logStream) render(blocks []*logs.Block) []byte {
	var text []byte
	for _, b := range blocks {
		for i := range b.Lines {
			if s.filter.takes(&b.Lines[i]) {
				text = s.event(text, &b.Lines[i])
			}
		}
	}
	return s.made(text)
}

// made is a text as it goes over the wire.
func (s *logStream) made(text []byte) []byte {
	if s.packed == nil || len(text) == 0 {
		return text
	}
	return pack(text)
}

// write sends the parts; the writer below puts small ones together.
func (s *logStream) write(parts ...[]byte) error {
	// A deadline costs something, and need not be exact.
	if now := time.Now(); now.Add(writePatience - time.Second).After(s.until) {
		s.until = now.Add(writePatience)
		if err := s.SetWriteDeadline(s.until); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return errGone
		}
	}
	for _, part := range parts {
		if s.packed != nil {
			part = s.packed.next(part)
		}
		if _, err := s.w.Write(part); err != nil {
			return errGone
		}
	}
	if err := s.Flush(); err != nil {
		return errGone
	}
	return nil
}

// event appends the event of a line.
func (s *logStream) event(to []byte, l *logs.Line) []byte {
	name := "line"
	if l.Stream == logs.Marker {
		name = "marker"
	}
	data, err := plainJSON(entryViewOf(s.source.name, l))
	if err != nil { // a plain struct
		return to
	}
	return fmt.Appendf(to, "id: %s\nevent: %s\ndata: %s\n", l.ID, name, data)
}

func skippedEvent(to []byte, lines *uint64) []byte {
	data, _ := plainJSON(skippedView{lines})
	return fmt.Appendf(to, "event: skipped\ndata: %s\n", data)
}

// acceptsGzip reports whether a client takes gzip, as every browser does.
func acceptsGzip(encodings string) bool {
	for encoding := range strings.SplitSeq(encodings, ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(encoding), ";")
		if strings.TrimSpace(name) == "gzip" {
			q, weighted := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(quality), " ", ""), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !weighted || err == nil && weight > 0
		}
	}
	return false
}
