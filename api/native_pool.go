package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
)

func (a *api) poolOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/pool", "get-pool", "sessions", "Read how the pool stands",
		"Upstreams, sessions and why each may or may not take a task, how many slots there are and are free, who waits, and when the next slot is expected. Up to a second old."), a.getPool)
	handle(a, h, operation(post, "/api/v1/pool/probe", "probe-pool", "sessions", "Probe sessions now",
		"Asks the upstreams whether their sessions work and what credits they have, without spending anything: a few at once, for a minute at most. "+
			"The answer waits for the last one. All sessions are also probed by schedule."), a.probePool)
}

type poolAnswer struct {
	PoolSummary
	Sessions []pooledView `json:"sessions" nullable:"false"`
}

// PoolSummary is the pool without its sessions. Exported like [SessionFields].
type PoolSummary struct {
	Upstreams  []upstreamView `json:"upstreams" nullable:"false"`
	Slots      int            `json:"slots" doc:"Slots of all sessions that are in service, those in a pause included."`
	Free       int            `json:"free" doc:"How many tasks could start now, with all limits."`
	Running    int            `json:"running" doc:"How many tasks run."`
	Waiting    waitingView    `json:"waiting"`
	NextSlotAt *time.Time     `json:"next_slot_at" doc:"When the next slot is expected to be free. Null when nobody can tell."`
}

type upstreamView struct {
	Name         string     `json:"name"`
	Configured   bool       `json:"configured" doc:"Whether the configuration has it. Tasks of others wait for a configuration that has."`
	Running      int        `json:"running" doc:"How many tasks run on it."`
	Limit        *int       `json:"limit" doc:"How many may, null when only its sessions' slots count."`
	Models       int        `json:"models" doc:"How many models it runs."`
	BenchedUntil *time.Time `json:"benched_until" doc:"It did not answer, and is not used before this moment."`
	Reason       *string    `json:"reason" doc:"Why it is benched."`
}

// SessionFields lets the fields of a session stand in another answer: those of a
// type whose name is not exported would be missing in the API's description.
type SessionFields = sessionView

// pooledView is a session with what the admission makes of it.
type pooledView struct {
	SessionFields
	Code    pool.Code `json:"code" enum:"ready,busy,half_open,cooling,exhausted,dead,disabled,upstream_benched,upstream_full,upstream_not_configured" doc:"Whether it may take a task now, or why not, for programs. Codes never change."`
	Message string    `json:"message" doc:"The same for people."`
	Free    int       `json:"free" doc:"How many tasks it may take now."`
}

type waitingView struct {
	Tasks int        `json:"tasks" doc:"How many tasks are queued."`
	Keys  int        `json:"keys" doc:"Of how many keys."`
	Since *time.Time `json:"since" doc:"When the oldest of them was created."`
}

func (a *api) getPool(ctx context.Context, _ *struct{}) (*body[poolAnswer], error) {
	p, err := a.Queue.PoolView(ctx)
	if err != nil {
		return nil, err
	}
	answer := poolAnswer{Sessions: []pooledView{}, PoolSummary: PoolSummary{
		Upstreams: []upstreamView{}, Slots: p.Slots, Free: p.Free, Running: p.Running,
		Waiting: waitingView{Tasks: p.WaitingTasks, Keys: p.WaitingKeys, Since: timeOf(p.OldestWaiting)}, NextSlotAt: timeOf(p.NextSlotAt),
	}}
	for _, u := range p.Upstreams {
		answer.Upstreams = append(answer.Upstreams, upstreamViewOf(u))
	}
	for _, s := range p.Sessions {
		answer.Sessions = append(answer.Sessions, pooledView{*sessionViewOf(s.Session), s.Code, s.Message, s.Free})
	}
	return reply(answer)
}

func upstreamViewOf(u queue.UpstreamView) upstreamView {
	v := upstreamView{
		Name: u.Name, Configured: u.Configured, Running: u.Running, Models: u.Models,
		BenchedUntil: timeOf(u.BenchedUntil), Reason: textOf(u.Reason),
	}
	if u.Limit > 0 {
		v.Limit = &u.Limit
	}
	return v
}

type probePoolInput struct {
	Body *struct {
		Sessions []string `json:"sessions,omitempty" maxItems:"1000" doc:"The ids of the sessions to probe. Default: all."`
	} `required:"false"`
}

type probePoolAnswer struct {
	Working int           `json:"working" doc:"How many of them work."`
	Results []probeResult `json:"results" nullable:"false"`
}

type probeResult struct {
	OK      bool         `json:"ok" doc:"Whether it works."`
	Message string       `json:"message" doc:"What the upstream says. A probe that cannot tell says so and changes nothing."`
	Session *sessionView `json:"session" doc:"The session after the probe."`
}

func (a *api) probePool(ctx context.Context, in *probePoolInput) (*body[probePoolAnswer], error) {
	var ids []string
	if in.Body != nil {
		ids = in.Body.Sessions
	}
	tested, err := a.Pool.TestAll(ctx, ids)
	if err != nil {
		return nil, err
	}
	answer := probePoolAnswer{Results: []probeResult{}}
	for _, t := range tested {
		answer.Results = append(answer.Results, probeResult{t.OK, t.Message, sessionViewOf(t.Session)})
		if t.OK {
			answer.Working++
		}
	}
	return reply(answer)
}
