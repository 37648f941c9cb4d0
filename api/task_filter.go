package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// TaskFilter chooses tasks: in a query, where several values have commas between
// them, or in a body, where tasks can also be named one by one. It has a capital
// because huma looks only into embedded structs that are exported. A list that is
// there and empty is refused: it means to choose nothing, and would choose all.
type TaskFilter struct {
	IDs       []string       `json:"ids,omitempty" minItems:"1" maxItems:"500" doc:"Only these tasks."`
	Status    []store.Status `query:"status" json:"status,omitempty" minItems:"1" maxItems:"7" enum:"queued,submitting,polling,downloading,succeeded,failed,cancelled" doc:"Only tasks with one of these statuses."`
	Model     []string       `query:"model" json:"model,omitempty" minItems:"1" maxItems:"20" doc:"Only tasks of these models, by any of their names."`
	Key       string         `query:"key" json:"key,omitempty" maxLength:"64" doc:"Only tasks of the key with this id."`
	Session   []string       `query:"session" json:"session,omitempty" minItems:"1" maxItems:"20" doc:"Only tasks whose last attempt was on these sessions."`
	Upstream  []string       `query:"upstream" json:"upstream,omitempty" minItems:"1" maxItems:"20" doc:"Only tasks whose last attempt was at these upstreams."`
	ErrorKind []string       `query:"error_kind" json:"error_kind,omitempty" minItems:"1" maxItems:"20" doc:"Only tasks that failed with one of these."`
	Kind      string         `query:"kind" json:"kind,omitempty" enum:"video,image" doc:"Only tasks that make this."`
	From      string         `query:"from" json:"from,omitempty" maxLength:"40" doc:"Only tasks created at this moment or after: RFC 3339, or a date in UTC." example:"2026-11-01"`
	To        string         `query:"to" json:"to,omitempty" maxLength:"40" doc:"Only tasks created before this moment." example:"2026-11-02T12:00:00Z"`
	Text      string         `query:"q" json:"q,omitempty" maxLength:"200" doc:"Only tasks with this in their prompt, error message or id."`
}

func (s *TaskFilter) empty() bool {
	text, err := json.Marshal(s)
	return err == nil && string(text) == "{}"
}

// filter is what the store looks for. ok is false if nothing can match.
func (s *TaskFilter) filter(c *caller) (f store.TaskFilter, ok bool, err error) {
	f = store.TaskFilter{KeyID: c.Owner(), IDs: s.IDs, Statuses: s.Status, Models: s.Model, Sessions: s.Session,
		Upstreams: s.Upstream, ErrorKinds: s.ErrorKind, Kind: s.Kind, Text: s.Text}
	if f.From, err = moment("from", s.From); err != nil {
		return f, false, err
	}
	if f.To, err = moment("to", s.To); err != nil {
		return f, false, err
	}
	for field, values := range map[string][]string{"ids": s.IDs, "model": s.Model, "session": s.Session, "upstream": s.Upstream,
		"error_kind": s.ErrorKind, "key": {s.Key}, "q": {s.Text}} {
		if slices.ContainsFunc(values, func(v string) bool { return !storable(v) }) {
			return f, false, invalid(field, "has characters that no task has")
		}
	}
	if s.Key != "" && f.KeyID != "" && s.Key != f.KeyID {
		return f, false, nil // nobody sees the tasks of another key
	}
	if s.Key != "" {
		f.KeyID = s.Key
	}
	return f, true, nil
}

// everyName adds the other names of the models: a task has the one that its client
// used, and whoever looks for a model wants all of its tasks.
func (a *api) everyName(f store.TaskFilter) store.TaskFilter {
	var names []string
	for _, name := range f.Models {
		names = append(names, name)
		if m := a.Queue.Model(name); m != nil {
			names = append(append(names, m.ID), m.Aliases...)
		}
	}
	slices.Sort(names)
	f.Models = slices.Compact(names)
	return f
}

// moment reads a moment or a date in UTC as Unix milliseconds, 0 for none.
func moment(field, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 {
			return max(1, t.UnixMilli()), nil
		}
	}
	return 0, invalid(field, "must be a moment such as 2026-11-01T12:00:00Z, or a date")
}

// cursor is where a list goes on. It only fits the caller and the filter that it
// was made for: with another one, tasks would be left out silently.
func cursor(id, owner string, f any) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte(id), cursorSum(id, owner, f)...))
}

func readCursor(text, owner string, f any) (id string, err error) {
	if text == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(raw) > cursorSumLength {
		id = string(raw[:len(raw)-cursorSumLength])
		if storable(id) && slices.Equal(raw[len(id):], cursorSum(id, owner, f)) {
			return id, nil
		}
	}
	return "", &apiError{status: 400, code: "invalid_cursor", field: "cursor",
		message: "must be the member next of a page that was asked for with the same key and the same filter"}
}

const cursorSumLength = 8

func cursorSum(id, owner string, f any) []byte {
	filter, _ := json.Marshal(f) // plain fields
	sum := sha256.Sum256(append(filter, owner+"\n"+id...))
	return sum[:cursorSumLength]
}

// count counts what the filter chooses by status, whatever status it names.
func (a *api) count(ctx context.Context, f store.TaskFilter) (*taskCounts, error) {
	f.Statuses = nil
	counts, err := a.Store.Count(ctx, f)
	if err != nil {
		return nil, err
	}
	view := taskCountsOf(counts.ByStatus)
	view.Partial = !counts.Complete
	return view, nil
}
