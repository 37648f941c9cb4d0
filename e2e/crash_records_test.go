package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// records read the gateway's database from outside: while the gateway is
// stopped, or dead.
type records struct {
	t  *testing.T
	db *sql.DB
	pg bool
}

// row is a task with its current attempt.
type row struct {
	id, prompt, status, errorKind, errorMessage, money, retryOf string
	attempt                                                     int
	attemptState                                                string // "" without an attempt
	sentAt                                                      int64

	name  string // a word of the prompt
	point point  // where the crash met it
}

func openRecords(t *testing.T, database string) *records {
	t.Helper()
	r := &records{t: t}
	driver, source := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite://"); ok {
		// Read-only, so that it leaves the write-ahead log to the gateway.
		driver, source = "sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(10000)"
	} else {
		r.pg = true
	}
	var err error
	if r.db, err = sql.Open(driver, source); err != nil {
		t.Fatal(err)
	}
	r.db.SetMaxOpenConns(1)
	return r
}

func (r *records) close() { _ = r.db.Close() }

// alone waits until PostgreSQL has noticed that the gateway is dead: what it had
// sent before may still be committed.
func (r *records) alone() {
	r.t.Helper()
	if !r.pg {
		return
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
		if r.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'") == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatal("connections of the dead gateway stay open")
		}
	}
}

func (r *records) number(query string, args ...any) (n int) {
	r.t.Helper()
	if err := r.db.QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	return n
}

const selectRows = `SELECT t.id, t.prompt, t.status, t.error_kind, t.error_message, t.money, t.retry_of, t.attempt,
	COALESCE(a.state, ''), COALESCE(a.sent_at, 0) FROM tasks t LEFT JOIN attempts a ON a.task_id = t.id AND a.n = t.attempt WHERE `

func (r *records) tasks(condition string, args ...any) []*row {
	r.t.Helper()
	var list []*row
	r.each(selectRows+condition, args, func(scan func(...any) error) error {
		var t row
		err := scan(&t.id, &t.prompt, &t.status, &t.errorKind, &t.errorMessage, &t.money, &t.retryOf, &t.attempt, &t.attemptState, &t.sentAt)
		t.name = taskName.FindString(t.prompt)
		list = append(list, &t)
		return err
	})
	return list
}

// attempt is a submit as the gateway remembers it.
type attempt struct {
	task, state, ref string
}

func (r *records) attempts() []attempt {
	r.t.Helper()
	var list []attempt
	r.each("SELECT task_id, state, ref FROM attempts ORDER BY task_id, n", nil, func(scan func(...any) error) error {
		var a attempt
		err := scan(&a.task, &a.state, &a.ref)
		list = append(list, a)
		return err
	})
	return list
}

func (r *records) each(query string, args []any, do func(scan func(...any) error) error) {
	r.t.Helper()
	rows, err := r.db.QueryContext(context.Background(), query, args...)
	if err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			r.t.Fatalf("%s: %v", query, err)
		}
	}
	if err := rows.Err(); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
}

// counts reads pairs of a name and a number that is not 0.
func (r *records) counts(query string, args ...any) map[string]int {
	r.t.Helper()
	counts := map[string]int{}
	r.each(query, args, func(scan func(...any) error) error {
		var name string
		var n int
		err := scan(&name, &n)
		if n != 0 {
			counts[name] = n
		}
		return err
	})
	return counts
}

// books compares what the gateway counts with what is there, when nothing runs.
func (r *records) books() (problems []string) {
	r.t.Helper()
	same := func(what string, counted, there map[string]int) {
		if fmt.Sprint(counted) != fmt.Sprint(there) { // maps are printed in order
			problems = append(problems, fmt.Sprintf("%s: counted %v, there are %v", what, counted, there))
		}
	}
	none := map[string]int{}
	statuses := r.counts("SELECT status, count(*) FROM tasks GROUP BY status")
	same("tasks by status", r.counts("SELECT status, n FROM task_counts WHERE key_id = ''"), statuses)
	same("tasks by key", r.counts("SELECT key_id || ' ' || status, n FROM task_counts WHERE key_id <> ''"),
		r.counts("SELECT key_id || ' ' || status, count(*) FROM tasks GROUP BY key_id, status"))
	same("slots taken of sessions", r.counts("SELECT id, running FROM sessions"), none)
	same("slots taken of upstreams", r.counts("SELECT name, running FROM upstreams"), none)
	same("slots taken of keys", r.counts("SELECT id, running FROM keys"), none)
	same("queued tasks of lanes", r.counts("SELECT key_id || ' ' || route, queued FROM lanes"), none)
	same("tasks that sessions have made", r.counts("SELECT 'succeeded', COALESCE(sum(succeeded), 0) FROM sessions"),
		r.counts("SELECT status, count(*) FROM tasks WHERE status = 'succeeded' GROUP BY status"))
	same("tasks used", r.counts("SELECT key_id, sum(tasks) FROM usage_by_model GROUP BY key_id"),
		r.counts("SELECT key_id, count(*) FROM tasks GROUP BY key_id"))
	same("events", r.counts("SELECT name, value FROM counters WHERE name = 'events'"), r.counts("SELECT 'events', max(seq) FROM events"))
	same("bytes of artifacts", r.counts("SELECT name, value FROM counters WHERE name = 'artifact_bytes'"),
		r.counts("SELECT 'artifact_bytes', sum(artifact_bytes) FROM tasks"))
	same("ends in the histories", r.counts(`SELECT type, count(*) FROM events WHERE type IN ('task.succeeded', 'task.failed', 'task.cancelled') GROUP BY type`),
		r.counts("SELECT 'task.' || status, count(*) FROM tasks GROUP BY status"))
	same("tasks with more than one end", r.counts(`SELECT task_id, count(*) FROM events WHERE type IN ('task.succeeded', 'task.failed', 'task.cancelled')
		GROUP BY task_id HAVING count(*) > 1`), none)
	return problems
}
