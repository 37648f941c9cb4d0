package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// TaskFilter chooses tasks; empty fields choose all.
type TaskFilter struct {
	KeyID      string
	Statuses   []Status
	Models     []string
	Sessions   []string
	Upstreams  []string
	ErrorKinds []string
	IDs        []string
	Kind       string
	Text       string // in the prompt or the error message, whatever the letter case; or the task's id
	From, To   int64  // created at or after, and before; Unix milliseconds
	NotRetried bool   // no stored task is a retry of it
}

// scanWindow is how many rows are looked at in one query. A filter that few tasks
// pass must not keep a connection for a million rows. Tests make it smaller.
var scanWindow = 20_000

// scanTime bounds a list that finds little. It ends with what it has found, and
// says where to go on.
const scanTime = 500 * time.Millisecond

// conditions puts the filter into SQL. Those on columns that an index leads with
// are apart from the rest, which is looked for row by row.
func (f *TaskFilter) conditions(before string) (indexed, rest string, args []any) {
	in := func(column string, values []any) string {
		marks := make([]string, len(values))
		for i, v := range values {
			args = append(args, v)
			marks[i] = fmt.Sprintf("$%d", len(args))
		}
		if len(marks) == 1 {
			return " AND " + column + " = " + marks[0]
		}
		return " AND " + column + " IN (" + strings.Join(marks, ", ") + ")"
	}
	one := func(condition string, value any) string {
		args = append(args, value)
		return " AND " + strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args)))
	}
	if f.KeyID != "" {
		indexed += in("key_id", []any{f.KeyID})
	}
	switch {
	case len(f.Statuses) == 1 || len(f.Statuses) > 1 && !slices.ContainsFunc(f.Statuses, Status.Ended):
		indexed += in("status", anys(f.Statuses))
	case len(f.Statuses) > 1:
		// An index on the status would have all of the ended tasks sorted first.
		rest += in("status || ''", anys(f.Statuses))
	}
	if len(f.IDs) > 0 {
		indexed += in("id", anys(f.IDs))
	}
	if before != "" {
		indexed += one("id < ?", before)
	}
	// Ids begin with the time that they were made at, shortly before the row was
	// written, so they bound the scan.
	if f.From > 0 {
		indexed += one("id >= ?", firstID(f.From-idAge)) + one("created_at >= ?", f.From)
	}
	if f.To > 0 {
		indexed += one("id < ?", firstID(f.To)) + one("created_at < ?", f.To)
	}
	for _, c := range []struct {
		column string
		values []string
	}{{"model", f.Models}, {"session_id", f.Sessions}, {"upstream", f.Upstreams}, {"error_kind", f.ErrorKinds}} {
		if len(c.values) > 0 {
			rest += in(c.column, anys(c.values))
		}
	}
	if f.Kind != "" {
		rest += in("kind", []any{f.Kind})
	}
	if f.NotRetried {
		rest += " AND NOT EXISTS (SELECT 1 FROM tasks AS again WHERE again.retry_of = looked_at.id AND again.retry_of <> '')"
	}
	if f.Text != "" {
		// SQLite knows the small letters of ASCII only, and so may PostgreSQL.
		var found []string
		for _, text := range slices.Compact([]string{strings.ToLower(f.Text), strings.Map(asciiLower, f.Text)}) {
			like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text) + "%"
			args = append(args, like)
			found = append(found, strings.ReplaceAll(`lower(prompt) LIKE ? ESCAPE '\' OR lower(error_message) LIKE ? ESCAPE '\' OR id LIKE ? ESCAPE '\'`,
				"?", fmt.Sprintf("$%d", len(args))))
		}
		rest += " AND (" + strings.Join(found, " OR ") + ")"
	}
	return indexed, rest, args
}

func asciiLower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

func anys[T any](values []T) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return list
}

// Tasks lists up to limit of the tasks that f chooses, newest first, beginning
// after the task with the id before, or with the newest if it is "". next is
// where to go on, "" at the end; a list can be shorter than limit and not be at
// its end, because the time for one call is bounded.
func (s *Store) Tasks(ctx context.Context, f TaskFilter, before string, limit int) (tasks []*Task, next string, err error) {
	started := time.Now()
	for {
		found, last, more, err := s.scan(ctx, &f, before, limit-len(tasks))
		if err != nil {
			return nil, "", fmt.Errorf("list tasks: %w", err)
		}
		tasks = append(tasks, found...)
		if !more {
			return tasks, "", nil
		}
		before = last
		if len(tasks) >= limit || time.Since(started) > scanTime {
			return tasks, last, nil
		}
	}
}

