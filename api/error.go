package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// apiError is a fault as the client is told of it, in whatever dialect.
type apiError struct {
	status     int
	code       string // stable, for programs
	field      string // the field of the request that is wrong, "" for none
	message    string // for people; what is wrong with the field, and what is allowed
	retryAfter time.Duration
	limit      *limitView // the limit of the key that says so, nil for none
	stock      int        // the code in the dialect of jimeng-free-api, 0 for what fits the status
	cause      error      // for the log, never shown
	last       bool       // the connection is of no use any more
}

func (e *apiError) Error() string {
	if e.field != "" {
		return e.field + ": " + e.message
	}
	return e.message
}

func (e *apiError) Unwrap() error { return e.cause }

// invalid is the fault of a field.
func invalid(field, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, code: "invalid_request", field: field, message: fmt.Sprintf(format, args...)}
}

// unavailableFor is when a client should ask again after a fault of the store.
const unavailableFor = 5 * time.Second

func asError[T error](err error) (T, bool) { return errors.AsType[T](err) }

// explain turns any error into the one that the client gets. What nobody has a
// word for is a fault of what the gateway stands on, the database above all: the
// client is told to try again, and the log gets the cause.
func explain(err error) *apiError {
	if e, ok := asError[*apiError](err); ok {
		return e
	}
	if e, ok := asError[*auth.Refusal](err); ok {
		return refused(e)
	}
	if e, ok := asError[*upstream.InvalidError](err); ok {
		return invalid(e.Field, "%s", e.Message)
	}
	if e, ok := asError[*auth.InvalidError](err); ok {
		return invalid(e.Field, "%s", e.Message)
	}
	if e, ok := asError[*queue.LimitError](err); ok {
		return limitReached(e)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &apiError{status: http.StatusNotFound, code: "not_found", message: "It does not exist."}
	case errors.Is(err, blob.ErrNotFound):
		return &apiError{status: http.StatusNotFound, code: "not_found", message: "The file does not exist any more."}
	case errors.Is(err, queue.ErrEnded):
		return &apiError{status: http.StatusConflict, code: "task_ended", message: "The task has ended already."}
	case errors.Is(err, queue.ErrNotEnded):
		return &apiError{status: http.StatusConflict, code: "task_not_ended", message: "The task has not ended yet, cancel it first."}
	case errors.Is(err, queue.ErrDeleted):
		return &apiError{status: http.StatusGone, code: "task_deleted", field: "Idempotency-Key",
			message: "belongs to a request whose task was deleted; send a new one to pay for another task"}
	case errors.Is(err, store.ErrOtherRequest):
		return &apiError{status: http.StatusUnprocessableEntity, code: "idempotency_mismatch", field: "Idempotency-Key",
			message: "was used for another request in the last 24 hours; send a new one"}
	case errors.Is(err, pool.ErrBusy):
		return &apiError{status: http.StatusConflict, code: "session_busy", message: "A task is running on the session. Disable it, and remove it when the task has ended."}
	case errors.Is(err, pool.ErrOutOfService):
		return &apiError{status: http.StatusConflict, code: "session_out_of_service", message: "The session is disabled or dead. Enable it, or bring it back if its account works again."}
	case errors.Is(err, store.ErrMaterialGone):
		return &apiError{status: http.StatusConflict, code: "material_gone", message: "A material of the request was deleted meanwhile. Send the request again."}
	case errors.Is(err, store.ErrConflict):
		return &apiError{status: http.StatusConflict, code: "conflict", message: "It exists already."}
	case errors.Is(err, blob.ErrFull):
		return &apiError{status: http.StatusInsufficientStorage, code: "disk_full", message: "There is no room left to store the file.", cause: err}
	}
	return &apiError{status: http.StatusServiceUnavailable, code: "unavailable", retryAfter: unavailableFor, cause: err,
		message: "The gateway cannot serve the request for the moment, try again."}
}

// log tells the operator of a fault that is not the client's, and of any other
// when they want to know everything.
func (a *api) log(ctx context.Context, e *apiError) {
	c, _ := ctx.Value(callerKey{}).(*caller)
	if c == nil {
		c = &caller{} // no route matched; what the path says may be a secret
	}
	who := zap.Skip()
	if c.Principal != nil {
		who = zap.String("key", nameOf(c.Principal))
	}
	switch {
	case ctx.Err() != nil: // nobody waits for the answer any more
	case e.cause != nil:
		a.faults.Error("request failed", zap.String("route", c.route), zap.Int("status", e.status), zap.String("request_id", c.requestID), who, zap.Error(e.cause))
	default:
		a.Logger.Debug("request refused", zap.String("route", c.route), zap.Int("status", e.status), zap.String("code", e.code), zap.String("request_id", c.requestID), who)
	}
}

// nameOf is how the log names a caller: by the beginning of the key, or by the id
// of one that has no secret, such as a person's.
func nameOf(p *auth.Principal) string {
	if p.Key.Prefix != "" {
		return p.Key.Prefix
	}
	return p.Key.ID
}

// fail writes the error in the shape of the path's dialect.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := explain(endedBy(r.Context(), err))
	a.log(r.Context(), e)
	a.Metrics.refuse(e.code)
	if c, ok := r.Context().Value(callerKey{}).(*caller); ok {
		c.refusal = e.code
	}
	header := w.Header()
	for name, value := range e.header() {
		header[name] = value
	}
	header.Del("Content-Length")
	header.Set("X-Content-Type-Options", "nosniff")
	if stockPath(r.URL.Path) {
		writeJSON(w, e.status, stockErrorOf(e))
		return
	}
	header.Set("Content-Type", problemType)
	writeJSON(w, e.status, problemOf(e))
}

// stockPath tells the paths of the jimeng-free-api dialect, whose clients expect
// its errors.
func stockPath(path string) bool { return strings.HasPrefix(path, "/v1/") }

// header is what the status asks for beside the body.
func (e *apiError) header() http.Header {
	header := http.Header{}
	if e.retryAfter > 0 {
		header.Set("Retry-After", seconds(e.retryAfter))
	}
	if e.last || e.status == http.StatusRequestTimeout {
		header.Set("Connection", "close") // the rest of the body is not worth waiting for
	}
	if e.status == http.StatusUnauthorized {
		header.Set("Www-Authenticate", `Bearer realm="jimeng-gateway"`)
	}
	return header
}
