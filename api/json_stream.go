package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// longString is the length from which a string in the place of a file is stored
// while it is read; a shorter one may as well be a URL.
const longString = 16 << 10

// jsonStream reads a JSON text of any size once and keeps all of it but for the
// files, in whose places it leaves texts that lead to them. It does not judge the
// text: whatever it lets pass is parsed afterwards, and valid then if it was
// valid before.
type jsonStream struct {
	in         *bufio.Reader
	out        bytes.Buffer
	intake     *intake
	holdsFiles func(field string) bool
	long       int // see longString
	path       []level
}

// level is one object or list around the place that is being read.
type level struct {
	object bool
	key    string // of the member
	index  int    // of the element
	value  bool   // in an object, the next string is a value
}

func newJSONStream(r io.Reader, in *intake, holdsFiles func(string) bool) *jsonStream {
	// Nobody can write what nobody can guess, so that no text of the client's can
	// be taken for a file.
	in.nonce = rand.Text() + ":"
	return &jsonStream{in: bufio.NewReaderSize(r, 2*longString), intake: in, holdsFiles: holdsFiles, long: longString}
}

func (s *jsonStream) run(ctx context.Context) error {
	for {
		c, err := s.in.ReadByte()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if c == '"' {
			if err := s.string(ctx); err != nil {
				return err
			}
			continue
		}
		s.out.WriteByte(c)
		if err := s.step(c); err != nil {
			return err
		}
	}
}

// step follows the structure of the text.
func (s *jsonStream) step(c byte) error {
	top := len(s.path) - 1
	switch {
	case c == '{' || c == '[':
		if len(s.path) == maxDepth {
			return invalid(short(topField(s.field())), "is nested deeper than %d levels", maxDepth)
		}
		s.path = append(s.path, level{object: c == '{'})
	case top < 0:
	case c == '}' || c == ']':
		s.path = s.path[:top]
	case c == ':':
		s.path[top].value = true
	case c == ',':
		s.path[top].value = false
		s.path[top].index++
	}
	return s.bound()
}

// bound keeps what stays in memory small.
func (s *jsonStream) bound() error {
	if s.out.Len() <= maxJSON {
		return nil
	}
	e := bodyTooLarge(maxJSON)
	e.message += " without the files in it"
	return e
}

// field names the place that is being read, as in files[2].data.
func (s *jsonStream) field() string {
	var b strings.Builder
	for i, l := range s.path {
		switch {
		case !l.object:
			b.WriteString("[" + strconv.Itoa(l.index) + "]")
		case i > 0:
			b.WriteString("." + l.key)
		default:
			b.WriteString(l.key)
		}
	}
	if b.Len() == 0 {
		return "body"
	}
	return b.String()
}

// string reads a string whose opening quote is gone.
func (s *jsonStream) string(ctx context.Context) error {
	ahead, err := s.in.Peek(s.long)
	if err != nil && err != io.EOF {
		return err
	}
	end := closingQuote(ahead)
	if end < 0 && err == nil && s.atFile() {
		return s.take(ctx)
	}
	if end < 0 {
		return s.copy()
	}
	s.out.WriteByte('"')
	s.out.Write(ahead[:end+1])
	if top := len(s.path) - 1; top >= 0 && s.path[top].object && !s.path[top].value {
		s.path[top].key, _ = jsonString(append([]byte{'"'}, ahead[:end+1]...))
	}
	if _, err := s.in.Discard(end + 1); err != nil {
		return err
	}
	return s.bound()
}

// closingQuote is the index of the quote that ends a string, -1 if there is none.
func closingQuote(ahead []byte) int {
	for i := 0; i < len(ahead); i++ {
		switch ahead[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return -1
}

// atFile reports whether a string here may be a file: the value of a field that
// holds files, an element of its list, or a data or url of one of them.
func (s *jsonStream) atFile() bool {
	if len(s.path) == 0 || !s.path[0].object || !s.path[0].value || !s.holdsFiles(s.path[0].key) {
		return false
	}
	for _, l := range s.path[1:] {
		if l.object && (!l.value || l.key != "data" && l.key != "url") {
			return false
		}
	}
	return len(s.path) <= 3
}

// take stores the file and leaves a text for it.
func (s *jsonStream) take(ctx context.Context) error {
	content := &stringReader{in: s.in}
	if _, err := s.intake.decode(ctx, s.field(), content); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil { // up to its closing quote
		return err
	}
	s.out.WriteString(`"` + s.intake.nonce + strconv.Itoa(len(s.intake.files)-1) + `"`)
	return s.bound()
}

// copy keeps a long string that is no file.
func (s *jsonStream) copy() error {
	s.out.WriteByte('"')
	for {
		c, err := s.in.ReadByte()
		if err == io.EOF {
			return nil // the parser will say so
		} else if err != nil {
			return err
		}
		s.out.WriteByte(c)
		if c == '"' {
			return s.bound()
		}
		if c == '\\' {
			if c, err = s.in.ReadByte(); err == nil {
				s.out.WriteByte(c)
			}
		}
		if err := s.bound(); err != nil {
			return err
		}
	}
}

// stringReader reads a JSON string up to its closing quote. It decodes escapes,
// of which base64 in JSON has the slash and line breaks at most.
type stringReader struct {
	in   *bufio.Reader
	rest []byte // of a character that did not fit
	done bool
}

var errInString = invalid("body", "is not valid JSON: a string does not end or has a character that must be escaped")

func (s *stringReader) Read(p []byte) (int, error) {
	if len(s.rest) > 0 {
		n := copy(p, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	if s.done {
		return 0, io.EOF
	}
	if _, err := s.in.Peek(1); err == io.EOF {
		return 0, errInString
	} else if err != nil {
		return 0, err
	}
	ahead, _ := s.in.Peek(min(s.in.Buffered(), len(p)))
	// The decoder of base64 skips raw line breaks and refuses all else that may
	// not stand in a string.
	for _, c := range []byte("\"\\\n\r") {
		if i := bytes.IndexByte(ahead, c); i >= 0 {
			ahead = ahead[:i]
		}
	}
	if n := len(ahead); n > 0 {
		copy(p, ahead[:n])
		return s.in.Discard(n)
	}
	c, _ := s.in.ReadByte()
	switch c {
	case '"':
		s.done = true
		return 0, io.EOF
	case '\\':
		err := s.escape()
		return 0, err
	}
	return 0, errInString
}

// escape reads what follows a backslash.
func (s *stringReader) escape() error {
	c, err := s.in.ReadByte()
	if err != nil {
		return errInString
	}
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		digits, err := s.in.Peek(4)
		if err != nil && err != io.EOF {
			return err
		}
		code, err := strconv.ParseUint(string(digits), 16, 16)
		if err != nil || len(digits) < 4 {
			return errInString
		}
		s.rest = utf8.AppendRune(nil, rune(code))
		_, err = s.in.Discard(4)
		return err
	default:
		return errInString
	}
	s.rest = []byte{c}
	return nil
}
