package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) sessionOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/sessions", "list-sessions", "sessions", "List sessions", "All of the pool, secrets masked."), a.listSessions)
	handle(a, h, with(http.StatusCreated, operation(post, "/api/v1/sessions", "add-session", "sessions", "Add a session",
		"The secret is encrypted and never shown again.")), a.addSession)
	handle(a, h, operation(get, "/api/v1/sessions/{id}", "get-session", "sessions", "Read a session", "The secret is masked."), a.getSession)
	handle(a, h, operation(patch, "/api/v1/sessions/{id}", "change-session", "sessions", "Change a session",
		"Tasks that run on a session go on when it is disabled."), a.changeSession)
	handle(a, h, operation(remove, "/api/v1/sessions/{id}", "remove-session", "sessions", "Remove a session",
		"Refused with 409 while a task runs on it."), a.removeSession)
	handle(a, h, operation(post, "/api/v1/sessions/{id}/test", "test-session", "sessions", "Test a session",
		"Asks the upstream whether the session works, without spending anything."), a.testSession)
	handle(a, h, operation(post, "/api/v1/sessions/{id}/cool", "cool-session", "sessions", "Cool a session now",
		"It gets no tasks for a while; what runs on it goes on. Afterwards one attempt decides whether it works, as after any pause."), a.coolSession)
	handle(a, h, operation(post, "/api/v1/sessions/{id}/bring-back", "bring-back-session", "sessions", "Bring a session back now",
		"Ends its pause, or takes a dead one back. After a fault one attempt decides whether it works again; after a pause that an admin wanted it is ready."), a.bringBackSession)
	handle(a, h, operation(post, "/api/v1/sessions/import", "import-sessions", "sessions", "Add many sessions",
		"Up to 1,000 at once. One that is known or refused does not keep the others out: the answer has a result for each, in their order, and no secret."), a.importSessions)
}

type sessionView struct {
	ID            string             `json:"id"`
	Upstream      string             `json:"upstream" doc:"The upstream that it belongs to."`
	Label         string             `json:"label"`
	SessionID     string             `json:"session_id" doc:"The secret, masked."`
	Enabled       bool               `json:"enabled"`
	State         store.SessionState `json:"state" enum:"ready,cooling,exhausted,dead,disabled"`
	Until         *time.Time         `json:"until" doc:"When the state ends by itself."`
	Reason        *string            `json:"reason" doc:"Why it is in this state."`
	Slots         int                `json:"slots" doc:"How many tasks it runs at once."`
	Running       int                `json:"running" doc:"How many tasks run on it now."`
	Credits       *int64             `json:"credits" doc:"Null when the upstream does not tell."`
	CreditsExpire *time.Time         `json:"credits_expire"`
	Succeeded     int64              `json:"succeeded" doc:"Attempts that succeeded."`
	Failed        int64              `json:"failed" doc:"Attempts that failed."`
	CreatedAt     *time.Time         `json:"created_at" nullable:"false"`
	UpdatedAt     *time.Time         `json:"updated_at" nullable:"false"`
	LastUsedAt    *time.Time         `json:"last_used_at"`
	ProbedAt      *time.Time         `json:"probed_at" doc:"When the upstream was last asked about it."`
}

// disabled is how clients see the state of a session that an admin switched off.
const disabled store.SessionState = "disabled"

func sessionViewOf(s *store.Session) *sessionView {
	return &sessionView{
		ID: s.ID, Upstream: s.Upstream, Label: s.Label, SessionID: s.Hint, Enabled: s.Enabled, State: stateOf(s),
		Until: timeOf(s.Until), Reason: textOf(s.Reason), Slots: s.Slots, Running: s.Running,
		Credits: s.Credits, CreditsExpire: timeOf(s.CreditsExpire), Succeeded: s.Succeeded, Failed: s.Failed,
		CreatedAt: timeOf(s.CreatedAt), UpdatedAt: timeOf(s.UpdatedAt), LastUsedAt: timeOf(s.LastUsedAt), ProbedAt: timeOf(s.ProbedAt),
	}
}

func stateOf(s *store.Session) store.SessionState {
	if !s.Enabled {
		return disabled
	}
	return s.State
}

type sessionAnswer struct {
	Session *sessionView `json:"session"`
}

type sessionsAnswer struct {
	Sessions []*sessionView `json:"sessions" nullable:"false"`
}

func (a *api) listSessions(ctx context.Context, _ *struct{}) (*body[sessionsAnswer], error) {
	sessions, err := a.Pool.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	answer := sessionsAnswer{[]*sessionView{}}
	for _, session := range sessions {
		answer.Sessions = append(answer.Sessions, sessionViewOf(session))
	}
	return reply(answer)
}

type addSessionInput struct {
	Body struct {
		SessionID string `json:"session_id" minLength:"1" maxLength:"16384" doc:"The secret: for jimeng-free-api the cookie sessionid."`
		Label     string `json:"label,omitempty" maxLength:"200" doc:"For people."`
		Upstream  string `json:"upstream,omitempty" maxLength:"100" doc:"Needed when several upstreams are configured."`
		Slots     int    `json:"slots,omitempty" minimum:"0" maximum:"1000" doc:"How many tasks it may run at once, 0 for the default."`
	}
}

func (a *api) addSession(ctx context.Context, in *addSessionInput) (*body[sessionAnswer], error) {
	session, err := a.Pool.Add(ctx, pool.NewSession{Upstream: in.Body.Upstream, Secret: in.Body.SessionID, Label: in.Body.Label, Slots: in.Body.Slots})
	if err != nil {
		return nil, err
	}
	return reply(sessionAnswer{sessionViewOf(session)})
}

func (a *api) getSession(ctx context.Context, in *byID) (*body[sessionAnswer], error) {
	session, err := a.Pool.Session(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(sessionAnswer{sessionViewOf(session)})
}

type changeSessionInput struct {
	ID   string `path:"id" maxLength:"64" doc:"The id."`
	Body struct {
		Enabled *bool   `json:"enabled,omitempty"`
		Label   *string `json:"label,omitempty" maxLength:"200"`
		Slots   *int    `json:"slots,omitempty" minimum:"1" maximum:"1000"`
	}
}

type changeSessionAnswer struct {
	OK      bool         `json:"ok"`
	Enabled bool         `json:"enabled"`
	Session *sessionView `json:"session"`
}

func (a *api) changeSession(ctx context.Context, in *changeSessionInput) (*body[changeSessionAnswer], error) {
	session, err := a.Pool.Change(ctx, in.ID, pool.Change{Enabled: in.Body.Enabled, Label: in.Body.Label, Slots: in.Body.Slots})
	if err != nil {
		return nil, err
	}
	return reply(changeSessionAnswer{true, session.Enabled, sessionViewOf(session)})
}

type okAnswer struct {
	OK bool `json:"ok"`
}

func (a *api) removeSession(ctx context.Context, in *byID) (*body[okAnswer], error) {
	if err := a.Pool.Remove(ctx, in.ID); err != nil {
		return nil, err
	}
	return reply(okAnswer{true})
}

type testAnswer struct {
	OK      bool   `json:"ok"`
	Message string `json:"message" doc:"What the upstream says."`
}

func (a *api) testSession(ctx context.Context, in *byID) (*body[testAnswer], error) {
	result, err := a.Pool.Test(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(testAnswer{result.OK, result.Message})
}
