package logs

import (
	"bytes"
	"time"
)

const (
	lineMost  = 32 << 10 // bytes that are kept of a line
	stampSize = len("2006-01-02T15:04:05.000000000Z ")
)

// raw is a line as the program wrote it. Its text is lent: it is overwritten by the
// next line.
type raw struct {
	stream Stream
	at     time.Time
	text   []byte
	cut    int
}

// joiner makes lines of the messages that Docker's log has. A message that does not
// end in a newline is a part, of which the next one of the stream with the same
// time is the continuation: Docker divides lines above 16 KiB and gives all parts
// the time of the first.
type joiner struct {
	emit func(raw)
	open [2]raw // by stream; at is zero if there is none
}

func slot(s Stream) int {
	if s == Stderr {
		return 1
	}
	return 0
}

// begin begins a message.
func (j *joiner) begin(s Stream, at time.Time) *raw {
	line := &j.open[slot(s)]
	if !line.at.IsZero() && !line.at.Equal(at) {
		j.end(line) // the program ended within a line
	}
	line.stream, line.at = s, at
	return line
}

// room is how many bytes more are kept of the line.
func (r *raw) room() int { return max(0, lineMost-len(r.text)) }

func (r *raw) write(text []byte) {
	kept := min(len(text), r.room())
	r.text = append(r.text, text[:kept]...)
	r.cut += len(text) - kept
}

// end ends the line.
func (j *joiner) end(line *raw) {
	if line.at.IsZero() {
		return
	}
	whole := *line
	*line = raw{text: line.text[:0]}
	j.emit(whole)
}

// flush ends the lines that no newline will end any more.
func (j *joiner) flush() {
	if j.open[1].at.Before(j.open[0].at) {
		j.end(&j.open[1])
	}
	j.end(&j.open[0])
	j.end(&j.open[1])
}

// size is how much has come of the open lines.
func (j *joiner) size() int {
	return len(j.open[0].text) + j.open[0].cut + len(j.open[1].text) + j.open[1].cut
}

// forget drops what is open: it will come again from its beginning.
func (j *joiner) forget() {
	for i := range j.open {
		j.open[i] = raw{text: j.open[i].text[:0]}
	}
}

// began is when the oldest of the open lines began, zero if there is none.
func (j *joiner) began() (at time.Time) {
	for _, line := range j.open {
		if !line.at.IsZero() && (at.IsZero() || line.at.Before(at)) {
			at = line.at
		}
	}
	return at
}

// stamp reads the time that Docker puts before a message.
func stamp(text []byte) (time.Time, bool) {
	if len(text) < stampSize || text[stampSize-1] != ' ' || text[stampSize-2] != 'Z' || text[4] != '-' {
		return time.Time{}, false
	}
	at, err := time.Parse("2006-01-02T15:04:05.000000000Z", string(text[:stampSize-1]))
	return at, err == nil
}

// nextStamp finds a time within the text that is not before another one.
func nextStamp(text []byte, not time.Time) (index int, at time.Time) {
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte("Z "))
		if i < 0 {
			return -1, time.Time{}
		}
		from += i + 2
		if from >= stampSize {
			if at, ok := stamp(text[from-stampSize : from]); ok && !at.Before(not) {
				return from - stampSize, at
			}
		}
	}
}
