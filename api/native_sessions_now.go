package api

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

type coolSessionInput struct {
	ID   string `path:"id" maxLength:"64" doc:"The id."`
	Body *struct {
		Seconds int    `json:"seconds,omitempty" minimum:"1" maximum:"2592000" doc:"For how long, 600 by default."`
		Reason  string `json:"reason,omitempty" maxLength:"500" doc:"Why, for people."`
	} `required:"false"`
}

func (a *api) coolSession(ctx context.Context, in *coolSessionInput) (*body[sessionAnswer], error) {
	var pause time.Duration
	var reason string
	if in.Body != nil {
		pause, reason = time.Duration(in.Body.Seconds)*time.Second, in.Body.Reason
	}
	session, err := a.Pool.Cool(ctx, in.ID, pause, reason)
	if err != nil {
		return nil, err
	}
	return reply(sessionAnswer{sessionViewOf(session)})
}

type bringBackAnswer struct {
	Became  string       `json:"became" enum:"ready,half_open" doc:"Whether it takes tasks as ever, or one attempt that decides."`
	Message string       `json:"message" doc:"The same for people."`
	Session *sessionView `json:"session"`
}

func (a *api) bringBackSession(ctx context.Context, in *byID) (*body[bringBackAnswer], error) {
	session, err := a.Pool.BringBack(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if session.State == store.Ready {
		return reply(bringBackAnswer{"ready", "It is ready.", sessionViewOf(session)})
	}
	return reply(bringBackAnswer{"half_open", "One attempt will decide whether it works again.", sessionViewOf(session)})
}

type importSessionsInput struct {
	Body struct {
		Sessions []importedSession `json:"sessions" minItems:"1" maxItems:"1000"`
		Upstream string            `json:"upstream,omitempty" maxLength:"100" nullable:"true" doc:"For those that name none. Needed when several upstreams are configured."`
		Slots    int               `json:"slots,omitempty" minimum:"0" maximum:"1000" nullable:"true" doc:"For those that say nothing, 0 for the default."`
	}
}

type importedSession struct {
	SessionID string `json:"session_id" maxLength:"16384" doc:"The secret: for jimeng-free-api the cookie sessionid."`
	Label     string `json:"label,omitempty" maxLength:"200" nullable:"true" doc:"For people."`
	Upstream  string `json:"upstream,omitempty" maxLength:"100" nullable:"true"`
	Slots     int    `json:"slots,omitempty" minimum:"0" maximum:"1000" nullable:"true"`
}

type importSessionsAnswer struct {
	Added   int            `json:"added" doc:"How many were added."`
	Results []importResult `json:"results" nullable:"false" doc:"In the order of the request."`
}

type importResult struct {
	Result  string       `json:"result" enum:"added,known,refused" doc:"What became of it. A known one is in the pool already, or earlier in the request, and stays as it is."`
	Message *string      `json:"message" doc:"Why it was refused."`
	Session *sessionView `json:"session" doc:"The new session."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*importResult) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["session"] = orNull(s.Properties["session"])
	return s
}

func (a *api) importSessions(ctx context.Context, in *importSessionsInput) (*body[importSessionsAnswer], error) {
	news := make([]pool.NewSession, len(in.Body.Sessions))
	for i, s := range in.Body.Sessions {
		news[i] = pool.NewSession{Upstream: cmp.Or(s.Upstream, in.Body.Upstream), Secret: s.SessionID, Label: s.Label, Slots: cmp.Or(s.Slots, in.Body.Slots)}
	}
	imported, err := a.Pool.Import(ctx, news)
	if err != nil {
		return nil, err
	}
	answer := importSessionsAnswer{Results: []importResult{}}
	for _, i := range imported {
		switch {
		case i.Err == nil:
			answer.Added++
			answer.Results = append(answer.Results, importResult{Result: "added", Session: sessionViewOf(i.Session)})
		case errors.Is(i.Err, store.ErrConflict):
			answer.Results = append(answer.Results, importResult{Result: "known"})
		default:
			answer.Results = append(answer.Results, importResult{Result: "refused", Message: new(i.Err.Error())})
		}
	}
	return reply(answer)
}
