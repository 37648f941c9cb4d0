package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
)

// Everything here reads an index from its new end, and no more of it than a
// bound: a chart costs the same however many tasks are stored.

// timelineWindow is how many tasks a timeline looks at. Tests make it smaller.
var timelineWindow = 100_000

// timelineSample is how many of the newest ends the times of a timeline are
// measured from.
const timelineSample = 1000

// Span is a range of time in buckets of one length, in Unix milliseconds.
type Span struct {
	From int64 // of the first bucket
	Step int64
	N    int
}

func (s Span) to() int64 { return s.From + s.Step*int64(s.N) }

// Bucket is what has happened in a part of a timeline.
type Bucket struct {
	Created, Succeeded, Failed, Cancelled int64
	Errors                                map[string]int64 // the failed ones by their error kind
}

// Times are lengths that were measured, in milliseconds.
type Times struct {
	P50, P95 int64
	Samples  int // 0 when nothing was measured
}

// Timeline is what has happened to the stored tasks.
type Timeline struct {
	Buckets []Bucket
	Partial bool  // only the newest tasks were counted
	Start   Times // from the creation to the start
	Finish  Times // from the creation of tasks that succeeded to their end
}

// Timeline counts the tasks of a key, or of all keys if keyID is "", that were
// created and that ended in each bucket. Of more than 100,000 the newest are
// counted; times are those of the newest 1,000 ends.
func (s *Store) Timeline(ctx context.Context, keyID string, span Span) (*Timeline, error) {
	line := &Timeline{Buckets: make([]Bucket, span.N)}
	for _, step := range []func(context.Context, string, Span, *Timeline) error{s.countEnds, s.countCreated, s.measureTimes} {
		if err := step(ctx, keyID, span, line); err != nil {
			return nil, fmt.Errorf("read timeline: %w", err)
		}
	}
	return line, nil
}

// endedIn is the condition for tasks of a key, or of all, that ended in a span.
func endedIn(keyID string, span Span) (where string, args []any) {
	where, args = "finished_at > 0 AND finished_at >= $1 AND finished_at < $2", []any{span.From, span.to()}
	if keyID != "" {
		where, args = where+" AND key_id = $3", append(args, keyID)
	}
	return where, args
}

func (s *Store) countEnds(ctx context.Context, keyID string, span Span, line *Timeline) error {
	where, args := endedIn(keyID, span)
	args = append(args, timelineWindow, span.Step)
	rows, err := s.readers.QueryContext(ctx, fmt.Sprintf(`SELECT (finished_at - $1) / $%[3]d, status, error_kind, count(*)
		FROM (SELECT finished_at, status, error_kind FROM tasks WHERE %[1]s ORDER BY finished_at DESC LIMIT $%[2]d) AS newest
		GROUP BY 1, 2, 3`, where, len(args)-1, len(args)), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var all int64
	for rows.Next() {
		var bucket, n int64
		var status Status
		var kind string
		if err := rows.Scan(&bucket, &status, &kind, &n); err != nil {
			return err
		}
		line.Buckets[bucket].ended(status, kind, n)
		all += n
	}
	line.Partial = line.Partial || all == int64(timelineWindow)
	return rows.Err()
}

func (b *Bucket) ended(status Status, kind string, n int64) {
	switch status {
	case Succeeded:
		b.Succeeded += n
	case Cancelled:
		b.Cancelled += n
	case Failed:
		b.Failed += n
		if b.Errors == nil {
			b.Errors = make(map[string]int64)
		}
		b.Errors[kind] += n
	}
}

// countCreated takes the time of a creation from the id, which an index has. It is
// that of the request, shortly before the row was written.
func (s *Store) countCreated(ctx context.Context, keyID string, span Span, line *Timeline) error {
	where, args := "id >= $1 AND id < $2", []any{firstID(span.From), firstID(span.to())}
	if keyID != "" {
		where, args = where+" AND key_id = $3", append(args, keyID)
	}
	args = append(args, timelineWindow)
	rows, err := s.readers.QueryContext(ctx, fmt.Sprintf("SELECT id FROM tasks WHERE %s ORDER BY id DESC LIMIT $%d", where, len(args)), args...)
	ids, err := collect(rows, err, func(r row) (id string, err error) { return id, r.Scan(&id) })
	if err != nil {
		return err
	}
	for _, text := range ids {
		id, err := ulid.Parse(strings.ToUpper(text))
		if err != nil {
			continue // not an id of ours: nobody knows when it was made
		}
		if at := int64(id.Time()); at >= span.From && at < span.to() {
			line.Buckets[(at-span.From)/span.Step].Created++
		}
	}
	line.Partial = line.Partial || len(ids) == timelineWindow
	return nil
}

func (s *Store) measureTimes(ctx context.Context, keyID string, span Span, line *Timeline) error {
	where, args := endedIn(keyID, span)
	args = append(args, timelineSample)
	rows, err := s.readers.QueryContext(ctx, fmt.Sprintf(
		"SELECT status, created_at, started_at, finished_at FROM tasks WHERE %s ORDER BY finished_at DESC LIMIT $%d", where, len(args)), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var starts, finishes []int64
	for rows.Next() {
		var status Status
		var created, started, finished int64
		if err := rows.Scan(&status, &created, &started, &finished); err != nil {
			return err
		}
		if started > 0 {
			starts = append(starts, max(0, started-created))
		}
		if status == Succeeded {
			finishes = append(finishes, max(0, finished-created))
		}
	}
	line.Start, line.Finish = timesOf(starts), timesOf(finishes)
	return rows.Err()
}

func timesOf(lengths []int64) Times {
	if len(lengths) == 0 {
		return Times{}
	}
	slices.Sort(lengths)
	at := func(percent int) int64 { return lengths[(len(lengths)*percent+99)/100-1] }
	return Times{P50: at(50), P95: at(95), Samples: len(lengths)}
}

// Beat is how the attempts of a session went that began in one bucket.
type Beat struct {
	Succeeded, Failed int64
	ErrorKind         string // of the last that failed
}

// Beats tells how the newest attempts of a session went, at most limit. An
// attempt went well if its task succeeded, and badly if the upstream did not
// accept it, nobody can tell, or its task failed. Others are not counted.
func (s *Store) Beats(ctx context.Context, sessionID string, span Span, limit int) ([]Beat, error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT a.created_at, a.state, a.error_kind, t.status, t.error_kind
		FROM (SELECT * FROM attempts WHERE session_id = $1 AND created_at >= $2 AND created_at < $3 ORDER BY created_at DESC LIMIT $4) AS a
		LEFT JOIN tasks t ON t.id = a.task_id AND t.attempt = a.n ORDER BY a.created_at`, sessionID, span.From, span.to(), limit)
	if err != nil {
		return nil, fmt.Errorf("read beats of a session: %w", err)
	}
	defer rows.Close()
	beats := make([]Beat, span.N)
	for rows.Next() {
		var at int64
		var state AttemptState
		var kind string
		var status, taskKind *string // nil when the task has had another attempt since, or is deleted
		if err := rows.Scan(&at, &state, &kind, &status, &taskKind); err != nil {
			return nil, fmt.Errorf("read beats of a session: %w", err)
		}
		beat := &beats[(at-span.From)/span.Step]
		switch {
		case state == Rejected || state == InDoubt:
			beat.Failed++
			beat.ErrorKind = kind
		case state == Accepted && status != nil && Status(*status) == Succeeded:
			beat.Succeeded++
		case state == Accepted && status != nil && Status(*status) == Failed:
			beat.Failed++
			beat.ErrorKind = *taskKind
		}
	}
	return beats, rows.Err()
}
