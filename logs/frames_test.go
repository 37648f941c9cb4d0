package logs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 123456789, time.UTC)

// said is a message as Docker keeps it.
func said(after time.Duration, text string) string {
	return noon.Add(after).Format("2006-01-02T15:04:05.000000000Z") + " " + text
}

func frame(stream byte, message string) string {
	return string(binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(message)))) + message
}

// parsed is what comes of a log that is read in pieces of any size.
func parsed(t testing.TB, read func(*bufio.Reader, *joiner) error, log string) (lines []string, err error) {
	t.Helper()
	for i, r := range []io.Reader{strings.NewReader(log), iotest.OneByteReader(strings.NewReader(log)), iotest.HalfReader(strings.NewReader(log))} {
		var got []string
		j := &joiner{emit: func(line raw) {
			if len(line.text) > lineMost || line.cut < 0 || line.at.IsZero() {
				t.Fatalf("%d bytes, %d cut, at %s", len(line.text), line.cut, line.at)
			}
			text := string(line.text)
			if len(text) > 100 {
				text = text[:10] + "…" + text[len(text)-10:]
			}
			if line.cut > 0 {
				text += "✂"
			}
			got = append(got, string(line.stream)+" "+line.at.Format("05.000")+" "+strings.TrimRight(text, "\r"))
		}}
		errGot := read(bufio.NewReaderSize(r, 64<<10), j)
		j.flush()
		if i > 0 && strings.Join(got, "\n") != strings.Join(lines, "\n") {
			t.Fatalf("in other pieces other lines come: %q, %q", got, lines)
		}
		lines, err = got, errGot
	}
	return lines, err
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReadFrames(t *testing.T) {
	t.Parallel()
	part := strings.Repeat("x", 16<<10)
	lines, err := parsed(t, readFrames, frame(1, said(0, "one\n"))+frame(2, said(1e6, "two\n"))+frame(1, said(2e6, "\n"))+
		frame(1, said(3e6, "A"+part))+frame(2, said(4e6, "between\n"))+frame(1, said(3e6, "Z\n"))+
		frame(1, said(5e6, part))+frame(1, said(5e6, part))+frame(1, said(5e6, part))+frame(1, said(5e6, "end\n"))+
		frame(1, said(6e6, "no newline"))+frame(1, said(7e9, "another run\n"))+frame(1, said(8e9, "")))
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	expect(t, lines, "stdout 00.123 one", "stderr 00.124 two", "stdout 00.125 ",
		"stderr 00.127 between", "stdout 00.126 Axxxxxxxxx…xxxxxxxxxZ",
		"stdout 00.128 xxxxxxxxxx…xxxxxxxxxx✂", "stdout 00.129 no newline", "stdout 07.123 another run", "stdout 08.123 ")
}

func TestReadTerminal(t *testing.T) {
	t.Parallel()
	part := strings.Repeat("x", 16<<10)
	lines, err := parsed(t, readTerminal, said(0, "one\r\n")+said(1e6, "\r\n")+
		said(2e6, "A"+part)+said(2e6, "Z\r\n")+
		said(3e6, part)+said(3e6, part)+said(3e6, part)+said(3e6, "end\r\n")+
		said(4e6, "no newline")+said(7e9, "another run\r\n")+
		said(8e9, "says "+said(0, "itself\r\n"))+said(9e9, "last"))
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	expect(t, lines, "stdout 00.123 one", "stdout 00.124 ", "stdout 00.125 Axxxxxxxxx…xxxxxxxxxZ",
		"stdout 00.126 xxxxxxxxxx…xxxxxxxxxx✂", "stdout 00.127 no newline", "stdout 07.123 another run",
		"stdout 08.123 says "+said(0, "itself"), "stdout 09.123 last")
}

func TestReadWrongLogs(t *testing.T) {
	t.Parallel()
	for name, log := range map[string]string{
		"no frames": said(0, "one\n"), "no time": frame(1, strings.Repeat("x", 50)), "short": frame(1, "x"), "stream": frame(9, said(0, "x")),
	} {
		if _, err := parsed(t, readFrames, log); !errors.Is(err, errNoFrames) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parsed(t, readFrames, frame(1, said(0, "hello\n"))[:42]); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if _, err := parsed(t, readFrames, frame(3, "the disk is gone")); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Error(err)
	}
	if _, err := parsed(t, readTerminal, "hello\n"); !errors.Is(err, errNoFrames) {
		t.Error(err)
	}
}

// A frame that says that it is as long as can be takes no memory for that.
func TestReadEndlessFrame(t *testing.T) {
	t.Parallel()
	header := binary.BigEndian.AppendUint32([]byte{1, 0, 0, 0}, 1<<32-1)
	const size = 64 << 20
	r := io.MultiReader(bytes.NewReader(header), strings.NewReader(said(0, "")), io.LimitReader(endless{}, size))
	cut := 0
	j := &joiner{emit: func(line raw) { cut = line.cut }}
	if err := readFrames(bufio.NewReader(r), j); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	j.flush()
	if cut != size-lineMost || cap(j.open[0].text) > 2*lineMost {
		t.Errorf("%d bytes were cut", cut)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func FuzzReadFrames(f *testing.F) {
	f.Add([]byte(frame(1, said(0, "one\n")) + frame(2, said(1, "two")) + frame(2, said(1, "!\n"))))
	f.Add([]byte(frame(3, "no")))
	f.Add([]byte(frame(1, said(0, strings.Repeat("x", 40000)))))
	f.Fuzz(func(t *testing.T, log []byte) { _, _ = parsed(t, readFrames, string(log)) })
}

func FuzzReadTerminal(f *testing.F) {
	f.Add([]byte(said(0, "one\r\n") + said(1, "two") + said(1, "!\n") + said(2, "three")))
	f.Add([]byte(said(0, strings.Repeat("x", 16<<10)) + said(0, "\r\n")))
	f.Fuzz(func(t *testing.T, log []byte) { _, _ = parsed(t, readTerminal, string(log)) })
}
