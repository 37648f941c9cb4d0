package api

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// taskLogLines is how many lines of a task an answer has at most.
	taskLogLines = 2_000
	// taskSlack is how much earlier or later than what the gateway has written down
	// an upstream may log it.
	taskSlack = 3 * time.Second
	// afterTask is how long after its end lines may name a task: webhooks are sent,
	// results are fetched.
	afterTask = 2 * time.Hour
	// longNumber is how many digits the id of an upstream's record has at least.
	longNumber = 10
)

// taskMatcher tells the lines of one task from the others. Its times are those of
// the gateway's clock.
type taskMatcher struct {
	names    []string // ids of the task, its request and its records
	from, to time.Time
	attempts []attemptSpan
	offset   time.Duration // how far the clock of the containers is ahead
}

// attemptSpan is when an attempt ran, and when it was submitted.
type attemptSpan struct {
	session  string
	from, to time.Time
	sent     time.Time // zero if nothing was sent
	settled  time.Time
}

func (a *api) taskMatcher(ctx context.Context, t *store.Task) (*taskMatcher, error) {
	attempts, err := a.Store.Attempts(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	ended := func(ms int64) time.Time {
		if ms == 0 {
			return now.Add(taskSlack)
		}
		return time.UnixMilli(ms).Add(taskSlack)
	}
	m := &taskMatcher{names: []string{t.ID}, from: time.UnixMilli(t.CreatedAt).Add(-taskSlack), to: ended(t.FinishedAt).Add(afterTask)}
	if a.Docker != nil {
		m.offset = a.Docker.Offset()
	}
	if len(t.RequestID) >= longNumber {
		m.names = append(m.names, t.RequestID)
	}
	for _, attempt := range attempts {
		span := attemptSpan{session: attempt.SessionID, from: time.UnixMilli(attempt.CreatedAt).Add(-taskSlack), to: ended(attempt.SettledAt), settled: ended(attempt.SettledAt)}
		if attempt.State == store.Accepted || attempt.State == store.InDoubt { // it runs on
			span.to = ended(t.FinishedAt)
		}
		if attempt.SentAt > 0 {
			span.sent = time.UnixMilli(attempt.SentAt).Add(-taskSlack)
		}
		m.attempts = append(m.attempts, span)
		if len(attempt.Ref) >= 6 { // shorter ones are in any line
			m.names = append(m.names, attempt.Ref)
		}
	}
	return m, nil
}

// match says why a line is one of the task's: "id", "session" or "time", "" if it
// is not.
func (m *taskMatcher) match(l *logs.Line, container bool) string {
	at := l.Time
	if container {
		at = at.Add(-m.offset)
	}
	if at.Before(m.from) || at.After(m.to) || l.Stream == logs.Marker {
		return ""
	}
	if l.Task != "" && l.Task != m.names[0] {
		return ""
	}
	text := logs.Plain(l.Text)
	if l.Task != "" || slices.ContainsFunc(m.names, func(name string) bool { return strings.Contains(text, name) }) {
		return "id"
	}
	if namesRecord(text) { // another task's
		return ""
	}
	for _, a := range m.attempts {
		switch {
		case l.Session != "":
			if l.Session == a.session && !at.Before(a.from) && !at.After(a.to) {
				return "session"
			}
		case container && !a.sent.IsZero() && !at.Before(a.sent) && !at.After(a.settled):
			return "time"
		}
	}
	return ""
}

// namesRecord reports whether a text has a number as long as an upstream's id. The
// digits of dates are parted by other characters.
func namesRecord(text string) bool {
	digits := 0
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			digits = 0
		} else if digits++; digits >= longNumber {
			return true
		}
	}
	return false
}

type taskLogsAnswer struct {
	TaskID    string            `json:"task_id"`
	Entries   []*entryView      `json:"entries" nullable:"false" doc:"The task's lines, oldest first."`
	Count     int               `json:"count"`
	Truncated bool              `json:"truncated" doc:"Whether there are more: only the newest of each log are here."`
	Sources   []*logsSourceView `json:"sources" nullable:"false" doc:"The logs that were looked through."`
}

type logsSourceView struct {
	Name     string  `json:"name"`
	Complete bool    `json:"complete" doc:"Whether it was looked through for the whole time of the task."`
	Reason   *string `json:"reason" doc:"Why not."`
}

func (a *api) listTaskLogs(ctx context.Context, in *byID) (*body[taskLogsAnswer], error) {
	task, err := a.Store.PeekTask(ctx, callerOf(ctx).Owner(), in.ID)
	if err != nil {
		return nil, err
	}
	m, err := a.taskMatcher(ctx, task)
	if err != nil {
		return nil, err
	}
	answer := taskLogsAnswer{TaskID: task.ID, Entries: []*entryView{}}
	for _, source := range a.logSources() {
		f := &lineFilter{since: m.from.UnixNano(), until: math.MaxInt64, task: m, container: source.containers != nil}
		before := logs.ID{}
		if f.container {
			f.since = m.from.Add(m.offset).UnixNano()
		}
		if end := m.to.Add(m.offset); end.Before(time.Now().Add(-taskSlack)) { // what is newer need not be looked at
			before = logs.ID{Nano: end.UnixNano()}
		}
		p, err := source.newest(ctx, f, before, taskLogLines)
		if err != nil {
			return nil, err
		}
		view := &logsSourceView{Name: source.name, Complete: p.fault == nil && !p.more}
		switch {
		case p.fault != nil:
			view.Reason = new(p.fault.Error())
		case p.more:
			view.Reason = new("There are too many lines to look through them all.")
		case source.containers != nil && !source.passed(m.to.Add(m.offset)) && source.trouble() != "":
			view.Complete, view.Reason = false, new(source.trouble())
		case source.containers == nil && !source.reaches(f.since):
			view.Complete, view.Reason = false, new("The gateway keeps only the newest of its own lines, since its start.")
		}
		answer.Sources = append(answer.Sources, view)
		answer.Truncated = answer.Truncated || p.more && p.fault == nil
		for i := range p.lines {
			entry := entryViewOf(source.name, &p.lines[i])
			entry.Match = m.match(&p.lines[i], f.container)
			answer.Entries = append(answer.Entries, entry)
		}
	}
	gatewayTime := func(e *entryView) time.Time {
		if e.Source != gatewaySource {
			return e.Time.Add(-m.offset)
		}
		return e.Time
	}
	slices.SortStableFunc(answer.Entries, func(x, y *entryView) int {
		return cmp.Compare(gatewayTime(x).UnixNano(), gatewayTime(y).UnixNano())
	})
	if n := len(answer.Entries) - taskLogLines; n > 0 {
		answer.Entries, answer.Truncated = answer.Entries[n:], true
	}
	answer.Count = len(answer.Entries)
	return reply(answer)
}

// reaches reports whether what the gateway keeps of the log begins before the time,
// in Unix nanoseconds.
func (s *logSource) reaches(since int64) bool {
	oldest, ok := s.log.View().Oldest()
	return ok && oldest.Nano <= since
}

// passed reports whether the log has come to a time: what is still to come is newer.
func (s *logSource) passed(at time.Time) bool {
	for line := range s.log.View().Before(logs.ID{}) {
		return line.ID.Nano > at.UnixNano()
	}
	return false
}

// trouble is why the container's lines do not come now, "" if they do.
func (s *logSource) trouble() string {
	for _, c := range s.containers.Containers() {
		if c.Name == s.name {
			return c.Reason
		}
	}
	return ""
}
