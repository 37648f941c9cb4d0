package api

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// document is the description of the API that it gives of itself: huma's, made
// of the types that the native operations take and answer, and what the handlers
// of the other dialects add to it in the same way.
type document struct{ *huma.OpenAPI }

// openAPIConfig begins the document.
func openAPIConfig(version string) huma.Config {
	config := huma.DefaultConfig("jimeng-gateway", version)
	// No $schema members and Link headers in the answers, and nothing served
	// beside the operations.
	config.CreateHooks = nil
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Components.Headers = maps.Clone(responseHeaders)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key":    {Type: "http", Scheme: "bearer", Description: "An API key: `Authorization: Bearer gw_…`."},
		"cookie": {Type: "apiKey", In: "cookie", Name: "jimeng_session", Description: "The dashboard's sign-in. Over TLS the name begins with `__Host-`."},
	}
	config.Info.Description = aboutAPI
	config.Info.License = &huma.License{Name: "MIT", Identifier: "MIT"}
	config.Servers = []*huma.Server{{URL: "/", Description: "The gateway that serves this document."}}
	config.Tags = tags
	return config
}

// schemaName names the schema of a type as clients would.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	switch name {
	case "EventView":
		return "TaskEvent"
	case "SnapshotView":
		return "SnapshotEvent"
	case "SessionsView":
		return "SessionsEvent"
	case "BeatView":
		return "BeatEvent"
	}
	name = strings.TrimSuffix(name, "View")
	if stem, ok := strings.CutSuffix(name, "InputBody"); ok {
		name = stem + "Request"
	}
	return name
}

// operation of a route, nil if the document has none.
func (d *document) operation(pattern string) *huma.Operation {
	method, path, _ := strings.Cut(pattern, " ")
	item := d.Paths[path]
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{get: item.Get, post: item.Post, patch: item.Patch, remove: item.Delete}[method]
}

// add describes a route whose handler is not huma's.
func (d *document) add(pattern, id, tag, summary, description string) *huma.Operation {
	method, path, _ := strings.Cut(pattern, " ")
	op := operation(method, path, id, tag, summary, description)
	op.Responses = map[string]*huma.Response{}
	d.AddOperation(&op)
	return &op
}

// schema is that of the Go type of the value.
func (d *document) schema(value any) *huma.Schema {
	return d.Components.Schemas.Schema(reflect.TypeOf(value), true, "")
}

// answer describes an answer whose body is the value's type as JSON.
func (d *document) answer(text string, value any) *huma.Response {
	return &huma.Response{Description: text, Content: map[string]*huma.MediaType{"application/json": {Schema: d.schema(value)}}}
}

// orNull is for members that are objects or null, which huma has no tag for.
func orNull(s *huma.Schema) *huma.Schema {
	return &huma.Schema{Description: s.Description, AnyOf: []*huma.Schema{{Ref: s.Ref}, {Type: "null"}}}
}

// takeNull says that a member of a request that may be absent may be null as
// well: that is how many clients write it, and how it is read.
func (d *document) takeNull(s *huma.Schema) {
	if s.Ref != "" {
		s = d.Components.Schemas.SchemaFromRef(s.Ref)
	}
	for name, member := range s.Properties {
		if member.Ref != "" {
			member = d.Components.Schemas.SchemaFromRef(member.Ref)
		}
		if member.Type == huma.TypeObject {
			d.takeNull(member)
		}
		if !slices.Contains(s.Required, name) && member.Type != "" && !member.Nullable {
			member.Nullable = true
			if len(member.Enum) > 0 {
				member.Enum = append(member.Enum, nil)
			}
		}
	}
}

// nullInEnums adds null to the lists of values of members that may be null: huma
// has both, and JSON Schema asks for it.
func (d *document) nullInEnums() {
	for _, s := range d.Components.Schemas.Map() {
		for _, member := range s.Properties {
			if member.Nullable && len(member.Enum) > 0 && !slices.Contains(member.Enum, nil) {
				member.Enum = append(member.Enum, nil)
			}
		}
	}
}

