package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// UsageFilter chooses what [Store.Usage] adds up; empty fields choose all.
type UsageFilter struct {
	KeyID    string
	Models   []string
	From, To string // first and last day, as [Store.Day] writes it
	// By says what gets rows of its own.
	By struct{ Key, Model, Day bool }
}

// UsageLine is what was used of a key, with a model, on a day, as far as the
// filter tells these apart; otherwise they are "".
type UsageLine struct {
	KeyID, KeyName, Model, Day string
	Usage
}

// ErrTooMany is returned when an answer would not fit into memory.
var ErrTooMany = errors.New("too many rows")

// usageLines is the most lines of one answer. Tests make it smaller.
var usageLines = 100_000

// Usage adds up what was used, the oldest day first. It returns [ErrTooMany] if
// there are more than 100,000 lines.
func (s *Store) Usage(ctx context.Context, f UsageFilter) ([]UsageLine, error) {
	columns := []string{"''", "''", "''"}
	var group []string
	for i, by := range []struct {
		column string
		chosen bool
	}{{"day", f.By.Day}, {"key_id", f.By.Key}, {"model", f.By.Model}} {
		if by.chosen {
			columns[i] = by.column
			group = append(group, by.column)
		}
	}
	args := []any{f.From, f.To}
	where := "day >= $1 AND day <= $2"
	if f.KeyID != "" {
		args = append(args, f.KeyID)
		where += fmt.Sprintf(" AND key_id = $%d", len(args))
	}
	if len(f.Models) > 0 {
		marks := make([]string, len(f.Models))
		for i, model := range f.Models {
			args = append(args, model)
			marks[i] = fmt.Sprintf("$%d", len(args))
		}
		where += " AND model IN (" + strings.Join(marks, ", ") + ")"
	}
	query := "SELECT " + strings.Join(columns, ", ") + ", " + usageSums + " FROM usage_by_model WHERE " + where
	if len(group) > 0 {
		args = append(args, usageLines+1)
		query += fmt.Sprintf(" GROUP BY %s ORDER BY %[1]s LIMIT $%[2]d", strings.Join(group, ", "), len(args))
	}
	rows, err := s.readers.QueryContext(ctx, query, args...)
	lines, err := collect(rows, err, func(r row) (l UsageLine, err error) {
		return l, r.Scan(append([]any{&l.Day, &l.KeyID, &l.Model}, l.fields()...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	if len(lines) > usageLines {
		return nil, fmt.Errorf("read usage: %w", ErrTooMany)
	}
	if f.By.Key {
		return lines, s.nameKeys(ctx, lines)
	}
	return lines, nil
}

// nameKeys adds the names of keys, those of deleted ones too: their usage stays.
func (s *Store) nameKeys(ctx context.Context, lines []UsageLine) error {
	rows, err := s.readers.QueryContext(ctx, "SELECT id, name FROM keys")
	pairs, err := collect(rows, err, func(r row) (p [2]string, err error) { return p, r.Scan(&p[0], &p[1]) })
	if err != nil {
		return fmt.Errorf("read names of keys: %w", err)
	}
	names := make(map[string]string, len(pairs))
	for _, p := range pairs {
		names[p[0]] = p[1]
	}
	for i := range lines {
		lines[i].KeyName = names[lines[i].KeyID]
	}
	return nil
}
