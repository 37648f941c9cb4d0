package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// AuditLine is one line of the audit log.
type AuditLine struct {
	ID         string
	At         int64 // Unix milliseconds
	Actor      Actor
	Action     string
	TargetKind string
	TargetID   string
	Was        string // JSON, "" for nothing
	Became     string
	Result     string // "ok", or the code of the error
}

// AuditFilter chooses lines; empty fields choose all.
type AuditFilter struct {
	ActorID      string
	Action       string // all that begin with it if it ends with a dot
	TargetID     string
	Result       string
	Since, Until int64  // at or after, and before; Unix milliseconds
	Text         string // anywhere in the line, whatever the letter case
}

// auditWindow is how many lines one query reads for a filter that is looked for
// line by line. Tests make it smaller.
var auditWindow = 5000

const auditColumns = `id, at, actor_kind, actor_id, actor_name, address, request_id, action, target_kind, target_id, was, became, result`

func scanAudit(r row) (*AuditLine, error) {
	var l AuditLine
	return &l, r.Scan(&l.ID, &l.At, &l.Actor.Kind, &l.Actor.ID, &l.Actor.Name, &l.Actor.Address, &l.Actor.RequestID, &l.Action,
		&l.TargetKind, &l.TargetID, &l.Was, &l.Became, &l.Result)
}

// prefix reports whether the action of the filter is a group of actions.
func (f *AuditFilter) prefix() bool { return strings.HasSuffix(f.Action, ".") }

// lineByLine reports whether lines must be looked at that the filter does not
// choose: no index can have what it asks for.
func (f *AuditFilter) lineByLine() bool { return f.prefix() || f.Result != "" || f.Text != "" }

// passes checks what the query has not.
func (f *AuditFilter) passes(l *AuditLine, text string) bool {
	if f.prefix() && !strings.HasPrefix(l.Action, f.Action) || f.Result != "" && l.Result != f.Result {
		return false
	}
	if text == "" {
		return true
	}
	for _, of := range []string{l.Actor.ID, l.Actor.Name, l.Actor.Address, l.Actor.RequestID, l.Action, l.TargetID, l.Was, l.Became, l.Result} {
		if strings.Contains(strings.ToLower(of), text) {
			return true
		}
	}
	return false
}

// query is for lines before the one at a place of the list, which has all of them
// in the order of an index.
func (f *AuditFilter) query(before string, limit int) (query string, args []any, err error) {
	where := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		query += " AND " + condition
	}
	if f.ActorID != "" {
		where("actor_id = ?", f.ActorID)
	}
	if f.Action != "" && !f.prefix() {
		where("action = ?", f.Action)
	}
	if f.TargetID != "" {
		where("target_id = ?", f.TargetID)
	}
	if f.Since > 0 {
		where("at >= ?", f.Since)
	}
	if f.Until > 0 {
		where("at < ?", f.Until)
	}
	if before != "" {
		text, id, _ := strings.Cut(before, " ")
		at, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "", nil, fmt.Errorf("list audit log: place %q: %w", before, err)
		}
		where("(at, id) < (?, ?)", at, id)
	}
	args = append(args, limit)
	return fmt.Sprintf("SELECT %s FROM audit WHERE 1 = 1%s ORDER BY at DESC, id DESC LIMIT $%d", auditColumns, query, len(args)), args, nil
}

// AuditLog lists up to limit lines, newest first, beginning after the place
// before, or with the newest if it is "". next is the place to go on at, "" at
// the end; a list can be shorter than limit and not be at its end, because the
// time for one call is bounded.
func (s *Store) AuditLog(ctx context.Context, f AuditFilter, before string, limit int) (lines []*AuditLine, next string, err error) {
	started := time.Now()
	text := strings.ToLower(f.Text)
	window := limit + 1
	if f.lineByLine() {
		window = max(window, auditWindow)
	}
	for {
		query, args, err := f.query(before, window)
		if err != nil {
			return nil, "", err
		}
		rows, err := s.readers.QueryContext(ctx, query, args...)
		seen, err := collect(rows, err, scanAudit)
		if err != nil {
			return nil, "", fmt.Errorf("list audit log: %w", err)
		}
		for i, l := range seen {
			if !f.passes(l, text) {
				continue
			}
			if lines = append(lines, l); len(lines) == limit && i < len(seen)-1 {
				return lines, l.place(), nil
			}
		}
		if len(seen) < window {
			return lines, "", nil
		}
		before = seen[len(seen)-1].place()
		if len(lines) >= limit || time.Since(started) > scanTime {
			return lines, before, nil
		}
	}
}

// place of a line in the list.
func (l *AuditLine) place() string { return strconv.FormatInt(l.At, 10) + " " + l.ID }

// DropAudit deletes the oldest lines that are older than the moment, in Unix
// milliseconds, at most limit, and returns how many. Nothing else deletes any.
func (s *Store) DropAudit(ctx context.Context, before int64, limit int) (dropped int64, err error) {
	err = s.Write(ctx, Relaxed, func(tx *Tx) error {
		result, err := tx.Exec("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 ORDER BY at, id LIMIT $2)", before, limit)
		if err != nil {
			return fmt.Errorf("delete old lines of the audit log: %w", err)
		}
		dropped, err = result.RowsAffected()
		return err
	})
	return dropped, err
}
