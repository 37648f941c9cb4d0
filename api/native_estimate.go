package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/media"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// estimateRequest describes the body: a create request's, in which materials can
// be left out but for their kind.
type estimateRequest struct {
	TaskFields
	JSONMaterials
	Materials []assumedMaterial `json:"materials,omitempty" nullable:"false" maxItems:"64" doc:"Further materials that are not there yet."`
}

type assumedMaterial struct {
	_        struct{} `additionalProperties:"true"`
	Kind     string   `json:"kind,omitempty" enum:"image,video,audio" doc:"What it will be; this or mime_type."`
	MimeType string   `json:"mime_type,omitempty" example:"image/png"`
}

type estimateAnswer struct {
	Valid         bool            `json:"valid" doc:"Whether a submit would take the request. The key's daily quota and its budgets of credits are no part of it: they are among the reasons why it would not start."`
	Errors        []estimateError `json:"errors" nullable:"false" doc:"The fields that are wrong."`
	Credits       *float64        `json:"credits" doc:"What the task would cost by the model's price, null when that is not known."`
	CreditsReason *string         `json:"credits_reason" doc:"Why it is not known."`
	Place         *placeView      `json:"place" doc:"Where the task would stand, null when the request is not valid."`
	ETA           *etaView        `json:"eta" doc:"When it would probably start and end, null when the request is not valid."`
	WhyNotSooner  []reasonView    `json:"why_not_sooner" nullable:"false" doc:"Why it would not start at once; empty if it would."`
	Upstreams     []string        `json:"upstreams,omitempty" doc:"The upstreams that can run it. Only for admins."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*estimateAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "place", "eta")
}

type estimateError struct {
	Field   string `json:"field" example:"duration"`
	Message string `json:"message" doc:"What is wrong there, and what is allowed."`
	Code    string `json:"code" doc:"The code that a submit would be refused with." example:"invalid_request"`
}

// estimate serves POST /api/v1/tasks/estimate. It reads the request as a create
// does and lets go of its files.
func (a *api) estimate(w http.ResponseWriter, r *http.Request) {
	c := a.newCreate(taskFields, "")
	c.estimates = true
	defer c.intake.close(r.Context(), nil, nil)
	answer, err := a.estimated(r.Context(), c, c.read(w, r))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (a *api) estimated(ctx context.Context, c *create, err error) (*estimateAnswer, error) {
	answer := &estimateAnswer{Errors: []estimateError{}, WhyNotSooner: []reasonView{}}
	if err == nil && len(c.faults) == 0 {
		err = a.forecastCreate(ctx, c, answer)
	}
	if err != nil {
		e := explain(err)
		if e.status >= http.StatusInternalServerError || e.field == "" || e.field == "body" || e.field == "Content-Type" {
			return nil, err
		}
		c.faults = append(c.faults, err)
	}
	for _, fault := range c.faults {
		e := explain(fault)
		answer.Errors = append(answer.Errors, estimateError{e.field, e.message, e.code})
	}
	return answer, nil
}

func (a *api) forecastCreate(ctx context.Context, c *create, answer *estimateAnswer) error {
	all, err := c.assemble(ctx)
	if err != nil {
		return err
	}
	if err := a.Materials.check(all, c.task.Materials); err != nil {
		return err
	}
	c.task.Materials = append(c.task.Materials, c.assumed...)
	e, err := a.Queue.Estimate(ctx, &c.task)
	if err != nil {
		return err
	}
	admin := callerOf(ctx).Has(auth.PoolRead)
	answer.Valid = true
	answer.Credits, answer.CreditsReason = e.Credits, textOf(e.CreditsReason)
	answer.Place, answer.ETA, answer.WhyNotSooner = placeViewOf(e.Place), etaViewOf(e.ETA), reasonViews(e.WhyNotSooner, admin)
	if admin {
		answer.Upstreams = e.Upstreams
	}
	return nil
}

// assume takes materials of which only the kind is told.
func (c *create) assume(name string, value []byte) error {
	if value[0] != '[' {
		return invalid(name, "must be a list of objects with a kind or a mime_type")
	}
	return eachElement(value, func(element json.RawMessage) error {
		kind := upstream.MediaKind("")
		if element[0] != '{' || len(c.assumed) == maxInputs {
			return invalid(name, "must be a list of at most %d objects with a kind or a mime_type", maxInputs)
		}
		err := eachMember(element, func(member string, value json.RawMessage) error {
			text, ok := jsonString(value)
			switch {
			case member != "kind" && member != "mime_type":
			case !ok:
				return invalid(name, "has a %s that is not a string", member)
			case member == "kind":
				kind = upstream.MediaKind(text)
			case kind == "":
				of, _ := media.KindOf(media.TypeName(strings.ToLower(text)))
				kind = upstream.MediaKind(of)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if kind != upstream.Image && kind != upstream.Video && kind != upstream.Audio {
			return invalid(name, "need a kind: image, video or audio")
		}
		c.assumed = append(c.assumed, store.Material{Kind: string(kind)})
		return nil
	})
}

// Interface guard
var _ huma.SchemaTransformer = (*estimateAnswer)(nil)
