package api

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed openapi_page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"text":   richText,
	"span":   func(text string) template.HTML { return template.HTML(span(text)) },
	"type":   typeOf,
	"anchor": func(method, path string) string { return anchor(method + " " + path) },
	"first":  func(text string) string { line, _, _ := strings.Cut(text, "\n"); return line },
	"rest":   func(text string) string { _, rest, _ := strings.Cut(text, "\n\n"); return rest },
}).Parse(pageHTML))

// pageView is what the page shows of the document.
type pageView struct {
	*document
	Style   template.CSS
	Groups  []*pageGroup
	Codes   []errorCode
	Kinds   []errorKind
	Schemas []pageSchema
}

type pageGroup struct {
	*huma.Tag
	Operations []*pageOperation
}

type pageOperation struct {
	*huma.Operation
	Curl    string
	Given   []pageRow // parameters
	Body    []pageRow // of the JSON body, or of the form
	Form    []pageRow // if there is a JSON body too
	Answers []pageAnswer
	Errors  []pageError
}

type pageAnswer struct {
	*huma.Response
	Status      string
	Schema      *huma.Schema
	Example     string
	HeaderNames []string
}

type pageError struct {
	Status string
	Text   string // the codes
}

type pageSchema struct {
	Name string
	Rows []pageRow
}

// pageRow is a member of an object.
type pageRow struct {
	Name     string
	Required bool
	Limits   string
	Schema   *huma.Schema
}

// page writes the document for people.
func (d *document) page() ([]byte, error) {
	view := pageView{document: d, Style: template.CSS(pageStyle), Codes: errorCodes, Kinds: errorKinds}
	for _, tag := range d.Tags {
		group := &pageGroup{Tag: tag}
		for _, pattern := range slices.SortedFunc(maps.Keys(access), byPath) {
			if op := d.operation(pattern); op != nil && slices.Contains(op.Tags, tag.Name) {
				group.Operations = append(group.Operations, d.pageOperation(op))
			}
		}
		view.Groups = append(view.Groups, group)
	}
	schemas := d.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		view.Schemas = append(view.Schemas, pageSchema{name, rows(schemas[name])})
	}
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, view); err != nil {
		return nil, err
	}
	return page.Bytes(), nil
}

// byPath orders routes by path, and the methods of one path as people do.
func byPath(a, b string) int {
	methodA, pathA, _ := strings.Cut(a, " ")
	methodB, pathB, _ := strings.Cut(b, " ")
	if n := strings.Compare(pathA, pathB); n != 0 {
		return n
	}
	order := []string{get, post, patch, remove}
	return slices.Index(order, methodA) - slices.Index(order, methodB)
}

func (d *document) pageOperation(op *huma.Operation) *pageOperation {
	p := &pageOperation{Operation: op, Curl: curl(op)}
	for _, param := range op.Parameters {
		schema := *param.Schema
		schema.Description = cmp.Or(param.Description, schema.Description)
		p.Given = append(p.Given, pageRow{param.Name, param.Required, strings.Trim("in the "+param.In+"; "+limits(&schema), "; "), &schema})
	}
	if op.RequestBody != nil {
		p.Body = d.rowsOf(op.RequestBody.Content["application/json"])
		p.Form = d.rowsOf(op.RequestBody.Content["multipart/form-data"])
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		response := op.Responses[status]
		if name, ok := strings.CutPrefix(response.Ref, "#/components/responses/"); ok {
			response = d.Components.Responses[name]
		}
		if status[0] >= '4' {
			if text := codesText(response); text != "" {
				p.Errors = append(p.Errors, pageError{status, text})
				continue
			}
		}
		answer := pageAnswer{Response: response, Status: status}
		for _, name := range slices.Sorted(maps.Keys(response.Headers)) {
			if !strings.HasPrefix(name, "X-RateLimit-") { // on every answer, as the page says at its beginning
				answer.HeaderNames = append(answer.HeaderNames, name)
			}
		}
		for _, contentType := range slices.Sorted(maps.Keys(response.Content)) { // one, but for files
			content := response.Content[contentType]
			answer.Schema, answer.Example = content.Schema, pretty(content.Example)
			if content.Example != nil {
				break
			}
		}
		p.Answers = append(p.Answers, answer)
	}
	return p
}

// codesText lists the codes of an answer that can be nothing but an error.
func codesText(response *huma.Response) string {
	if response.Content["application/json"] != nil && response.Content[problemType] != nil {
		return ""
	}
	var codes []string
	for line := range strings.Lines(response.Description) {
		if rest, ok := strings.CutPrefix(line, "- `"); ok {
			code, _, _ := strings.Cut(rest, "`")
			codes = append(codes, "`"+code+"`")
		}
	}
	return strings.Join(codes, ", ")
}

