package api

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// problem is an error of the native dialect, after RFC 9457.
type problem struct {
	Type   string         `json:"type" doc:"Always about:blank: code says what it is." example:"about:blank"`
	Title  string         `json:"title" doc:"The status in words." example:"Bad Request"`
	Status int            `json:"status" doc:"The HTTP status." example:"400"`
	Detail string         `json:"detail" doc:"What is wrong, for people." example:"name: must not be empty"`
	Code   string         `json:"code" doc:"What is wrong, for programs. Codes never change." example:"invalid_request"`
	Errors []problemField `json:"errors,omitempty" doc:"The fields that are wrong."`

	header http.Header
}

type problemField struct {
	Location string `json:"location" doc:"Where the fault is." example:"name"`
	Message  string `json:"message" doc:"What is wrong there, and what is allowed." example:"must not be empty"`
}

func problemOf(e *apiError) *problem {
	p := &problem{Type: "about:blank", Title: http.StatusText(e.status), Status: e.status, Detail: e.Error(), Code: e.code, header: e.header()}
	if e.field != "" {
		p.Errors = []problemField{{e.field, e.message}}
	}
	return p
}

// Error, GetStatus, GetHeaders and ContentType are what huma asks of an error.

func (p *problem) Error() string           { return p.Detail }
func (p *problem) GetStatus() int          { return p.Status }
func (p *problem) GetHeaders() http.Header { return p.header }
func (p *problem) ContentType(string) string {
	return "application/problem+json"
}

// codes are for faults that huma finds by itself.
var codes = map[int]string{
	http.StatusBadRequest:            "invalid_request",
	http.StatusRequestTimeout:        "body_timeout",
	http.StatusRequestEntityTooLarge: "too_large",
	http.StatusUnsupportedMediaType:  "unsupported_media_type",
}

// newProblem makes a problem of what huma finds wrong with a request. It differs
// from huma's own in three ways: the status of wrong input is 400 like everywhere
// else in the gateway, the value that is wrong is not sent back, because it may be
// a secret, and causes of a fault of ours stay inside.
func newProblem(status int, message string, errs ...error) huma.StatusError {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	code, ok := codes[status]
	if !ok {
		return problemOf(&apiError{status: http.StatusInternalServerError, code: "internal", message: "The gateway has a fault."})
	}
	p := problemOf(&apiError{status: status, code: code, message: message})
	var details []string
	for _, err := range errs {
		detail, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		d := detail.ErrorDetail()
		location := strings.TrimPrefix(strings.TrimPrefix(d.Location, "body."), "query.")
		p.Errors = append(p.Errors, problemField{location, d.Message})
		details = append(details, location+": "+d.Message)
	}
	if details != nil {
		p.Detail = strings.Join(details, "; ")
	}
	return p
}

// huma has this one place for the shape of errors, for the whole process.
func init() { huma.NewError = newProblem }

// writeJSON sends the value; the content type is the handler's, or JSON's.
func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil { // only plain structs are passed in
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // whoever is gone gets no answer
}

// Interface guards
var (
	_ huma.StatusError       = (*problem)(nil)
	_ huma.HeadersError      = (*problem)(nil)
	_ huma.ContentTypeFilter = (*problem)(nil)
)