// scan looks through one window of rows. last is the id of the last row that was
// looked at. All of the window is read at one moment, because tasks that are added
// in between would move its end.
func (s *Store) scan(ctx context.Context, f *TaskFilter, before string, limit int) (tasks []*Task, last string, more bool, err error) {
	indexed, rest, args := f.conditions(before)
	if rest == "" { // every row that is looked at is found; one more tells whether there are more
		args = append(args, limit+1)
		rows, err := s.readers.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM tasks WHERE 1 = 1%s ORDER BY id DESC LIMIT $%d",
			taskColumns, indexed, len(args)), args...)
		tasks, err := collect(rows, err, scanTask)
		if err != nil || len(tasks) <= limit {
			return tasks, "", false, err
		}
		return tasks[:limit], tasks[limit-1].ID, true, nil
	}
	args = append(args, scanWindow, limit)
	query := fmt.Sprintf(`SELECT %[1]s FROM (SELECT * FROM tasks WHERE 1 = 1%[2]s ORDER BY id DESC LIMIT $%[4]d) AS looked_at
		WHERE 1 = 1%[3]s ORDER BY id DESC LIMIT $%[5]d`, taskColumns, indexed, rest, len(args)-1, len(args))
	tx, err := s.beginRead(ctx)
	if err != nil {
		return nil, "", false, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	rows, err := tx.QueryContext(ctx, query, args...)
	if tasks, err = collect(rows, err, scanTask); err != nil {
		return nil, "", false, err
	}
	if len(tasks) == limit {
		return tasks, tasks[limit-1].ID, true, nil
	}
	// Where did the window end?
	end := *f
	end.Models, end.Sessions, end.Upstreams, end.ErrorKinds, end.Kind, end.Text, end.NotRetried = nil, nil, nil, nil, "", "", false
	if strings.Contains(rest, "status || ''") {
		end.Statuses = nil
	}
	indexed, _, args = end.conditions(before)
	args = append(args, scanWindow-1)
	err = tx.QueryRowContext(ctx, fmt.Sprintf("SELECT id FROM tasks WHERE 1 = 1%s ORDER BY id DESC LIMIT 1 OFFSET $%d", indexed, len(args)), args...).Scan(&last)
	if found(err) == ErrNotFound {
		return tasks, "", false, nil
	}
	return tasks, last, err == nil, err
}

// beginRead begins a transaction whose queries all see the same moment.
func (s *Store) beginRead(ctx context.Context) (*sql.Tx, error) {
	options := &sql.TxOptions{ReadOnly: true}
	if s.pgx != nil { // SQLite's read transactions are like that by nature
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := s.readers.BeginTx(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return tx, nil
}

// TasksByID reads tasks by their ids; those that do not exist are left out.
func (s *Store) TasksByID(ctx context.Context, ids []string) (map[string]*Task, error) {
	tasks := make(map[string]*Task, len(ids))
	for chunk := range slices.Chunk(ids, 100) {
		f := TaskFilter{IDs: chunk}
		condition, _, args := f.conditions("")
		rows, err := s.readers.QueryContext(ctx, "SELECT "+taskColumns+" FROM tasks WHERE 1 = 1"+condition, args...)
		list, err := collect(rows, err, scanTask)
		if err != nil {
			return nil, fmt.Errorf("read tasks: %w", err)
		}
		for _, task := range list {
			tasks[task.ID] = task
		}
	}
	return tasks, nil
}

// Counts are numbers of tasks by status.
type Counts struct {
	ByStatus map[Status]int64
	Complete bool // false when there were too many tasks to look at them all
}

// countWindow is how many of the newest tasks a count looks at that no counter
// has the answer to. Tests make it smaller.
var countWindow = int64(100_000)

// Count counts the tasks that f chooses by status. Without a filter beside the
// key and the status that is exact and costs nothing.
func (s *Store) Count(ctx context.Context, f TaskFilter) (*Counts, error) {
	indexed, rest, args := f.conditions("")
	bounded := len(f.IDs) > 0 || f.From > 0 || f.To > 0
	if rest == "" && !bounded {
		all, err := s.Stats(ctx, f.KeyID)
		if err != nil {
			return nil, err
		}
		for status := range all {
			if len(f.Statuses) > 0 && !slices.Contains(f.Statuses, status) {
				all[status] = 0
			}
		}
		return &Counts{all, true}, nil
	}
	counts := &Counts{ByStatus: make(map[Status]int64, len(Statuses))}
	for _, status := range Statuses {
		counts.ByStatus[status] = 0
	}
	args = append(args, countWindow)
	rows, err := s.readers.QueryContext(ctx, fmt.Sprintf(`SELECT '', count(*) FROM (SELECT 1 FROM tasks WHERE 1 = 1%[1]s LIMIT $%[3]d) AS seen
		UNION ALL SELECT status, count(*) FROM (SELECT * FROM tasks WHERE 1 = 1%[1]s ORDER BY id DESC LIMIT $%[3]d) AS looked_at
		WHERE 1 = 1%[2]s GROUP BY status`, indexed, rest, len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("count tasks: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var status Status
		var n int64
		if err := rows.Scan(&status, &n); err != nil {
			return nil, fmt.Errorf("count tasks: %w", err)
		}
		if status == "" { // how many were looked at
			counts.Complete = n < countWindow
			continue
		}
		counts.ByStatus[status] = n
	}
	return counts, rows.Err()
}

// Snapshot is the unfinished tasks of a key, or of all keys if keyID is "", and
// the newest of the others, at most limit together, and the number of the last
// event that they show, all of one moment.
func (s *Store) Snapshot(ctx context.Context, keyID, taskID string, limit int) (tasks []*Task, last int64, err error) {
	tx, err := s.beginRead(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("read snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if err := tx.QueryRowContext(ctx, "SELECT value FROM counters WHERE name = 'events'").Scan(&last); err != nil {
		return nil, 0, fmt.Errorf("read snapshot: %w", err)
	}
	f := TaskFilter{KeyID: keyID, Statuses: []Status{Queued, Submitting, Polling, Downloading}}
	if taskID != "" {
		f = TaskFilter{KeyID: keyID, IDs: []string{taskID}}
	}
	filters := []TaskFilter{f}
	if taskID == "" {
		filters = append(filters, TaskFilter{KeyID: keyID, Statuses: []Status{Succeeded, Failed, Cancelled}})
	}
	for _, f := range filters {
		indexed, rest, args := f.conditions("")
		args = append(args, limit-len(tasks))
		rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM tasks WHERE 1 = 1%s ORDER BY id DESC LIMIT $%d",
			taskColumns, indexed+rest, len(args)), args...)
		list, err := collect(rows, err, scanTask)
		if err != nil {
			return nil, 0, fmt.Errorf("read snapshot: %w", err)
		}
		tasks = append(tasks, list...)
	}
	return tasks, last, nil
}
