package api

import (
	"context"
	"encoding/csv"
	"io"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) auditOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/audit", "list-audit", "audit", "Read the audit log",
		"Who changed what: every change by a person or an admin key, and every one that was refused them, newest first. The log can only grow; "+
			"lines go when they are older than the configured `retention audit`. With `format=csv` or `format=jsonl` all lines that the filter chooses come as a file. "+
			"A page can have fewer lines than `limit` and a `next` all the same, when few of many lines pass the filter."), a.listAudit)
}

type auditInput struct {
	Actor  string `query:"actor" maxLength:"300" doc:"Only what the person or key with this id did."`
	Action string `query:"action" maxLength:"200" doc:"Only this action, or all that begin with it if it ends with a dot: key.change, session." example:"key."`
	Target string `query:"target" maxLength:"64" doc:"Only what was done to the key, session, task or material with this id."`
	Result string `query:"result" maxLength:"64" doc:"Only with this result: ok, or the code of an error."`
	Since  string `query:"since" maxLength:"40" doc:"Only at this moment or after: RFC 3339, or a date in UTC." example:"2026-11-01"`
	Until  string `query:"until" maxLength:"40" doc:"Only before this moment." example:"2026-11-02T12:00:00Z"`
	Text   string `query:"q" maxLength:"200" doc:"Only lines with this anywhere in them."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many on a page."`
	Cursor string `query:"cursor" maxLength:"200" doc:"The member next of the page before, with the same filter."`
	Format string `query:"format" enum:"json,csv,jsonl" default:"json" doc:"csv and jsonl give all lines in a file, whatever limit says."`
}

type auditAnswer struct {
	Lines []auditView `json:"lines" nullable:"false"`
	Next  *string     `json:"next" doc:"What to send as cursor for the next page, null on the last one."`
}

type auditView struct {
	ID         string     `json:"id"`
	At         *time.Time `json:"at" nullable:"false"`
	Actor      actorView  `json:"actor"`
	Address    *string    `json:"address" doc:"That the request came from, null for the command line."`
	RequestID  *string    `json:"request_id" doc:"Of the request, as the logs have it."`
	Action     string     `json:"action" doc:"What was done, such as key.create; of what was refused, the operation."`
	TargetKind *string    `json:"target_kind" doc:"What it was done to: key, session, task, material…"`
	TargetID   *string    `json:"target_id"`
	Was        object     `json:"was" doc:"What changed, as it was before. Never a secret."`
	Became     object     `json:"became" doc:"The same as it is after."`
	Result     string     `json:"result" doc:"ok, or the code of the error."`
}

type actorView struct {
	Kind string `json:"kind" enum:"key,person,provider"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

func auditViewOf(l *store.AuditLine) auditView {
	return auditView{
		ID: l.ID, At: timeOf(l.At), Actor: actorView{l.Actor.Kind, l.Actor.ID, l.Actor.Name}, Address: textOf(l.Actor.Address),
		RequestID: textOf(l.Actor.RequestID), Action: l.Action, TargetKind: textOf(l.TargetKind), TargetID: textOf(l.TargetID),
		Was: objectOf(l.Was), Became: objectOf(l.Became), Result: l.Result,
	}
}

func (in *auditInput) filter() (f store.AuditFilter, err error) {
	f = store.AuditFilter{ActorID: in.Actor, Action: in.Action, TargetID: in.Target, Result: in.Result, Text: in.Text}
	for field, value := range map[string]string{"actor": in.Actor, "action": in.Action, "target": in.Target, "result": in.Result, "q": in.Text} {
		if !storable(value) {
			return f, invalid(field, "has characters that no line has")
		}
	}
	if f.Since, err = moment("since", in.Since); err != nil {
		return f, err
	}
	f.Until, err = moment("until", in.Until)
	return f, err
}

func (a *api) listAudit(ctx context.Context, in *auditInput) (*huma.StreamResponse, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	switch in.Format {
	case "csv":
		return download("text/csv; charset=utf-8", "audit.csv", func(w io.Writer) error { return a.auditCSV(ctx, w, filter) }), nil
	case "jsonl":
		return download("application/jsonl", "audit.jsonl", func(w io.Writer) error { return a.auditLines(ctx, w, filter) }), nil
	}
	before, err := readCursor(in.Cursor, "", &filter)
	if err != nil {
		return nil, err
	}
	lines, next, err := a.Store.AuditLog(ctx, filter, before, in.Limit)
	if err != nil {
		return nil, err
	}
	answer := auditAnswer{Lines: make([]auditView, len(lines))}
	for i, line := range lines {
		answer.Lines[i] = auditViewOf(line)
	}
	if next != "" {
		answer.Next = new(cursor(next, "", &filter))
	}
	return answerJSON(answer)
}

// eachAudit calls do with one page of lines after the other, so that neither the
// memory nor a connection to the database is held for all of them.
func (a *api) eachAudit(ctx context.Context, f store.AuditFilter, do func([]*store.AuditLine) error) error {
	for before := ""; ; {
		lines, next, err := a.Store.AuditLog(ctx, f, before, 500)
		if err == nil {
			err = do(lines)
		}
		if err != nil || next == "" {
			return err
		}
		before = next
	}
}

func (a *api) auditLines(ctx context.Context, w io.Writer, f store.AuditFilter) error {
	return a.eachAudit(ctx, f, func(lines []*store.AuditLine) error {
		for _, line := range lines {
			text, err := plainJSON(auditViewOf(line))
			if err == nil {
				_, err = w.Write(text)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

var auditColumns = []string{"id", "at", "actor_kind", "actor_id", "actor_name", "address", "request_id", "action", "target_kind", "target_id", "was", "became", "result"}

func (a *api) auditCSV(ctx context.Context, w io.Writer, f store.AuditFilter) error {
	out := csv.NewWriter(w)
	_ = out.Write(auditColumns) // the writer keeps its first error
	err := a.eachAudit(ctx, f, func(lines []*store.AuditLine) error {
		for _, l := range lines {
			row := []string{l.ID, time.UnixMilli(l.At).UTC().Format(time.RFC3339Nano), l.Actor.Kind, l.Actor.ID, l.Actor.Name, l.Actor.Address,
				l.Actor.RequestID, l.Action, l.TargetKind, l.TargetID, l.Was, l.Became, l.Result}
			for i := range row {
				row[i] = cell(row[i])
			}
			_ = out.Write(row)
		}
		out.Flush()
		return out.Error()
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

// answerJSON answers where huma only knows that something is streamed.
func answerJSON(value any) (*huma.StreamResponse, error) {
	body, err := plainJSON(value)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", "application/json")
		_, _ = h.BodyWriter().Write(body) // whoever is gone gets no answer
	}}, nil
}

func objectOf(text string) object {
	if text == "" {
		return object{}
	}
	return object{[]byte(text)}
}
