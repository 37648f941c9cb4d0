package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// maxEstimate is the most bytes of an estimate's body. Nothing in it is stored, so
// the content of a file may as well be left out.
const maxEstimate = 4 << 20

func (a *api) estimateOperations(h huma.API) {
	op := operation(post, "/api/v1/tasks/estimate", "estimate-task", "tasks", "Ask what would become of a task",
		"Checks a request as a submit does, and says what it costs where that is known, when it would start and end, and why not sooner. "+
			"Nothing is stored or spent. 200 also when the request is not valid: then `errors` says why. The body may have 4 MiB; "+
			"of a material, its `kind` or `mime_type` is enough.")
	op.MaxBodyBytes = maxEstimate
	op.SkipValidateBody = true // every fault is one of the answer's errors
	handle(a, h, op, a.estimate)
}

// estimateFields describes the body for the documentation.
type estimateFields struct {
	Model        string             `json:"model,omitempty" doc:"Default: the configured one." example:"jimeng-video-3.0"`
	Kind         string             `json:"kind,omitempty" enum:"video,image" doc:"What to make. Default: what the model makes."`
	Prompt       string             `json:"prompt,omitempty" example:"a paper boat on a pond"`
	Duration     int                `json:"duration,omitempty" doc:"Length of the video in seconds. Default: the model's." example:"5"`
	Ratio        string             `json:"ratio,omitempty" example:"16:9"`
	Resolution   string             `json:"resolution,omitempty" example:"720p"`
	Priority     int                `json:"priority,omitempty" doc:"Higher goes first among the tasks of the same key."`
	StartTimeout int                `json:"start_timeout,omitempty" doc:"Most seconds in the queue."`
	Timeout      int                `json:"timeout,omitempty" doc:"Most seconds to the end."`
	Materials    []estimateMaterial `json:"materials,omitempty" doc:"The materials in their order; files is the same."`
	Files        []estimateMaterial `json:"files,omitempty"`
	FilePaths    []string           `json:"file_paths,omitempty" doc:"URLs of materials."`
	_            struct{}           `additionalProperties:"true"`
}

type estimateMaterial struct {
	Kind     string   `json:"kind,omitempty" enum:"image,video,audio" doc:"Default: what the rest says."`
	MimeType string   `json:"mime_type,omitempty" example:"image/png"`
	URL      string   `json:"url,omitempty"`
	Data     string   `json:"data,omitempty" doc:"The file's content in base64, or as a data URI."`
	ID       string   `json:"id,omitempty" doc:"Of a stored material; tell its kind."`
	Name     string   `json:"name,omitempty"`
	_        struct{} `additionalProperties:"true"`
}

// estimateBody keeps a body as it came, for the parser of create requests.
type estimateBody struct{ raw json.RawMessage }

// UnmarshalJSON implements [json.Unmarshaler].
func (b *estimateBody) UnmarshalJSON(data []byte) error { return b.raw.UnmarshalJSON(data) }

// Schema implements [huma.SchemaProvider].
func (b *estimateBody) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[estimateFields](), true, "")
}

type estimateInput struct{ Body estimateBody }

type estimateAnswer struct {
	Valid         bool            `json:"valid" doc:"Whether a submit would take the request. The key's daily quota is no part of it."`
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
}

func (a *api) estimate(ctx context.Context, in *estimateInput) (*body[estimateAnswer], error) {
	c := callerOf(ctx)
	answer := estimateAnswer{Errors: []estimateError{}, WhyNotSooner: []reasonView{}}
	n, faults := a.parseEstimate(in.Body.raw)
	if len(faults) == 0 {
		n.Key = c.Key
		e, err := a.Queue.Estimate(ctx, n)
		if _, refused := asError[*upstream.InvalidError](err); refused {
			faults = append(faults, err)
		} else if err != nil {
			return nil, err
		} else {
			admin := c.Has(auth.Admin)
			answer.Valid = true
			answer.Credits, answer.CreditsReason = e.Credits, textOf(e.CreditsReason)
			answer.Place, answer.ETA, answer.WhyNotSooner = placeViewOf(e.Place), etaViewOf(e.ETA), reasonViews(e.WhyNotSooner, admin)
			if admin {
				answer.Upstreams = e.Upstreams
			}
		}
	}
	for _, fault := range faults {
		e := explain(fault)
		answer.Errors = append(answer.Errors, estimateError{e.field, e.message})
	}
	return reply(answer)
}

