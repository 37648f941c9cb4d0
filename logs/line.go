// Package logs keeps the newest lines of the upstreams' containers and of the
// gateway itself in memory, and hands them to any number of listeners.
package logs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Stream is where a line was written to.
type Stream string

// The streams of a line. A terminal has only one.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
	Marker Stream = "marker" // not the log's own: the gateway says what happened to the log
)

// Level is how grave a line is, "" when that cannot be told.
type Level string

// The levels, which are guessed for the lines of containers.
const (
	Debug Level = "debug"
	Info  Level = "info"
	Warn  Level = "warn"
	Error Level = "error"
)

// Line is one line of a log. It is shared between listeners and must not be
// changed once it is in a [Log].
type Line struct {
	ID      ID        // given by [Log.Append]
	Time    time.Time // when it was written
	Stream  Stream
	Level   Level
	Text    string // valid UTF-8 in one line, secrets masked, colours kept
	Cut     int    // bytes at the end that were left out, because the line was too long
	Task    string // the id of the task that it is about, if the line says so
	Session string // the id of the session that it is about, if the line says so
}

// ID is a line's place in its log. Ids grow; those of a container come from the
// times that Docker gave the lines, so that they stay what they are when the
// gateway starts anew and reads the log again.
type ID struct {
	Nano int64  // Unix time in nanoseconds
	N    uint32 // counts lines of the same time
}

// Before reports whether the line stands before the other.
func (id ID) Before(other ID) bool {
	return id.Nano < other.Nano || id.Nano == other.Nano && id.N < other.N
}

// next is the id of a line that stands behind the one with this id. What two
// streams wrote at the same moment may arrive in another order than their times
// have; ids go by the order of arrival. A marker takes no time from the lines
// behind it, which may be older than it.
func (id ID) next(line *Line) ID {
	if nano := line.Time.UnixNano(); nano > id.Nano && line.Stream != Marker {
		return ID{Nano: nano}
	}
	return ID{id.Nano, id.N + 1}
}

func (id ID) String() string { return fmt.Sprintf("%d-%d", id.Nano, id.N) }

// ParseID reads what [ID.String] has written.
func ParseID(text string) (ID, error) {
	nano, n, ok := strings.Cut(text, "-")
	at, err := strconv.ParseInt(nano, 10, 64)
	count, errN := strconv.ParseUint(n, 10, 32)
	if !ok || err != nil || errN != nil || at < 0 {
		return ID{}, fmt.Errorf("%q is not the id of a line", text)
	}
	return ID{at, uint32(count)}, nil
}
