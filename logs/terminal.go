package logs

import (
	"bufio"
	"errors"
	"io"
)

// terminalMost is how much of a terminal's line is looked at: what is kept, and the
// times within it.
const terminalMost = lineMost + 16*stampSize

// readTerminal reads the log of a container with a terminal: messages one after the
// other, each with its time in front, and nothing that tells where one ends but its
// newline. The error is io.EOF at the end.
func readTerminal(r *bufio.Reader, j *joiner) error {
	var line []byte
	over := 0
	for {
		part, err := r.ReadSlice('\n')
		kept := min(len(part), max(0, terminalMost-len(line)))
		line = append(line, part[:kept]...)
		over += len(part) - kept
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err // what is there of a line comes again
		}
		end := 0 // of the newline
		if err == nil {
			end = 1
			if len(part) > 1 && part[len(part)-2] == '\r' {
				end = 2
			}
		}
		if len(line) > 0 {
			outside := min(end, over)
			if !splitTerminal(line[:len(line)-(end-outside)], over-outside, err == nil, j) {
				return errNoFrames
			}
		}
		if err != nil {
			return err
		}
		line, over = line[:0], 0
	}
}

// splitTerminal takes what stands before a newline, or before the end of the log,
// and how much more there is of it. Within it may stand the times
// of the parts of a long line, which go, and those of messages after one without
// its newline. A program cannot have written a time that is not before that of its
// line, unless its clock is wrong.
func splitTerminal(text []byte, over int, whole bool, j *joiner) bool {
	at, ok := stamp(text)
	if !ok {
		return false
	}
	line := j.begin(Stdout, at)
	for text = text[stampSize:]; ; {
		i, next := nextStamp(text, at)
		if i < 0 {
			break
		}
		line.write(text[:i])
		text, at = text[i+stampSize:], next
		line = j.begin(Stdout, at)
	}
	line.write(text)
	line.cut += over - over/(16<<10+stampSize)*stampSize // without the times in it
	if whole {
		j.end(line)
	}
	return true
}