// complete adds to every operation what follows from the tables of access, of
// error codes and of details. Operations without details get the rest.
func (d *document) complete() {
	d.nullInEnums()
	var errors []*huma.Response
	for _, pattern := range slices.Sorted(maps.Keys(access)) {
		op := d.operation(pattern)
		if op == nil {
			continue
		}
		who, more := access[pattern], details[pattern]
		op.Security = security(who)
		op.Description += "\n\n" + whoMay(who)
		for _, p := range op.Parameters {
			if p.In == "path" && p.Example == nil {
				p.Example = exampleID
			}
		}
		if op.RequestBody != nil {
			if content := op.RequestBody.Content["application/json"]; content != nil {
				content.Example = more.request
				d.takeNull(content.Schema)
			}
		}
		delete(op.Responses, "default")
		for status, response := range op.Responses {
			d.completeAnswer(response, status, who, more)
		}
		errors = append(errors, d.addErrors(op, who, more)...)
	}
	d.share(errors)
}

func (d *document) completeAnswer(response *huma.Response, status string, who need, more detail) {
	if response.Headers == nil {
		response.Headers = map[string]*huma.Header{}
	}
	refer(response, "X-Request-Id")
	if who != public {
		refer(response, "X-RateLimit-Limit", "X-RateLimit-Remaining")
	}
	if status[0] != '2' && status != "303" {
		return
	}
	for name, header := range response.Headers { // huma's, from the type of the answer
		if header.Ref == "" {
			header.Description = header.Schema.Description
			d.Components.Headers[name] = header
			refer(response, name)
		}
	}
	refer(response, more.headers...)
	if content := response.Content["application/json"]; content != nil && content.Example == nil {
		content.Example = more.answer
	}
}

// refer names headers that are described among the components.
func refer(response *huma.Response, headers ...string) {
	for _, name := range headers {
		response.Headers[name] = &huma.Header{Ref: "#/components/headers/" + name}
	}
}

// security is who may use an operation, as OpenAPI writes it: one of these.
func security(who need) []map[string][]string {
	scopes := []string{}
	switch who {
	case public:
		return []map[string][]string{{}}
	case optional, always:
		return []map[string][]string{{}, {"key": scopes}, {"cookie": scopes}}
	case anyKey:
	default:
		scopes = []string{string(who)}
	}
	return []map[string][]string{{"key": scopes}, {"cookie": scopes}}
}

func whoMay(who need) string {
	switch who {
	case public:
		return "Needs no key."
	case optional, always:
		return "Needs no key, and says more to one."
	case anyKey:
		return "Needs a key, of any scope."
	default:
		return "Needs the scope `" + string(who) + "`."
	}
}

// addErrors describes every error that the operation can answer, one answer for
// each status, and returns them.
func (d *document) addErrors(op *huma.Operation, who need, more detail) []*huma.Response {
	byStatus := map[int][]*errorCode{}
	for _, code := range codesOf(op, who, more) {
		e := errorCodeOf(code)
		if e == nil {
			panic(fmt.Sprintf("%s has the error code %s, which is not in the table", op.OperationID, code)) // found by every test
		}
		byStatus[e.Status] = append(byStatus[e.Status], e)
	}
	var made []*huma.Response
	for status, codes := range byStatus {
		errors := d.errorAnswer(op.Path, status, codes)
		d.completeAnswer(errors, "-", who, more)
		key := strconv.Itoa(status)
		if own := op.Responses[key]; own != nil { // such as 503 of the health
			maps.Copy(own.Content, errors.Content)
			maps.Copy(own.Headers, errors.Headers)
			own.Description += "\n\n" + errors.Description
			continue
		}
		op.Responses[key] = errors
		made = append(made, errors)
	}
	return made
}

