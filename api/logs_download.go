package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

// downloadChunks is how many pieces of Docker's log a download has at most, of so
// many lines as are looked through for one answer.
const downloadChunks = 1000

type downloadLogsInput struct {
	LogFilter
	LogRange
	Colors bool `query:"colors" doc:"Leave the colours in, as ANSI sequences."`
}

// downloadLogs writes all lines. Docker gives the newest lines of a time, so first
// the log is gone through backward to find where its pieces begin, and then forward
// piece by piece: at no time more than one is in memory.
func (a *api) downloadLogs(ctx context.Context, in *downloadLogsInput) (*huma.StreamResponse, error) {
	source, filter, err := a.logFilter(ctx, &in.LogFilter, in.LogRange)
	if err != nil {
		return nil, err
	}
	release, err := a.search(ctx, filter)
	if err != nil {
		return nil, err
	}
	view := source.log.View()
	edges, err := source.edges(ctx, view, filter)
	if err != nil {
		release()
		return nil, logsUnavailable(source.name, err)
	}
	name := source.name + "-" + time.Now().UTC().Format("20060102-150405") + ".log"
	answer := download("text/plain; charset=utf-8", name, func(w io.Writer) error {
		out := &logWriter{w: w, filter: filter, colors: in.Colors}
		if answer, ok := w.(http.ResponseWriter); ok { // whoever stops reading must not hold up the searches of others
			out.answer = http.NewResponseController(answer)
			defer func() { _ = out.answer.SetWriteDeadline(time.Time{}) }()
		}
		for i := len(edges) - 1; i > 0; i-- {
			lines, _, err := source.containers.History(ctx, source.name, edges[i].time(), edges[i-1].time(), downloadLines)
			if err != nil {
				return err
			}
			for j := range lines {
				if id := lines[j].ID; !id.Before(edges[i].id) && id.Before(edges[i-1].id) {
					if err := out.line(ctx, &lines[j]); err != nil {
						return err
					}
				}
			}
		}
		for line := range view.After(logs.ID{}) {
			if err := out.line(ctx, line); err != nil {
				return err
			}
		}
		return out.flush()
	})
	inner := answer.Body
	answer.Body = func(h huma.Context) {
		defer release()
		inner(h)
	}
	return answer, nil
}

// downloadLines is how many lines a piece has.
const downloadLines = maxLogLines

// edge is where a piece of a log begins.
type edge struct{ id logs.ID }

func (e edge) time() time.Time { return time.Unix(0, e.id.Nano) }

// edges are where the pieces begin that only Docker has, the newest first, behind
// the place where the gateway's own begins.
func (s *logSource) edges(ctx context.Context, view logs.View, f *lineFilter) ([]edge, error) {
	if s.containers == nil {
		return nil, nil
	}
	last, ok := view.Oldest()
	if !ok {
		last = logs.ID{Nano: time.Now().Add(time.Hour).UnixNano()} // a clock may be ahead
	}
	if ok && last.Nano <= f.since {
		return nil, nil
	}
	edges := []edge{{last}}
	for len(edges) < downloadChunks {
		var from time.Time
		if f.since > 0 {
			from = time.Unix(0, f.since)
		}
		lines, more, err := s.containers.History(ctx, s.name, from, edges[len(edges)-1].time(), downloadLines)
		if err != nil {
			return nil, err
		}
		if len(lines) == 0 || !lines[0].ID.Before(edges[len(edges)-1].id) {
			break
		}
		edges = append(edges, edge{lines[0].ID})
		if !more {
			break
		}
	}
	return edges, nil
}

// logWriter writes lines as text.
type logWriter struct {
	w      io.Writer
	answer *http.ResponseController // nil if it knows no deadlines
	filter *lineFilter
	colors bool
	n      int
	buffer []byte
}

func (o *logWriter) line(ctx context.Context, l *logs.Line) error {
	if o.n++; o.n%lookUp == 0 && ctx.Err() != nil {
		return ctx.Err()
	}
	if !o.filter.takes(l) {
		return nil
	}
	o.buffer = l.Time.UTC().AppendFormat(o.buffer, "2006-01-02T15:04:05.000000Z")
	level := string(l.Level)
	if level == "" {
		level = "-"
	}
	text := l.Text
	if !o.colors {
		text = logs.Plain(text)
	}
	o.buffer = append(o.buffer, " "+string(l.Stream)+" "+level+" "+text+"\n"...)
	if len(o.buffer) < 32<<10 {
		return nil
	}
	return o.flush()
}

func (o *logWriter) flush() error {
	if o.answer != nil {
		_ = o.answer.SetWriteDeadline(time.Now().Add(writePatience)) // not every writer has deadlines
	}
	_, err := o.w.Write(o.buffer)
	o.buffer = o.buffer[:0]
	return err
}
