package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
)

// limitView is the limit of a key that refuses a request.
type limitView struct {
	name     string     // of the key's attribute
	value    any        // of the attribute
	resetsAt *time.Time // nil when time does not help
}

// limitReached tells of a task that a limit of its key refuses.
func limitReached(l *queue.LimitError) *apiError {
	e := &apiError{message: l.Message, limit: &limitView{name: l.Limit, value: l.Value}}
	switch l.Limit {
	case "models":
		e.status, e.code, e.field = http.StatusForbidden, "model_not_allowed", "model"
	case "max_priority":
		e.status, e.code, e.field = http.StatusForbidden, "priority_not_allowed", "priority"
	case "daily_quota":
		e.status, e.code = http.StatusTooManyRequests, "daily_quota_exceeded"
	default:
		e.status, e.code = http.StatusTooManyRequests, "credit_budget_exceeded"
	}
	if !l.Until.IsZero() {
		e.until(l.Until)
	}
	return e
}

// until says when the limit is no longer in the way.
func (e *apiError) until(at time.Time) {
	e.limit.resetsAt = new(at.UTC())
	e.retryAfter = max(time.Until(at), time.Second)
}

// refused tells of a caller who is not let in.
func refused(r *auth.Refusal) *apiError {
	e := &apiError{status: r.Status, code: r.Code, message: r.Message, retryAfter: r.RetryAfter}
	if r.Limit != "" {
		e.limit = &limitView{name: r.Limit, value: r.Value}
	}
	return e
}

// tooMany is the answer to more requests than the key may send in a minute.
func tooMany(rate auth.Rate) *apiError {
	e := &apiError{status: http.StatusTooManyRequests, code: "rate_limited", limit: &limitView{name: "rate_limit", value: rate.Limit},
		message: fmt.Sprintf("The key may send %d requests a minute; the next one is possible in %s seconds.", rate.Limit, seconds(rate.Reset))}
	e.until(time.Now().Add(rate.Reset))
	e.retryAfter = rate.Reset
	return e
}

// overUpload is the answer to a file that is larger than the key may send.
func overUpload(field string, most int64) *apiError {
	return &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: field,
		limit: &limitView{name: "max_upload", value: most}, message: "must not be larger than " + size(most) + ", which is the limit of the key for one file"}
}

// endedBy is why a request came to its end: when its caller may no longer go on,
// whatever else has failed for that reason is not worth telling. The connection ends
// with it, because reading from it may have been stopped.
func endedBy(ctx context.Context, err error) error {
	if refusal, ok := asError[*auth.Refusal](context.Cause(ctx)); ok {
		e := refused(refusal)
		e.last = true
		return e
	}
	return err
}
