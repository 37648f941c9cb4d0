package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) statusOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/me", "get-me", "status", "Read the caller's own key", "Its limits, and what it has used today."), a.getMe)
	handle(a, h, operation(get, "/api/v1/stats", "get-stats", "status", "Count tasks",
		"One's own, or everybody's for an admin; with a filter those that it chooses, whatever status it names; several values have commas between them. "+
			"Without one, or with a key only, the numbers are exact however many tasks there are."), a.getStats)
}

type meAnswer struct {
	Key   *keyView   `json:"key"`
	Today todayUsage `json:"today"`
}

type todayUsage struct {
	Requests  int64     `json:"request_count" doc:"Requests of the day, some seconds behind."`
	Tasks     int64     `json:"task_count" doc:"Tasks that were created this day."`
	Remaining int64     `json:"quota_remaining" doc:"Tasks that are left today, -1 without a quota."`
	Credits   float64   `json:"credits" doc:"What these tasks cost by the catalogue, less what was surely not spent."`
	EndsAt    time.Time `json:"ends_at" doc:"When the day ends, in the configured time zone."`
}

func (a *api) getMe(ctx context.Context, _ *struct{}) (*body[meAnswer], error) {
	key := callerOf(ctx).Key
	today, err := a.Store.Today(ctx, key.ID)
	if err != nil {
		return nil, err
	}
	remaining := int64(-1)
	if key.DailyQuota > 0 {
		remaining = max(0, int64(key.DailyQuota)-today.Tasks)
	}
	ends, _ := a.Store.Ends(time.Now())
	return reply(meAnswer{keyViewOf(key), todayUsage{today.Requests, today.Tasks, remaining, creditsOf(today.Credits), ends}})
}

// taskCounts is the earlier gateway's summary, where running covers everything
// between the queue and the end, and the parts of it.
type taskCounts struct {
	Total       int64 `json:"total"`
	Queued      int64 `json:"queued"`
	Running     int64 `json:"running" doc:"Submitting, polling and downloading together."`
	Submitting  int64 `json:"submitting"`
	Polling     int64 `json:"polling"`
	Downloading int64 `json:"downloading"`
	Succeeded   int64 `json:"succeeded"`
	Failed      int64 `json:"failed"`
	Cancelled   int64 `json:"cancelled"`
	Partial     bool  `json:"partial,omitempty" doc:"There were too many tasks to look at them all; the newest 100,000 were counted."`
}

func taskCountsOf(stats map[store.Status]int64) *taskCounts {
	c := &taskCounts{
		Queued: stats[store.Queued], Submitting: stats[store.Submitting], Polling: stats[store.Polling], Downloading: stats[store.Downloading],
		Succeeded: stats[store.Succeeded], Failed: stats[store.Failed], Cancelled: stats[store.Cancelled],
	}
	c.Running = c.Submitting + c.Polling + c.Downloading
	c.Total = c.Queued + c.Running + c.Succeeded + c.Failed + c.Cancelled
	return c
}

func (a *api) getStats(ctx context.Context, in *TaskFilter) (*body[*taskCounts], error) {
	filter, ok, err := in.filter(callerOf(ctx))
	if err != nil {
		return nil, err
	}
	if !ok {
		return reply(&taskCounts{})
	}
	counts, err := a.count(ctx, a.everyName(filter))
	if err != nil {
		return nil, err
	}
	return reply(counts)
}
