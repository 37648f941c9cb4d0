package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// newDocument describes the API as New does.
func newDocument(t *testing.T) *document {
	t.Helper()
	a := &api{}
	routes := newRouter(a)
	openAPI := a.nativeRoutes(routes)
	a.documentRoutes(routes, openAPI)
	return &document{openAPI}
}

// Nothing is served that is not described: with what it does, who may use it,
// examples that are true, and the errors that it can answer.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	d := newDocument(t)
	for pattern := range access {
		op := d.operation(pattern)
		if op == nil {
			t.Errorf("%s is not in the document: describe it in openapi_stock.go", pattern)
			continue
		}
		if _, ok := details[pattern]; !ok {
			t.Errorf("%s has no line in openapi_details.go", pattern)
		}
		known := slices.ContainsFunc(d.Tags, func(tag *huma.Tag) bool { return len(op.Tags) == 1 && tag.Name == op.Tags[0] })
		if op.Summary == "" || op.Description == "" || op.OperationID == "" || !known {
			t.Errorf("%s lacks a summary, a description, an id or one known tag: %+v", pattern, op)
		}
		if op.RequestBody != nil {
			for contentType, content := range op.RequestBody.Content {
				d.checkExample(t, pattern+" "+contentType, content, huma.ModeWriteToServer)
			}
		}
		success := false
		for status, response := range op.Responses {
			success = success || status[0] == '2' || status == "303"
			if response.Description == "" && response.Ref == "" {
				t.Errorf("%s %s has no description", pattern, status)
			}
			for contentType, content := range response.Content {
				if strings.HasSuffix(contentType, "json") && pattern != "GET /api/openapi.json" {
					d.checkExample(t, pattern+" "+status, content, huma.ModeReadFromServer)
				}
			}
		}
		if !success {
			t.Errorf("%s has no successful answer", pattern)
		}
	}
	for name, response := range d.Components.Responses {
		for _, content := range response.Content {
			d.checkExample(t, name, content, huma.ModeReadFromServer)
		}
	}
	for pattern := range details {
		if access[pattern] == "" {
			t.Errorf("openapi_details.go has %s, which is no route", pattern)
		}
	}
}

func (d *document) checkExample(t *testing.T, what string, content *huma.MediaType, mode huma.ValidateMode) {
	t.Helper()
	if content.Example == nil {
		t.Errorf("%s has no example", what)
		return
	}
	raw, err := json.Marshal(content.Example)
	var value any
	if err == nil {
		err = json.Unmarshal(raw, &value)
	}
	if err != nil {
		t.Errorf("example of %s: %v", what, err)
		return
	}
	content.Schema.PrecomputeMessages()
	var result huma.ValidateResult
	huma.Validate(d.Components.Schemas, content.Schema, huma.NewPathBuffer(nil, 0), mode, value, &result)
	for _, err := range result.Errors {
		t.Errorf("example of %s: %v", what, err)
	}
}

// What the document says of a create request is what its reader takes.
func TestCreateFieldsAreDescribed(t *testing.T) {
	t.Parallel()
	d := newDocument(t)
	schemas := d.Components.Schemas.Map()
	for name, fields := range map[string]fieldsOf{
		"VideoRequest": videoFields, "VideoForm": videoFields, "ImageRequest": imageFields, "ImageForm": imageFields, "TaskRequest": taskFields, "TaskForm": taskFields,
	} {
		isForm := strings.HasSuffix(name, "Form")
		for field := range schemas[name].Properties {
			if kind := fields[field]; kind == ignored || kind == unsupported {
				t.Errorf("%s: %s is described and not read", name, field)
			}
		}
		for field, kind := range fields {
			// OpenAI's clients send one image as image; a form has any name for a file.
			notHere := kind == unsupported || field == "image" || isForm && kind == inputs && field != "files" && field != "file_paths"
			if schemas[name].Properties[field] == nil && !notHere {
				t.Errorf("%s: %s is read and not described", name, field)
			}
		}
	}
}
