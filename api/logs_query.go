package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

// LogFilter is which lines of which log a client wants.
type LogFilter struct {
	Source string   `query:"source" maxLength:"200" doc:"The name of a configured container, or gateway for the gateway's own log. Default: the first container, or gateway if there is none."`
	Level  []string `query:"level" minItems:"1" maxItems:"4" enum:"debug,info,warn,error" doc:"Only these levels, several with commas between them. Lines whose level nobody can tell are left out then."`
	Stream []string `query:"stream" minItems:"1" maxItems:"2" enum:"stdout,stderr" doc:"Only these streams. The gateway's own log is stderr."`
	Text   string   `query:"q" maxLength:"200" doc:"Only lines with this text, in capitals or not; colours do not count."`
	Regex  bool     `query:"regex" doc:"q is a regular expression (RE2)."`
	Task   string   `query:"task" maxLength:"64" doc:"Only the lines of this task, as /api/v1/tasks/{id}/logs chooses them."`
}

const (
	// logSearches is how many logs are searched at once.
	logSearches = 4
	// searchWait is how long a search waits for the ones before it.
	searchWait = 5 * time.Second
	// searchedText is how much of a line a regular expression sees, in bytes: the
	// time that it takes grows with that and with its own length.
	searchedText = 16 << 10
)

// lineFilter chooses lines. Those of the gateway's own markers pass, unless they
// are asked for by what they say.
type lineFilter struct {
	since, until int64 // Unix nanoseconds, until is the first that is too late
	levels       []logs.Level
	streams      []logs.Stream
	text         string // in lower case
	pattern      *regexp.Regexp
	task         *taskMatcher
	container    bool // the lines are those of a container
	variant      string
}

// logFilter is the source and the filter that a client means.
func (a *api) logFilter(ctx context.Context, in *LogFilter, span LogRange) (*logSource, *lineFilter, error) {
	source, err := a.logSource(in.Source)
	if err != nil {
		return nil, nil, err
	}
	f := &lineFilter{until: math.MaxInt64, text: strings.ToLower(in.Text), container: source.containers != nil}
	if f.since, err = logMoment("since", span.Since, 0); err != nil {
		return nil, nil, err
	}
	if f.until, err = logMoment("until", span.Until, math.MaxInt64); err != nil {
		return nil, nil, err
	}
	if f.since > f.until {
		return nil, nil, invalid("since", "must not be after until")
	}
	for _, level := range in.Level {
		f.levels = append(f.levels, logs.Level(level))
	}
	for _, stream := range in.Stream {
		f.streams = append(f.streams, logs.Stream(stream))
	}
	if in.Regex && in.Text != "" {
		if f.pattern, err = regexp.Compile("(?i)" + in.Text); err != nil {
			return nil, nil, invalid("q", "is no regular expression: %s", badPattern(err))
		}
		f.text = ""
	}
	if in.Task != "" {
		task, err := a.Store.PeekTask(ctx, callerOf(ctx).Owner(), in.Task)
		if err != nil {
			return nil, nil, err
		}
		if f.task, err = a.taskMatcher(ctx, task); err != nil {
			return nil, nil, err
		}
		f.since = max(f.since, f.task.from.Add(f.offset(a)).UnixNano())
	}
	f.variant = fmt.Sprintf("%q %q %q %v %s", in.Level, in.Stream, in.Text, in.Regex, in.Task)
	return source, f, nil
}

// offset is how far the clock of the lines is ahead.
func (f *lineFilter) offset(a *api) time.Duration {
	if f.container {
		return a.Docker.Offset()
	}
	return 0
}

func badPattern(err error) string {
	if e, ok := asError[*syntax.Error](err); ok {
		return e.Code.String() + ": " + strings.TrimPrefix(e.Expr, "(?i)")
	}
	return err.Error()
}

// logMoment reads what a client calls a moment, as Unix nanoseconds.
func logMoment(field, text string, standard int64) (int64, error) {
	if text == "" {
		return standard, nil
	}
	const latest = math.MaxInt64 / int64(time.Second)
	if seconds, fraction, _ := strings.Cut(text, "."); len(fraction) <= 9 {
		whole, err := strconv.ParseUint(seconds, 10, 63)
		nano, errN := strconv.ParseUint((fraction + "000000000")[:9], 10, 63)
		if err == nil && errN == nil && int64(whole) < latest {
			return int64(whole)*int64(time.Second) + int64(nano), nil
		}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 && t.Unix() < latest {
			return t.UnixNano(), nil
		}
	}
	return 0, invalid(field, "must be Unix seconds such as 1794668400.5, or a moment such as 2026-11-12T10:00:00Z")
}

// all reports whether the filter takes every line of its time.
func (f *lineFilter) all() bool {
	return f.levels == nil && f.streams == nil && f.text == "" && f.pattern == nil && f.task == nil
}

// takes reports whether the filter chooses the line.
func (f *lineFilter) takes(l *logs.Line) bool {
	if at := l.Time.UnixNano(); at < f.since || at >= f.until {
		return false
	}
	if l.Stream != logs.Marker && (f.levels != nil && !slices.Contains(f.levels, l.Level) || f.streams != nil && !slices.Contains(f.streams, l.Stream)) {
		return false
	}
	if f.task != nil && f.task.match(l, f.container) == "" {
		return false
	}
	if f.text == "" && f.pattern == nil {
		return true
	}
	text := logs.Plain(l.Text)
	if f.pattern != nil {
		return f.pattern.MatchString(text[:min(len(text), searchedText)])
	}
	return containsFold(text, f.text)
}

// containsFold finds a text in lower case in another, in capitals or not.
func containsFold(text, lower string) bool {
	if strings.Contains(text, lower) {
		return true
	}
	return strings.Contains(strings.ToLower(text), lower)
}

// search waits until a search may run: a regular expression needs time, and a few of
// them at once are enough for the machine.
func (a *api) search(ctx context.Context, f *lineFilter) (release func(), err error) {
	if f.pattern == nil {
		return func() {}, nil
	}
	select {
	case a.searches <- struct{}{}:
		return func() { <-a.searches }, nil
	case <-time.After(searchWait):
		return nil, &apiError{status: http.StatusServiceUnavailable, code: "logs_unavailable", retryAfter: unavailableFor,
			message: "Others are searching the logs. Try again, or search without a regular expression."}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
