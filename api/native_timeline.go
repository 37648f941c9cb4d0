package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// timelineRange is what a timeline shows that nobody asks another for.
	timelineRange = 24 * time.Hour
	// timelineDays is the longest range of a timeline.
	timelineDays = 400
	// timelineBuckets bounds the answer.
	timelineBuckets = 500
	// timelineUsual is how many buckets there are at most when nobody says.
	timelineUsual = 120

	// A heartbeat is half-hours of a day; all together look at so many attempts.
	heartbeatStep     = 30 * time.Minute
	heartbeatBuckets  = 48
	heartbeatSessions = 200
	heartbeatAttempts = 20_000
)

// timelineSteps are lengths of buckets that people think in.
var timelineSteps = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute,
	30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 4 * 24 * time.Hour}

func (a *api) timelineOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/timeline", "get-timeline", "status", "Read what happened over time",
		"Tasks that were created and that ended, one's own or everybody's for an admin, in buckets of one length, the oldest first, and how long they took. "+
			"Only stored tasks are counted, and of more than 100,000 the newest; times are measured from the newest 1,000 that ended in the range."), a.getTimeline)
	handle(a, h, operation(get, "/api/v1/pool/heartbeats", "get-heartbeats", "sessions", "Read how the sessions did",
		"How the attempts on each session went that began in the last 24 hours, in 48 buckets. An attempt went well if its task succeeded, and badly if the upstream "+
			"did not accept it, nobody can tell, or its task failed. All sessions together share a bound of 20,000 attempts, of which the newest are counted."), a.getHeartbeats)
}

type timelineInput struct {
	From string `query:"from" maxLength:"40" doc:"Where the range begins: RFC 3339, or a date in UTC. Default: 24 hours before its end." example:"2026-11-12T00:00:00Z"`
	To   string `query:"to" maxLength:"40" doc:"Where it ends. Default: now." example:"2026-11-13T00:00:00Z"`
	Step int64  `query:"step" minimum:"1" maximum:"34560000" doc:"Seconds of a bucket; at most 500 buckets. Default: what makes at most 120 of them."`
}

