package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) signInOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/sign-ins", "list-sign-ins", "sign-in", "List sign-ins",
		"The browsers in which the caller is signed in; with `all` and the scope `admin`, everybody's."), a.listSignIns)
	handle(a, h, operation(remove, "/api/v1/sign-ins", "end-sign-ins", "sign-in", "End all sign-ins",
		"The caller's own, this one included; with `person` and the scope `admin`, those of somebody else. Every node refuses them within a second."), a.endSignIns)
	handle(a, h, operation(remove, "/api/v1/sign-ins/{id}", "end-sign-in", "sign-in", "End a sign-in",
		"One's own, or with the scope `admin` anybody's. Every node refuses it within a second."), a.endSignIn)
	handle(a, h, operation(get, "/api/v1/people", "list-people", "sign-in", "List people",
		"Everybody who has ever signed in at the provider, those who were here last first."), a.listPeople)
	handle(a, h, operation(get, "/api/v1/admin/oidc/preview", "preview-role", "sign-in", "Ask which role claims would give",
		"For trying out the rules of the configuration before somebody signs in."), a.previewRole)
}

// signInView is a sign-in as clients see it.
type signInView struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind" enum:"key,person"`
	Owner     string     `json:"owner" doc:"The id of the key or the person."`
	Name      string     `json:"name"`
	Role      *string    `json:"role" enum:"admin,operator,viewer" doc:"Of a person; null for a key."`
	Address   *string    `json:"address" doc:"That the sign-in came from."`
	UserAgent *string    `json:"user_agent"`
	CreatedAt *time.Time `json:"created_at" nullable:"false"`
	SeenAt    *time.Time `json:"seen_at" doc:"A minute behind."`
	ExpiresAt *time.Time `json:"expires_at"`
	Current   bool       `json:"current" doc:"It is the one that asks."`
}

func signInViewOf(in *store.SignIn, current string) *signInView {
	v := &signInView{
		ID: in.ID, Kind: "key", Owner: in.OwnerID, Name: in.Name, Role: textOf(in.Role), Address: textOf(in.Address), UserAgent: textOf(in.UserAgent),
		CreatedAt: timeOf(in.CreatedAt), SeenAt: timeOf(in.SeenAt), ExpiresAt: timeOf(in.ExpiresAt), Current: in.ID == current,
	}
	if in.Issuer != "" {
		v.Kind = "person"
	}
	return v
}

type signInsAnswer struct {
	SignIns []*signInView `json:"sign_ins" nullable:"false"`
}

type listSignInsInput struct {
	All bool `query:"all" doc:"Everybody's, for admins."`
}

func (a *api) listSignIns(ctx context.Context, in *listSignInsInput) (*body[signInsAnswer], error) {
	caller := callerOf(ctx)
	owner := caller.Key.ID
	if in.All {
		if err := needAdmin(caller); err != nil {
			return nil, err
		}
		owner = ""
	}
	list, err := a.Store.SignIns(ctx, owner)
	if err != nil {
		return nil, err
	}
	answer := signInsAnswer{[]*signInView{}}
	for _, signIn := range list {
		answer.SignIns = append(answer.SignIns, signInViewOf(signIn, caller.SignIn))
	}
	return reply(answer)
}

type endSignInsInput struct {
	Person string `query:"person" maxLength:"64" doc:"The id of the person, or the key, whose sign-ins are meant. Default: the caller's own."`
}

type endSignInsAnswer struct {
	Ended int `json:"ended" doc:"How many there were."`
}

func (a *api) endSignIns(ctx context.Context, in *endSignInsInput) (*body[endSignInsAnswer], error) {
	caller := callerOf(ctx)
	owner := caller.Key.ID
	if !storable(in.Person) {
		return nil, invalid("person", "is no id")
	}
	if in.Person != "" && in.Person != owner {
		if err := needAdmin(caller); err != nil {
			return nil, err
		}
		owner = in.Person
	}
	n, err := a.Store.EndSignIns(ctx, owner)
	a.Auth.ForgetSignIns()
	if err != nil {
		return nil, err
	}
	return reply(endSignInsAnswer{n})
}

func (a *api) endSignIn(ctx context.Context, in *byID) (*body[okAnswer], error) {
	caller := callerOf(ctx)
	owner := caller.Key.ID
	if caller.Has(auth.Admin) {
		owner = ""
	}
	err := a.Store.EndSignIn(ctx, in.ID, owner, store.SignInEnded)
	a.Auth.ForgetSignIns()
	if err != nil {
		return nil, err
	}
	return reply(okAnswer{true})
}

// personView is a person as admins see them.
type personView struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Email     *string    `json:"email"`
	Role      *string    `json:"role" enum:"admin,operator,viewer" doc:"At the last sign-in or refresh; null for none any more."`
	Issuer    string     `json:"issuer"`
	Subject   string     `json:"subject" doc:"What the issuer calls them."`
	CreatedAt *time.Time `json:"created_at" nullable:"false"`
	SeenAt    *time.Time `json:"seen_at" doc:"A minute behind."`
}

type peopleAnswer struct {
	People []*personView `json:"people" nullable:"false"`
}

func (a *api) listPeople(ctx context.Context, _ *struct{}) (*body[peopleAnswer], error) {
	people, err := a.Store.People(ctx)
	if err != nil {
		return nil, err
	}
	answer := peopleAnswer{[]*personView{}}
	for _, p := range people {
		answer.People = append(answer.People, &personView{p.ID, p.Name, textOf(p.Email), textOf(p.Role), p.Issuer, p.Subject, timeOf(p.CreatedAt), timeOf(p.SeenAt)})
	}
	return reply(answer)
}

type previewInput struct {
	Claims string `query:"claims" required:"true" maxLength:"1000" doc:"The claims that matter, as a JSON object." example:"{\"roles\":[\"operator\"]}"`
}

type previewAnswer struct {
	Role *string `json:"role" enum:"admin,operator,viewer" doc:"Null for none: the person would not be let in."`
	Why  string  `json:"why"`
}

func (a *api) previewRole(_ context.Context, in *previewInput) (*body[previewAnswer], error) {
	role, why, err := a.Auth.Preview(json.RawMessage(in.Claims))
	if err != nil {
		return nil, err
	}
	return reply(previewAnswer{textOf(string(role)), why})
}
