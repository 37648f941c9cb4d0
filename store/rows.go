package store

import (
	"fmt"
	"strings"
)

// rowsInsert is an insert of many rows in one statement, which is what a batch
// of submits is made of: one statement costs about as much as one row.
type rowsInsert struct {
	columns  int
	numbered map[int]string // for PostgreSQL, by number of rows
	unnamed  map[int]string // for SQLite, which looks for each name among all of them
}

// rowCounts are the numbers of rows that are worth a prepared statement.
var rowCounts = []int{64, 16, 4, 1}

func newRowsInsert(into string, values ...string) *rowsInsert {
	insert := &rowsInsert{numbered: make(map[int]string), unnamed: make(map[int]string)}
	for _, v := range values {
		if v == "?" {
			insert.columns++
		}
	}
	for _, n := range rowCounts {
		row := "(" + strings.Join(values, ", ") + ")"
		query := "INSERT INTO " + into + " VALUES " + row + strings.Repeat(", "+row, n-1)
		insert.unnamed[n] = query
		for i := range n * insert.columns {
			query = strings.Replace(query, "?", fmt.Sprintf("$%d", i+1), 1)
		}
		insert.numbered[n] = query
	}
	return insert
}

// insertRows runs an insert with the arguments of any number of rows.
func (t *Tx) insertRows(insert *rowsInsert, args []any) error {
	queries := insert.unnamed
	if t.store.pgx != nil {
		queries = insert.numbered
	}
	for _, n := range rowCounts {
		for size := n * insert.columns; len(args) >= size; args = args[size:] {
			if _, err := t.Exec(queries[n], args[:size]...); err != nil {
				return err
			}
		}
	}
	return nil
}

var eventRows = newRowsInsert("events ("+eventColumns+")", "?", "?", "?", "?", "?", "?")

var taskRows = newRowsInsert(`tasks (id, key_id, kind, status, model, route, prompt, duration, ratio, resolution, priority,
	retry_of, materials, options, credits, request_id, trace, created_at, updated_at, start_deadline, deadline)`,
	"?", "?", "?", "'queued'", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?")