type timelineAnswer struct {
	From    time.Time     `json:"from" doc:"Where the first bucket begins: a multiple of its length, so that buckets stay where they are as time goes on."`
	To      time.Time     `json:"to" doc:"Where the last bucket ends."`
	Step    int64         `json:"step" doc:"Seconds of a bucket."`
	Buckets []*bucketView `json:"buckets" nullable:"false" doc:"The oldest first, also those in which nothing happened."`
	Partial bool          `json:"partial" doc:"There were too many tasks to count them all: older buckets have less than happened."`
	Start   *timesView    `json:"time_to_start" doc:"From the creation of a task to its start. Null when none was measured."`
	Finish  *timesView    `json:"time_to_finish" doc:"From the creation of a task that succeeded to its end. Null when none was measured."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*timelineAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "time_to_start", "time_to_finish")
}

type bucketView struct {
	At        time.Time        `json:"at" doc:"Where it begins."`
	Created   int64            `json:"created"`
	Succeeded int64            `json:"succeeded" doc:"Tasks that ended so in it."`
	Failed    int64            `json:"failed"`
	Cancelled int64            `json:"cancelled"`
	Errors    map[string]int64 `json:"errors" nullable:"false" doc:"The failed ones by their error_kind."`
}

type timesView struct {
	P50     float64 `json:"p50" doc:"Seconds that half of them took at most."`
	P95     float64 `json:"p95" doc:"Seconds that 95 of 100 took at most."`
	Samples int     `json:"samples" doc:"How many were measured."`
}

func timesViewOf(t store.Times) *timesView {
	if t.Samples == 0 {
		return nil
	}
	return &timesView{float64(t.P50) / 1000, float64(t.P95) / 1000, t.Samples}
}

func (a *api) getTimeline(ctx context.Context, in *timelineInput) (*body[timelineAnswer], error) {
	span, err := timelineSpan(in, time.Now().UnixMilli())
	if err != nil {
		return nil, err
	}
	line, err := a.Store.Timeline(ctx, callerOf(ctx).Owner(), span)
	if err != nil {
		return nil, err
	}
	answer := timelineAnswer{
		From: momentAt(span, 0), To: momentAt(span, span.N), Step: span.Step / 1000, Buckets: make([]*bucketView, span.N),
		Partial: line.Partial, Start: timesViewOf(line.Start), Finish: timesViewOf(line.Finish),
	}
	for i, b := range line.Buckets {
		view := &bucketView{momentAt(span, i), b.Created, b.Succeeded, b.Failed, b.Cancelled, b.Errors}
		if view.Errors == nil {
			view.Errors = map[string]int64{}
		}
		answer.Buckets[i] = view
	}
	return reply(answer)
}

// momentAt is where bucket i of a span begins.
func momentAt(span store.Span, i int) time.Time {
	return time.UnixMilli(span.From + span.Step*int64(i)).UTC()
}

// timelineSpan is the range that was asked for, in whole buckets.
func timelineSpan(in *timelineInput, now int64) (span store.Span, err error) {
	to, err := moment("to", in.To)
	if err != nil {
		return span, err
	}
	to = cmp.Or(to, now)
	from, err := moment("from", in.From)
	if err != nil {
		return span, err
	}
	from = cmp.Or(from, max(1, to-timelineRange.Milliseconds()))
	switch {
	case from >= to:
		return span, invalid("from", "must be before to")
	case to-from > timelineDays*24*time.Hour.Milliseconds():
		return span, invalid("from", "must be at most %d days before to", timelineDays)
	}
	step := in.Step * 1000
	if step == 0 {
		usual := slices.IndexFunc(timelineSteps, func(d time.Duration) bool { return to-from <= timelineUsual*d.Milliseconds() })
		step = timelineSteps[usual].Milliseconds()
	}
	span = store.Span{From: from - from%step, Step: step}
	span.N = int((to - span.From + step - 1) / step)
	if span.N > timelineBuckets {
		return span, invalid("step", "makes %d buckets of this range, and %d are the most", span.N, timelineBuckets)
	}
	return span, nil
}

type heartbeatsInput struct {
	Sessions []string `query:"sessions" minItems:"1" maxItems:"200" doc:"The ids of the sessions, with commas between them. Default: all, but 200 at most, those that were used last."`
}

type heartbeatsAnswer struct {
	From     time.Time        `json:"from" doc:"Where the first bucket begins."`
	Step     int64            `json:"step" doc:"Seconds of a bucket."`
	Sessions []*heartbeatView `json:"sessions" nullable:"false"`
}

type heartbeatView struct {
	ID         string    `json:"id"`
	Succeeded  []int64   `json:"succeeded" nullable:"false" doc:"How many attempts went well, in each bucket, the oldest first."`
	Failed     []int64   `json:"failed" nullable:"false" doc:"How many went badly."`
	ErrorKinds []*string `json:"error_kinds" nullable:"false" doc:"Why the last of these failed; null where none did."`
}

func (a *api) getHeartbeats(ctx context.Context, in *heartbeatsInput) (*body[heartbeatsAnswer], error) {
	sessions, err := a.Store.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	if len(in.Sessions) > 0 {
		sessions = slices.DeleteFunc(sessions, func(s *store.Session) bool { return !slices.Contains(in.Sessions, s.ID) })
	}
	slices.SortStableFunc(sessions, func(x, y *store.Session) int { return cmp.Compare(y.LastUsedAt, x.LastUsedAt) })
	sessions = sessions[:min(len(sessions), heartbeatSessions)]

	step := heartbeatStep.Milliseconds()
	now := time.Now().UnixMilli()
	span := store.Span{From: now - now%step - (heartbeatBuckets-1)*step, Step: step, N: heartbeatBuckets}
	answer := heartbeatsAnswer{From: momentAt(span, 0), Step: step / 1000, Sessions: make([]*heartbeatView, len(sessions))}
	for i, session := range sessions {
		beats, err := a.Store.Beats(ctx, session.ID, span, heartbeatAttempts/len(sessions))
		if err != nil {
			return nil, err
		}
		view := &heartbeatView{ID: session.ID}
		for _, beat := range beats {
			view.Succeeded = append(view.Succeeded, beat.Succeeded)
			view.Failed = append(view.Failed, beat.Failed)
			view.ErrorKinds = append(view.ErrorKinds, textOf(beat.ErrorKind))
		}
		answer.Sessions[i] = view
	}
	return reply(answer)
}

// Interface guard
var _ huma.SchemaTransformer = (*timelineAnswer)(nil)