func (d *document) rowsOf(content *huma.MediaType) []pageRow {
	if content == nil {
		return nil
	}
	schema := content.Schema
	if schema.Ref != "" {
		schema = d.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return rows(schema)
}

// rows are the members of an object, the required ones first.
func rows(schema *huma.Schema) []pageRow {
	var list []pageRow
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		member := schema.Properties[name]
		list = append(list, pageRow{name, slices.Contains(schema.Required, name), limits(member), member})
	}
	slices.SortStableFunc(list, func(a, b pageRow) int {
		switch {
		case a.Required == b.Required:
			return 0
		case a.Required:
			return -1
		}
		return 1
	})
	return list
}

// typeOf says what values a schema takes, with a link where there is more to
// say.
func typeOf(s *huma.Schema) template.HTML {
	var text string
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		name := template.HTMLEscapeString(s.Ref[strings.LastIndexByte(s.Ref, '/')+1:])
		text = `<a href="#schema-` + name + `">` + name + `</a>`
	case s.OneOf != nil:
		text = "events"
	case s.AnyOf != nil, s.AllOf != nil:
		var types []string
		for _, one := range append(slices.Clone(s.AnyOf), s.AllOf...) {
			if one.Ref != "" || s.AllOf == nil { // the rest narrows it down
				types = append(types, string(typeOf(one)))
			}
		}
		text = strings.Join(types, " or ")
	case s.Type == huma.TypeArray:
		text = "list of " + string(typeOf(s.Items))
	case s.Format == "date-time":
		text = "time"
	case s.Format == "binary":
		text = "file"
	case s.Type == "":
		text = "anything"
	default:
		text = template.HTMLEscapeString(s.Type)
	}
	if s.Nullable {
		text += " or null"
	}
	return template.HTML(text)
}

// limits says what of its type a schema takes.
func limits(s *huma.Schema) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	target := s
	if s.Type == huma.TypeArray && s.Items != nil {
		target = s.Items
	}
	if len(target.Enum) > 0 {
		var words []string
		for _, value := range target.Enum {
			if value != nil {
				words = append(words, fmt.Sprintf("`%v`", value))
			}
		}
		add("one of %s", strings.Join(words, ", "))
	}
	switch {
	case target.Minimum != nil && target.Maximum != nil:
		add("%.0f to %.0f", *target.Minimum, *target.Maximum)
	case target.Minimum != nil:
		add("at least %.0f", *target.Minimum)
	case target.Maximum != nil:
		add("at most %.0f", *target.Maximum)
	}
	if target.MinLength != nil && *target.MinLength == 1 {
		add("not empty")
	} else if target.MinLength != nil {
		add("at least %d characters", *target.MinLength)
	}
	if target.MaxLength != nil {
		add("at most %d characters", *target.MaxLength)
	}
	if target.Pattern != "" {
		add("like `%s`", target.Pattern)
	}
	if s.MinItems != nil {
		add("at least %d entries", *s.MinItems)
	}
	if s.MaxItems != nil {
		add("at most %d entries", *s.MaxItems)
	}
	if s.Default != nil {
		add("default `%v`", s.Default)
	}
	return strings.Join(parts, "; ")
}

func pretty(example any) string {
	if example == nil {
		return ""
	}
	if text, ok := example.(string); ok {
		return text
	}
	raw, err := marshal(example)
	var indented bytes.Buffer
	if err != nil || json.Indent(&indented, raw, "", "  ") != nil {
		return ""
	}
	return strings.TrimSpace(indented.String())
}

// curl is a call of the operation that can be pasted.
func curl(op *huma.Operation) string {
	path := op.Path
	for _, p := range op.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", fmt.Sprint(p.Example))
		}
	}
	var query []string
	for _, p := range op.Parameters {
		if p.In == "query" && p.Required {
			query = append(query, p.Name+"=…")
		}
	}
	if query != nil {
		path = path + "?" + strings.Join(query, "&")
	}
	line := "curl -sS "
	if op.Method != get {
		line += "-X " + op.Method + " "
	}
	if query != nil {
		line += `"$URL` + path + `"`
	} else {
		line += "$URL" + path
	}
	if len(op.Security) == 0 || len(op.Security[0]) > 0 { // none needed otherwise
		line += ` -H "Authorization: Bearer $KEY"`
	}
	if op.RequestBody == nil {
		return line
	}
	if content := op.RequestBody.Content["application/json"]; content != nil && content.Example != nil {
		raw, err := marshal(content.Example)
		if err == nil {
			line += " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + strings.ReplaceAll(strings.TrimSpace(string(raw)), "'", `'\''`) + "'"
		}
	}
	return line
}

// marshal writes JSON for people, who want to read & and <.
func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return b.Bytes(), err
}
