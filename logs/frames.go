package logs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errNoFrames is a log that is not in Docker's frames.
var errNoFrames = errors.New("the log is not in the form that Docker describes")

// readFrames reads the log of a container without a terminal: frames of one message
// each, with the stream and the length in front. Docker's own stdcopy keeps whole
// frames in memory and mixes the messages of a stream. The error is io.EOF after a
// whole frame.
func readFrames(r *bufio.Reader, j *joiner) error {
	var header [8]byte
	for {
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return err
		}
		size := int(binary.BigEndian.Uint32(header[4:]))
		if header[0] > 3 || header[1]|header[2]|header[3] != 0 {
			return errNoFrames
		}
		if header[0] == 3 { // Docker's own word, that it cannot go on
			message, err := io.ReadAll(io.LimitReader(r, int64(min(size, 1000))))
			if err != nil {
				return err
			}
			return fmt.Errorf("reading the log: %s", brief(string(message)))
		}
		stream := Stdout
		if header[0] == 2 {
			stream = Stderr
		}
		if err := readMessage(r, j, stream, size); err != nil {
			if errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
}

func readMessage(r *bufio.Reader, j *joiner, stream Stream, size int) error {
	if size < stampSize {
		return errNoFrames
	}
	start, err := r.Peek(stampSize)
	if err != nil {
		return err
	}
	at, ok := stamp(start)
	if !ok {
		return errNoFrames
	}
	_, _ = r.Discard(stampSize) // was peeked
	line := j.begin(stream, at)
	last := byte(0)
	for left := size - stampSize; left > 0; {
		if r.Buffered() == 0 {
			if _, err := r.Peek(1); err != nil {
				return err
			}
		}
		part, _ := r.Peek(min(left, r.Buffered())) // has so much
		left -= len(part)
		last = part[len(part)-1]
		if left == 0 && last == '\n' {
			line.write(part[:len(part)-1])
		} else {
			line.write(part)
		}
		_, _ = r.Discard(len(part))
	}
	if last == '\n' {
		j.end(line)
	}
	return nil
}
