package api

import (
	"net/http"
	"time"
)

// stockError is an error of the jimeng-free-api dialect, with OpenAI's shape
// inside for the clients that look there. The status is a real one; the upstream
// answers 200 to everything.
type stockError struct {
	Code    int         `json:"code" enum:"-1000,-2000,-2001,-2002,-2006,-2007,-2009" doc:"A code of jimeng-free-api."`
	Message string      `json:"message" doc:"What is wrong, for people."`
	Data    null        `json:"data"`
	Error   openAIError `json:"error"`
}

type openAIError struct {
	Message string  `json:"message" doc:"The same, where OpenAI's clients look for it."`
	Type    string  `json:"type" doc:"The kind of error, as OpenAI names them."`
	Param   *string `json:"param" doc:"The field that is wrong."`
	Code    string  `json:"code" doc:"What is wrong, for programs. Codes never change."`

	Limit    string     `json:"limit,omitempty" doc:"The attribute of the key that is the reason, if one is."`
	Value    any        `json:"value,omitempty" doc:"What that attribute is: a number, or a list."`
	ResetsAt *time.Time `json:"resets_at,omitempty" doc:"When the limit is no longer in the way, if time helps."`
}

// The codes of jimeng-free-api-all that clients know.
const (
	stockSystem    = -1000 // the server's own fault
	stockParameter = -2000 // something is wrong with the request
	stockRequest   = -2001 // refused for now
	stockToken     = -2002 // not a valid login
	stockContent   = -2006 // the content was refused
	stockFailed    = -2007 // tried, and failed
	stockCredits   = -2009 // the quota is used up
)

func stockErrorOf(e *apiError) *stockError {
	answer := &stockError{Code: stockParameter, Message: e.Error(), Error: openAIError{Message: e.Error(), Type: "invalid_request_error", Code: e.code}}
	if e.field != "" {
		answer.Error.Param = &e.field
	}
	if e.limit != nil {
		answer.Error.Limit, answer.Error.Value, answer.Error.ResetsAt = e.limit.name, e.limit.value, e.limit.resetsAt
	}
	switch {
	case e.code == "daily_quota_exceeded", e.code == "credit_budget_exceeded":
		answer.Code, answer.Error.Type = stockCredits, "insufficient_quota"
	case e.status == http.StatusTooManyRequests:
		answer.Code, answer.Error.Type = stockRequest, "rate_limit_error"
	case e.status == http.StatusUnauthorized:
		answer.Code, answer.Error.Type = stockToken, "authentication_error"
	case e.status == http.StatusForbidden:
		answer.Code, answer.Error.Type = stockToken, "permission_error"
	case e.status >= http.StatusInternalServerError:
		answer.Code, answer.Error.Type = stockSystem, "server_error"
	}
	if e.stock != 0 {
		answer.Code = e.stock
	}
	return answer
}