// parseEstimate reads a request as a submit does, but goes on after a fault, so
// that a form can show all of them.
func (a *api) parseEstimate(raw json.RawMessage) (*queue.NewTask, []error) {
	if !utf8.Valid(raw) {
		return nil, []error{invalid("body", "is not valid UTF-8")}
	}
	c := &create{}
	var kind upstream.MediaKind
	var faults []error
	note := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	note(eachMember(raw, func(name string, value json.RawMessage) error {
		if err := c.once(name); err != nil {
			note(err)
			return nil
		}
		switch name {
		case "kind":
			var err error
			kind, err = kindOf(name, value, upstream.Video, upstream.Image)
			note(err)
		case "materials", "files":
			list, err := estimateMaterials(name, value)
			c.files = append(c.files, list...)
			note(err)
		default:
			note(c.setJSON(name, value))
		}
		return nil
	}))
	if len(faults) > 0 {
		return nil, faults
	}
	ratio := c.task.Ratio
	n, err := c.finish(a)
	if err != nil {
		return nil, []error{err}
	}
	if m := a.Queue.Model(n.Model); kind == "" && m != nil {
		kind = m.Kind
	}
	if kind == upstream.Image {
		n.Kind, n.Ratio = kind, ratio
	}
	return n, nil
}

// kindOf reads a kind of media, "" for null.
func kindOf(field string, value json.RawMessage, allowed ...upstream.MediaKind) (upstream.MediaKind, error) {
	if string(value) == "null" {
		return "", nil
	}
	text, _ := jsonString(value)
	var names []string
	for _, kind := range allowed {
		if text == string(kind) {
			return kind, nil
		}
		names = append(names, string(kind))
	}
	return "", invalid(field, "must be one of %s", strings.Join(names, ", "))
}

// estimateMaterials counts the materials of one field by their kind.
func estimateMaterials(field string, value json.RawMessage) ([]store.Material, error) {
	var items []json.RawMessage
	if json.Unmarshal(value, &items) != nil {
		return nil, invalid(field, "must be a list of materials")
	}
	if len(items) > maxURLs {
		return nil, invalid(field, "has more than %d entries", maxURLs)
	}
	var list []store.Material
	for _, item := range items {
		material, err := estimateOne(field, item)
		if err != nil {
			return nil, err
		}
		list = append(list, material)
	}
	return list, nil
}

// estimateOne learns the kind of one material: from its content if it is there,
// for the real type decides, or else from what the client says.
func estimateOne(field string, item json.RawMessage) (store.Material, error) {
	var m struct {
		Kind json.RawMessage `json:"kind"`
		estimateSource
	}
	if json.Unmarshal(item, &m) != nil {
		return store.Material{}, invalid(field, "must be a list of objects with kind, mime_type, url, data or id as strings")
	}
	kind := upstream.MediaKind("")
	if m.Kind != nil {
		var err error
		if kind, err = kindOf(field, m.Kind, upstream.Image, upstream.Video, upstream.Audio); err != nil {
			return store.Material{}, err
		}
	}
	material, err := m.material(field)
	if err != nil {
		return store.Material{}, err
	}
	if kind != "" && m.Data != "" && string(kind) != material.Kind {
		return store.Material{}, invalid(field, "must be what they say: one is declared as %s and is %s", kind, material.Kind)
	}
	if kind != "" {
		material.Kind = string(kind)
	}
	if material.Kind == "" {
		return store.Material{}, invalid(field, "need a kind: image, video or audio")
	}
	return material, nil
}

// estimateSource is where the content of a material is.
type estimateSource struct {
	MimeType string `json:"mime_type"`
	URL      string `json:"url"`
	Data     string `json:"data"`
}

func (m *estimateSource) material(field string) (store.Material, error) {
	switch {
	case m.URL != "" && m.Data != "":
		return store.Material{}, invalid(field, "cannot have both url and data")
	case m.URL != "":
		return urlMaterial(field, m.URL)
	case m.Data == "":
		contentType := typeName(strings.ToLower(m.MimeType))
		return store.Material{Kind: string(materialTypes[contentType]), ContentType: contentType}, nil
	}
	declared, content := m.MimeType, m.Data
	if header, rest, ok := strings.Cut(content, ";base64,"); ok && strings.HasPrefix(header, "data:") {
		declared, content = strings.TrimPrefix(header, "data:"), rest
	}
	file := base64.NewDecoder(base64.StdEncoding, strings.NewReader(content))
	head := make([]byte, sniffed)
	n, err := io.ReadFull(file, head)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	rest, rotten := io.Copy(io.Discard, file)
	if err != nil || rotten != nil {
		return store.Material{}, invalid(field, "need data in base64")
	}
	contentType, kind, err := checkType(head[:n], declared)
	if e, ok := asError[*apiError](err); ok {
		return store.Material{}, invalid(field, "%s", e.message)
	}
	return store.Material{Kind: string(kind), ContentType: contentType, Size: int64(n) + rest}, nil
}

// Interface guards
var (
	_ json.Unmarshaler       = (*estimateBody)(nil)
	_ huma.SchemaProvider    = (*estimateBody)(nil)
	_ huma.SchemaTransformer = (*estimateAnswer)(nil)
)
