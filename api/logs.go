package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

// gatewaySource is the source of the gateway's own lines.
const gatewaySource = "gateway"

// maxLogLines is the most lines of one answer.
const maxLogLines = 10_000

// logSource is one log.
type logSource struct {
	name       string
	log        *logs.Log
	containers *logs.Docker // nil for the gateway's own
}

// logSources are all of them, the one that is meant without a name first.
func (a *api) logSources() (sources []*logSource) {
	if a.Docker != nil {
		for _, name := range a.Docker.Names() {
			if log, ok := a.Docker.Log(name); ok {
				sources = append(sources, &logSource{name, log, a.Docker})
			}
		}
	}
	return append(sources, &logSource{name: gatewaySource, log: a.GatewayLog})
}

func (a *api) logSource(name string) (*logSource, error) {
	sources := a.logSources()
	var names []string
	for _, s := range sources {
		if name == "" || s.name == name {
			return s, nil
		}
		names = append(names, s.name)
	}
	return nil, invalid("source", "must be one of %s", strings.Join(names, ", "))
}

func (a *api) logOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/logs", "list-logs", "logs", "Read a log",
		"The newest lines that the filter chooses, oldest first, of a container of an upstream or of the gateway itself. Secrets are masked. "+
			"Older lines come from Docker when the gateway does not have them any more; if it cannot be asked, what the gateway has is the answer, or 503 if that is nothing."), a.listLogs)
	handle(a, h, operation(get, "/api/v1/logs/stream", "stream-logs", "logs", "Follow a log", describeLogStream), a.streamLogs)
	handle(a, h, operation(get, "/api/v1/logs/download", "download-logs", "logs", "Download a log",
		"All lines that the filter chooses, oldest first, one in a line: time, stream, level (- if nobody can tell) and text."), a.downloadLogs)
	handle(a, h, operation(get, "/api/v1/tasks/{id}/logs", "list-task-logs", "logs", "Read what the logs say of a task",
		"The lines of the upstreams' containers and of the gateway that belong to the task: those that name it, those of its sessions while its attempts ran, "+
			"and, as a guess, those that name nothing while it was submitted. All logs together, by time."), a.listTaskLogs)
}

// LogRange is which lines a client wants by time.
type LogRange struct {
	Since string `query:"since" maxLength:"40" doc:"Only lines of this moment and after it: Unix seconds, with a fraction if need be, or RFC 3339." example:"1794668400"`
	Until string `query:"until" maxLength:"40" doc:"Only lines before this moment." example:"2026-11-12T10:00:00Z"`
}

type logsInput struct {
	LogFilter
	LogRange
	Lines  int    `query:"lines" minimum:"1" maximum:"10000" default:"100" doc:"How many, the newest ones."`
	Before string `query:"before" maxLength:"40" doc:"Only lines before the one with this id: the member before of the answer with newer ones."`
	After  string `query:"after" maxLength:"40" doc:"The lines behind the one with this id, the oldest ones."`
	Around string `query:"around" maxLength:"40" doc:"The line with this id and as many before it as behind it."`
}

type logsAnswer struct {
	Logs        []string     `json:"logs" nullable:"false" doc:"The lines as they were written, oldest first. Colours are ANSI sequences."`
	Count       int          `json:"count" doc:"How many lines these are."`
	Source      string       `json:"source" doc:"Whose log it is."`
	Entries     []*entryView `json:"entries" nullable:"false" doc:"The same lines with what is known of them."`
	More        bool         `json:"more" doc:"Whether there may be older lines that the filter chooses."`
	Before      *string      `json:"before" doc:"What to send as before to get them."`
	Unavailable *string      `json:"unavailable" doc:"Why there may be older lines that could not be read, null if that is not so."`
}

