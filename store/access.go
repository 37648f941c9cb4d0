package store

import "fmt"

// AccessChanged lets every node see soon that somebody may do less or more than
// before, or is somebody else.
func (t *Tx) AccessChanged() error {
	if _, err := t.Exec("UPDATE counters SET value = value + 1 WHERE name = 'access'"); err != nil {
		return fmt.Errorf("note change of access: %w", err)
	}
	return nil
}
