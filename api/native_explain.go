package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) explainOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/tasks/{id}/explain", "explain-task", "tasks", "Ask why a task does not run",
		"Every reason why a queued task does not run now, and session by session why it was not chosen. For a running task, which session was, and when. "+
			"The answer is up to a second old. Only admins see labels, upstreams and what the upstreams say of the accounts."), a.explainTask)
}

type explainAnswer struct {
	TaskID     string        `json:"task_id"`
	Status     store.Status  `json:"status" enum:"queued,submitting,polling,downloading,succeeded,failed,cancelled"`
	Reasons    []reasonView  `json:"reasons" nullable:"false" doc:"Why a queued task does not run now: all that is true. Empty for other tasks."`
	Place      *placeView    `json:"place" doc:"Where a queued task stands."`
	ETA        *etaView      `json:"eta" doc:"When it probably starts and ends. Null for a task that has ended."`
	NextSlotAt *time.Time    `json:"next_slot_at" doc:"When a session that could run a queued task is expected to have a free slot, for whoever goes first. Null when nobody can tell."`
	Session    *chosenView   `json:"session" doc:"The session that a running task was given."`
	Attempts   []attemptView `json:"attempts" nullable:"false" doc:"The submits so far, oldest first."`
	Sessions   []judgedView  `json:"sessions" nullable:"false" doc:"The sessions that could run a task that has not ended, and for admins the others."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*explainAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "place", "eta", "session")
}

// reasonView is one reason why a task does not run now.
type reasonView struct {
	Code    queue.ReasonCode `json:"code" enum:"no_session,all_busy,sessions_resting,upstream_benched,upstream_full,upstream_not_configured,gateway_concurrency,key_concurrency,others_first,start_deadline,daily_quota,credit_budget,starting" doc:"The reason, for programs. Codes never change."`
	Message string           `json:"message" example:"all slots of 3 sessions are taken" doc:"The reason, for people."`
	Detail  *string          `json:"detail,omitempty" doc:"Which sessions and upstreams, and what the upstream says. Only for admins."`
}

func reasonViews(reasons []queue.Reason, admin bool) []reasonView {
	views := make([]reasonView, len(reasons))
	for i, r := range reasons {
		views[i] = reasonView{Code: r.Code, Message: r.Message}
		if admin {
			views[i].Detail = textOf(r.Detail)
		}
	}
	return views
}

type chosenView struct {
	SessionPoolID string     `json:"session_pool_id"`
	Since         *time.Time `json:"since" doc:"When the task got its slot."`
	Waited        float64    `json:"waited" doc:"How long the task had waited for it, in seconds."`
	Message       string     `json:"message" doc:"Why this one."`
}

// judgedView is a session and whether it may run the task. What is left out for
// others than admins tells of the accounts behind the sessions.
type judgedView struct {
	ID       string             `json:"id"`
	State    store.SessionState `json:"state" enum:"ready,cooling,exhausted,dead,disabled"`
	Until    *time.Time         `json:"until" doc:"When the state ends by itself."`
	Chosen   bool               `json:"chosen" doc:"The task runs on it."`
	Code     pool.Code          `json:"code" enum:"ready,busy,half_open,cooling,exhausted,dead,disabled,upstream_benched,upstream_full,upstream_not_configured,model_not_served" doc:"Whether it may take a task now, or why not, for programs. Codes never change."`
	Message  string             `json:"message,omitempty" doc:"The same for people. Only for admins."`
	Upstream string             `json:"upstream,omitempty" doc:"Only for admins."`
	Label    string             `json:"label,omitempty" doc:"Only for admins."`
	Reason   *string            `json:"reason,omitempty" doc:"What the upstream said that put it into its state. Only for admins."`
	Slots    *int               `json:"slots,omitempty" doc:"How many tasks it runs at once. Only for admins."`
	Running  *int               `json:"running,omitempty" doc:"How many tasks run on it now. Only for admins."`
	Free     *int               `json:"free,omitempty" doc:"How many tasks it may take now. Only for admins."`
}

func judgedViewOf(s queue.SessionVerdict, admin bool) judgedView {
	v := judgedView{ID: s.ID, State: stateOf(s.Session), Until: timeOf(s.Session.Until), Chosen: s.Chosen, Code: s.Code}
	if admin {
		v.Message, v.Upstream, v.Label, v.Reason = s.Message, s.Upstream, s.Label, textOf(s.Reason)
		v.Slots, v.Running, v.Free = &s.Slots, &s.Running, &s.Free
	}
	return v
}

func (a *api) explainTask(ctx context.Context, in *byID) (*body[explainAnswer], error) {
	c := callerOf(ctx)
	admin := c.Has(auth.PoolRead)
	task, e, err := a.Queue.Explain(ctx, c.Owner(), in.ID)
	if err != nil {
		return nil, err
	}
	answer := explainAnswer{
		TaskID: task.ID, Status: task.Status, Reasons: reasonViews(e.Reasons, admin), Place: placeViewOf(e.Place), ETA: etaViewOf(e.ETA),
		NextSlotAt: timeOf(e.NextSlotAt), Attempts: make([]attemptView, len(e.Attempts)), Sessions: []judgedView{},
	}
	for i, attempt := range e.Attempts {
		answer.Attempts[i] = attemptViewOf(attempt)
	}
	if n := len(e.Attempts); n > 0 && task.Status != store.Queued && !task.Status.Ended() {
		last := e.Attempts[n-1]
		answer.Session = &chosenView{
			SessionPoolID: last.SessionID, Since: timeOf(last.CreatedAt), Waited: float64(last.CreatedAt-task.CreatedAt) / 1000,
			Message: "of the sessions with a free slot, it had been used least recently",
		}
	}
	for _, s := range e.Sessions {
		if admin || s.Code != queue.ModelNotServed {
			answer.Sessions = append(answer.Sessions, judgedViewOf(s, admin))
		}
	}
	return reply(answer)
}

// Interface guard
var _ huma.SchemaTransformer = (*explainAnswer)(nil)