// entryView is a line of a log.
type entryView struct {
	ID      string    `json:"id" doc:"Its place in the log; ids of a container stay what they are when the gateway starts anew." example:"1794668400123456789-0"`
	Time    time.Time `json:"time" doc:"When it was written, by the clock of its source."`
	Source  string    `json:"source"`
	Stream  string    `json:"stream" enum:"stdout,stderr,marker" doc:"marker for what the gateway says of the log: that a container started, or that lines may be missing."`
	Level   *string   `json:"level" enum:"debug,info,warn,error" doc:"Guessed for containers; null if nobody can tell."`
	Text    string    `json:"text" doc:"Colours are ANSI sequences."`
	Cut     int       `json:"cut,omitempty" doc:"How many bytes were left out at the end, because the line was too long."`
	Task    *string   `json:"task_id,omitempty" doc:"The task that it is about, if the line says so."`
	Session *string   `json:"session_id,omitempty" doc:"The session that it is about, if the line says so."`
	Match   string    `json:"match,omitempty" enum:"id,session,time" doc:"Only for a task's lines, why it is one: it names the task, its session, or, as a guess, nothing at the right time."`
}

func entryViewOf(source string, l *logs.Line) *entryView {
	return &entryView{ID: l.ID.String(), Time: l.Time.UTC(), Source: source, Stream: string(l.Stream), Level: textOf(string(l.Level)), Text: l.Text,
		Cut: l.Cut, Task: textOf(l.Task), Session: textOf(l.Session)}
}

func (a *api) listLogs(ctx context.Context, in *logsInput) (*body[logsAnswer], error) {
	source, filter, err := a.logFilter(ctx, &in.LogFilter, in.LogRange)
	if err != nil {
		return nil, err
	}
	place, err := placeOf(in)
	if err != nil {
		return nil, err
	}
	release, err := a.search(ctx, filter)
	if err != nil {
		return nil, err
	}
	defer release()
	var p logPage
	switch id := place.id; place.field {
	case "after":
		p, err = source.next(ctx, filter, id, in.Lines)
	case "around":
		if p, err = source.newest(ctx, filter, logs.ID{Nano: id.Nano, N: id.N + 1}, (in.Lines+2)/2); err == nil {
			var behind logPage
			behind, err = source.next(ctx, filter, id, in.Lines-len(p.lines))
			p.lines = append(p.lines, behind.lines...)
		}
	default:
		p, err = source.newest(ctx, filter, id, in.Lines)
	}
	if err != nil {
		return nil, err
	}
	written := func(l logs.Line) bool { return l.Stream != logs.Marker }
	if p.fault != nil && !slices.ContainsFunc(p.lines, written) {
		return nil, logsUnavailable(source.name, p.fault)
	}
	answer := logsAnswer{Logs: make([]string, len(p.lines)), Entries: make([]*entryView, len(p.lines)), Count: len(p.lines), Source: source.name, More: p.more}
	for i := range p.lines {
		answer.Logs[i], answer.Entries[i] = p.lines[i].Text, entryViewOf(source.name, &p.lines[i])
	}
	if p.more && p.oldest != (logs.ID{}) {
		answer.Before = new(p.oldest.String())
	}
	if p.fault != nil {
		answer.Unavailable = new(p.fault.Error())
	}
	return reply(answer)
}

// logPlace is the line that a client wants the others around.
type logPlace struct {
	field string
	id    logs.ID
}

func placeOf(in *logsInput) (place logPlace, err error) {
	for field, text := range map[string]string{"before": in.Before, "after": in.After, "around": in.Around} {
		if text == "" {
			continue
		}
		if place.field != "" {
			return place, invalid(field, "cannot be sent together with %s", place.field)
		}
		if place.id, err = logs.ParseID(text); err != nil {
			return place, invalid(field, "must be the id of a line")
		}
		place.field = field
	}
	return place, nil
}

func logsUnavailable(source string, cause error) *apiError {
	return &apiError{status: http.StatusServiceUnavailable, code: "logs_unavailable", retryAfter: unavailableFor,
		message: fmt.Sprintf("The log of %s cannot be read. %s", source, cause)}
}

// reverse turns newest first into oldest first.
func reverse(lines []logs.Line) []logs.Line {
	slices.Reverse(lines)
	return lines
}
