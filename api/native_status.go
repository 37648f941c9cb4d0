package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) statusOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/me", "get-me", "status", "Read the caller's own key", "Its limits, and what it has used today."), a.getMe)
	handle(a, h, operation(get, "/api/v1/stats", "get-stats", "status", "Count tasks",
		"One's own, or everybody's for an admin; with a filter those that it chooses, whatever status it names; several values have commas between them. "+
			"Without one, or with a key only, the numbers are exact however many tasks there are."), a.getStats)
	health := operation(get, "/api/v1/health", "get-health", "status", "Ask whether the gateway works",
		"Needs no key; callers with the scope `task:read` are told more. 503 when it does not work.")
	handle(a, h, health, a.getHealth)
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
	counts, err := a.count(ctx, filter)
	if err != nil {
		return nil, err
	}
	return reply(counts)
}

type healthAnswer struct {
	OK        bool           `json:"ok"`
	Version   string         `json:"gateway_version"`
	Container *containerView `json:"container" doc:"The upstream's container, null when none is configured."`
	Sessions  *sessionCounts `json:"sessions,omitempty" doc:"Only for callers with the scope task:read."`
	Tasks     *taskCounts    `json:"tasks,omitempty" doc:"Only for callers with the scope task:read; their own, or everybody's for an admin."`
	Storage   *StorageBrief  `json:"storage,omitempty" doc:"Only for callers with the scope task:read."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*healthAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["container"] = orNull(s.Properties["container"])
	return s
}

type containerView struct {
	Name string `json:"name"`
}

type sessionCounts struct {
	Total   int `json:"total"`
	Healthy int `json:"healthy" doc:"Ready to take a task, now or when a slot is free."`
}

type healthOutput struct {
	Status int
	Body   healthAnswer
}

func (a *api) getHealth(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	out := &healthOutput{Status: http.StatusOK, Body: healthAnswer{OK: a.health.check(ctx, a.Store.Ping), Version: a.Version}}
	if !out.Body.OK {
		out.Status = http.StatusServiceUnavailable
		return out, nil
	}
	c := callerOf(ctx)
	if c.Principal == nil || !c.Has(auth.TaskRead) {
		return out, nil
	}
	if a.ContainerName != "" {
		out.Body.Container = &containerView{a.ContainerName}
	}
	stats, err := a.Queue.Stats(ctx, c.Owner())
	if err != nil {
		return nil, err
	}
	sessions, err := a.Pool.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	storage, err := a.Queue.Storage(ctx)
	if err != nil {
		return nil, err
	}
	out.Body.Tasks = taskCountsOf(stats)
	out.Body.Storage = new(storageBriefOf(storage))
	out.Body.Sessions = &sessionCounts{Total: len(sessions)}
	for _, session := range sessions {
		if session.Enabled && session.State == store.Ready {
			out.Body.Sessions.Healthy++
		}
	}
	return out, nil
}

// healthCache asks the database at most once a second, however many strangers
// ask for the health.
type healthCache struct {
	mu sync.Mutex
	at time.Time
	ok bool
}

func (h *healthCache) check(ctx context.Context, ping func(context.Context) error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.at) >= time.Second {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		h.ok = ping(ctx) == nil
		h.at = time.Now()
	}
	return h.ok
}