// codesOf are the codes that an operation can answer: what follows from who may
// use it, its path and its body, and its own.
func codesOf(op *huma.Operation, who need, more detail) []string {
	codes := slices.Clone(more.codes)
	native := strings.HasPrefix(op.Path, "/api/v1/")
	if native || op.RequestBody != nil {
		codes = append(codes, "invalid_request")
	}
	if strings.Contains(op.Path, "{") {
		codes = append(codes, "not_found")
	}
	if native && op.RequestBody != nil {
		codes = append(codes, "too_large", "unsupported_media_type", "body_timeout")
	}
	if who == public {
		return codes
	}
	codes = append(codes, "rate_limited")
	if who == always {
		return codes
	}
	codes = append(codes, "unavailable")
	if who == optional {
		return codes
	}
	codes = append(codes, "missing_key", "invalid_key", "disabled_key", "expired_key", "rotated_key", "too_many_wrong_keys", "address_not_allowed",
		"signed_out", "invalid_token", "no_role", "provider_unavailable", "cross_origin", "loopback_only")
	if who != anyKey {
		codes = append(codes, "missing_scope")
	}
	return codes
}

// errorAnswer is an answer with one of the codes, in the shape of the path's
// dialect.
func (d *document) errorAnswer(path string, status int, codes []*errorCode) *huma.Response {
	slices.SortFunc(codes, func(a, b *errorCode) int { return cmp.Compare(a.Code, b.Code) })
	codes = slices.Compact(codes)
	text := http.StatusText(status) + "\n"
	var enum []any
	for _, e := range codes {
		text += fmt.Sprintf("\n- `%s`: %s", e.Code, e.Cause)
		enum = append(enum, e.Code)
	}
	sample := &apiError{status: status, code: codes[0].Code, message: codes[0].Cause}
	only := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": {Type: huma.TypeString, Enum: enum}}}
	contentType, whole, example := problemType, d.schema(problem{}), any(problemOf(sample))
	if stockPath(path) {
		inner := &huma.Schema{AllOf: []*huma.Schema{d.schema(openAIError{}), only}}
		only = &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"error": inner}}
		contentType, whole, example = "application/json", d.schema(stockError{}), stockErrorOf(sample)
	}
	response := &huma.Response{Description: text, Headers: map[string]*huma.Header{}, Content: map[string]*huma.MediaType{
		contentType: {Schema: &huma.Schema{AllOf: []*huma.Schema{whole, only}}, Example: example},
	}}
	switch status {
	case http.StatusUnauthorized:
		refer(response, "WWW-Authenticate")
	case http.StatusTooManyRequests:
		refer(response, "Retry-After", "X-RateLimit-Reset")
	case http.StatusServiceUnavailable:
		refer(response, "Retry-After")
	}
	return response
}

// share moves answers that are the same in several operations to the components,
// without which half of the document would be the same few errors.
func (d *document) share(answers []*huma.Response) {
	same := map[string][]*huma.Response{}
	for _, answer := range answers {
		raw, err := answer.MarshalJSON()
		if err == nil { // only plain values are in there
			same[string(raw)] = append(same[string(raw)], answer)
		}
	}
	d.Components.Responses = map[string]*huma.Response{}
	for _, raw := range slices.Sorted(maps.Keys(same)) {
		if len(same[raw]) == 1 {
			continue
		}
		whole := *same[raw][0]
		title, _, _ := strings.Cut(whole.Description, "\n")
		title = strings.ReplaceAll(title, " ", "")
		if whole.Content[problemType] == nil {
			title = "Stock" + title
		}
		name := title
		for n := 2; d.Components.Responses[name] != nil; n++ {
			name = title + strconv.Itoa(n)
		}
		d.Components.Responses[name] = &whole
		for _, answer := range same[raw] {
			*answer = huma.Response{Ref: "#/components/responses/" + name}
		}
	}
}
