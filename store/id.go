package store

import (
	"strings"

	"github.com/oklog/ulid/v2"
)

// NewID makes an id that sorts by the time of its making: the prefix, which says
// what it is the id of, and a ULID in lower case.
func NewID(prefix string) string { return prefix + strings.ToLower(ulid.Make().String()) }

// idAge is how much older than its row an id can be, in milliseconds.
const idAge = 60_000

// firstID is below every id without a prefix that was made at the moment, in Unix
// milliseconds, or after it.
func firstID(ms int64) string {
	var id ulid.ULID
	if err := id.SetTime(uint64(max(0, ms))); err != nil {
		return "~" // a moment that no id can have
	}
	return strings.ToLower(id.String())
}
