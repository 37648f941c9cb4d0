package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// problem is an error of the native dialect, after RFC 9457.
type problem struct {
	Type   string         `json:"type" format:"uri-reference" doc:"Where the code is explained: its line in the page of the gateway that answers." example:"/api/docs#invalid_request"`
	Title  string         `json:"title" doc:"The status in words." example:"Bad Request"`
	Status int            `json:"status" doc:"The HTTP status." example:"400"`
	Detail string         `json:"detail" doc:"What is wrong, for people." example:"name: must not be empty"`
	Code   string         `json:"code" doc:"What is wrong, for programs. Codes never change." example:"invalid_request"`
	Errors []problemField `json:"errors,omitempty" doc:"The fields that are wrong."`

	Limit    string     `json:"limit,omitempty" doc:"The attribute of the key that is the reason, if one is." example:"daily_quota"`
	Value    any        `json:"value,omitempty" doc:"What that attribute is: a number, or a list." example:"200"`
	ResetsAt *time.Time `json:"resets_at,omitempty" doc:"When the limit is no longer in the way, if time helps." example:"2026-11-13T00:00:00Z"`

	header http.Header
}

type problemField struct {
	Location string `json:"location" doc:"Where the fault is." example:"name"`
	Message  string `json:"message" doc:"What is wrong there, and what is allowed." example:"must not be empty"`
}

const problemType = "application/problem+json"

func problemOf(e *apiError) *problem {
	p := &problem{Type: "/api/docs#" + e.code, Title: http.StatusText(e.status), Status: e.status, Detail: e.Error(), Code: e.code, header: e.header()}
	if e.limit != nil {
		p.Limit, p.Value, p.ResetsAt = e.limit.name, e.limit.value, e.limit.resetsAt
	}
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
	return problemType
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
		f := fieldOf(detail.ErrorDetail())
		p.Errors = append(p.Errors, f)
		details = append(details, f.Location+": "+f.Message)
	}
	if details != nil {
		p.Detail = strings.Join(details, "; ")
	}
	return p
}

// missing begins huma's message about a member that is not there; the name of
// the member follows.
const missing = "is missing: "

// fieldOf says where a fault is in the words of the client, who knows neither
// huma's prefixes nor that a missing member is a fault of the object around it.
func fieldOf(d *huma.ErrorDetail) problemField {
	place, message := d.Location, d.Message
	name, isMissing := strings.CutPrefix(message, missing)
	if isMissing {
		place, message = place+"."+name, "is missing"
	} else if name, text, ok := strings.Cut(message, ": "); ok && place == "body" { // from unmarshal
		place, message = name, text
	}
	for _, prefix := range []string{"body.", "query.", "path.", "header."} {
		if rest, ok := strings.CutPrefix(place, prefix); ok {
			place = rest
			break
		}
	}
	parts := strings.Split(place, ".")
	for i, part := range parts { // the client may have made them up
		parts[i] = short(part)
	}
	return problemField{strings.Join(parts[:min(len(parts), maxDepth)], "."), message}
}

// huma has these places for the shape and the words of errors, for the whole
// process.
func init() {
	huma.NewError = newProblem
	huma.ErrorFormatter = func(format string, values ...any) string {
		for i, value := range values {
			if number, ok := value.(float64); ok { // 1000000, not 1e+06
				values[i] = strconv.FormatFloat(number, 'f', -1, 64)
			}
		}
		return fmt.Sprintf(format, values...)
	}
	// {"Name": …} is not {"name": …}, and would be a way to give it twice.
	huma.ValidateStrictCasing = true
	validation.MsgExpectedRequiredProperty = missing + "%s"
	validation.MsgUnexpectedProperty = "is unknown here"
	validation.MsgExpectedBoolean = "must be true or false"
	validation.MsgExpectedInteger = "must be a whole number"
	validation.MsgExpectedNumber = "must be a number"
	validation.MsgExpectedString = "must be a string"
	validation.MsgExpectedArray = "must be a list"
	validation.MsgExpectedObject = "must be a JSON object"
	validation.MsgExpectedOneOf = "must be one of %s"
	validation.MsgExpectedMinimumNumber = "must be at least %v"
	validation.MsgExpectedMaximumNumber = "must be at most %v"
	validation.MsgExpectedMinLength = "must have at least %d characters"
	validation.MsgExpectedMaxLength = "must have at most %d characters"
	validation.MsgExpectedMinItems = "must have at least %d entries"
	validation.MsgExpectedMaxItems = "must have at most %d entries"
	validation.MsgExpectedRFC3339DateTime = "must be a time like 2027-01-31T00:00:00Z"
}

// writeJSON sends the value; the content type is the handler's, or JSON's.
func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := plainJSON(value)
	if err != nil { // only plain structs are passed in
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever is gone gets no answer
}

// plainJSON writes one line of JSON in which a link can be read and copied: it
// has & where the encoder would write \u0026 for the sake of web pages.
func plainJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return b.Bytes(), err
}

// Interface guards
var (
	_ huma.StatusError       = (*problem)(nil)
	_ huma.HeadersError      = (*problem)(nil)
	_ huma.ContentTypeFilter = (*problem)(nil)
)
