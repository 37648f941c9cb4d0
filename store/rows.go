package store

import (
	"fmt"
	"strings"
)

// rowsInsert is an insert of many rows in one statement, which is what a batch
// of submits is made of: one statement costs about as much as one row.
type rowsInsert struct {
	columns int
	queries map[int]string // by number of rows
}

// rowCounts are the numbers of rows that are worth a prepared statement.
var rowCounts = []int{64, 16, 4, 1}

func newRowsInsert(into string, values ...string) *rowsInsert {
	insert := &rowsInsert{queries: make(map[int]string, len(rowCounts))}
	for _, v := range values {
		if v == "?" {
			insert.columns++
		}
	}
	for _, n := range rowCounts {
		var b strings.Builder
		b.WriteString("INSERT INTO " + into + " VALUES ")
		parameter := 0
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			for j, v := range values {
				b.WriteByte("(,"[min(j, 1)])
				if v == "?" {
					parameter++
					v = fmt.Sprintf("$%d", parameter)
				}
				b.WriteString(v)
			}
			b.WriteByte(')')
		}
		insert.queries[n] = b.String()
	}
	return insert
}

// insertRows runs an insert with the arguments of any number of rows.
func (t *Tx) insertRows(insert *rowsInsert, args []any) error {
	for _, n := range rowCounts {
		for size := n * insert.columns; len(args) >= size; args = args[size:] {
			if _, err := t.Exec(insert.queries[n], args[:size]...); err != nil {
				return err
			}
		}
	}
	return nil
}

var eventRows = newRowsInsert("events ("+eventColumns+")", "?", "?", "?", "?", "?", "?")

var taskRows = newRowsInsert(`tasks (id, key_id, kind, status, model, route, prompt, duration, ratio, resolution, priority,
	retry_of, materials, options, created_at, updated_at, start_deadline, deadline)`,
	"?", "?", "?", "'queued'", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?", "?")
