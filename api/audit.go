package api

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// auditPatience is how long an answer waits for its line in the audit log when
// the database is slow.
const auditPatience = 2 * time.Second

// changes reports whether a route changes something, so that who is refused it
// belongs into the audit log.
func changes(pattern string) bool {
	method, path, _ := strings.Cut(pattern, " ")
	return method != http.MethodGet && path != "/api/v1/tasks/estimate"
}

// anID is what the gateway's own ids look like.
var anID = regexp.MustCompile(`^(?:(?:[a-z]{3}_)?[0-9A-Za-z]{26}|person-[0-9a-f]{20})$`)

// ownID is the text if it can be an id. Anything else may be a secret that somebody
// has put there by mistake.
func ownID(text string) string {
	if text != "" && !anID.MatchString(text) {
		return "••••"
	}
	return text
}

// auditRefusal writes a line for a change that was refused or went wrong. What was
// done is written by whoever did it, in the same transaction. A request that came
// too early is not worth a line: whoever sends thousands would fill the log.
func (a *api) auditRefusal(r *http.Request, c *caller, status int) {
	if status < http.StatusBadRequest || c.refusal == "rate_limited" || c.made {
		return
	}
	// What huma refuses by itself has the code of its status.
	code := cmp.Or(c.refusal, codes[status], "internal")
	method, path, _ := strings.Cut(c.route, " ")
	kind, _, _ := strings.Cut(strings.TrimPrefix(path, "/api/v1/"), "/")
	act := store.Act{Action: method + " " + path, TargetID: ownID(r.PathValue("id"))}
	if act.TargetID != "" {
		act.TargetKind = strings.TrimSuffix(kind, "s")
	}
	// A client that has hung up was refused all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditPatience)
	defer cancel()
	if err := a.Store.Refused(ctx, act, code); err != nil {
		a.Logger.Error("a refusal is missing in the audit log", zap.String("route", c.route), zap.String("code", code), zap.Error(err))
	}
}

// answer remembers the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *answer) WriteHeader(status int) {
	if status >= http.StatusOK && w.status == 0 { // 1xx come before it
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] see what the connection can do.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Interface guard
var _ http.ResponseWriter = (*answer)(nil)
