package simulator

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// inlinePrefix begins what stands in a filtered JSON text for a data URI; the
// rest is its index.
const inlinePrefix = "data:simulator;"

// maxHead is the longest beginning of a data URI, up to its comma.
const maxHead = 128

// dataURIFilter passes a JSON text on, but takes the data URIs out of its
// strings while they stream by, so that none is ever held in memory.
type dataURIFilter struct {
	in    *bufio.Reader
	out   bytes.Buffer
	found []Material
	err   error
}

func newDataURIFilter(r io.Reader) *dataURIFilter {
	return &dataURIFilter{in: bufio.NewReaderSize(r, 32<<10)}
}

func (f *dataURIFilter) Read(p []byte) (int, error) {
	for f.out.Len() == 0 && f.err == nil {
		f.err = f.step()
	}
	if f.out.Len() > 0 {
		return f.out.Read(p)
	}
	return 0, f.err
}

// step passes the text up to the end of its next string on.
func (f *dataURIFilter) step() error {
	text, err := f.in.ReadSlice('"')
	f.out.Write(text)
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil
	} else if err != nil {
		return err
	}
	start, err := f.in.Peek(maxHead)
	head, _, ok := bytes.Cut(start, []byte(","))
	if !ok || !bytes.HasPrefix(head, []byte("data:")) || bytes.ContainsAny(head, `"\`) {
		if len(start) == 0 {
			return err
		}
		return f.copyString()
	}
	if _, err := f.in.Discard(len(head) + 1); err != nil {
		return err
	}
	m := Material{ContentType: contentTypeOf(string(head))}
	content := &stringReader{in: f.in}
	if err := m.take(decodeData(string(head), content)); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	fmt.Fprintf(&f.out, `%s%d"`, inlinePrefix, len(f.found))
	f.found = append(f.found, m)
	return nil
}

// copyString passes the rest of a string on, with its closing quote.
func (f *dataURIFilter) copyString() error {
	for {
		c, err := f.in.ReadByte()
		if err != nil {
			return err
		}
		f.out.WriteByte(c)
		switch c {
		case '"':
			return nil
		case '\\':
			if c, err = f.in.ReadByte(); err != nil {
				return err
			}
			f.out.WriteByte(c)
		}
		if f.out.Len() > maxText {
			return errors.New("request entity too large")
		}
	}
}

// stringReader reads the rest of a JSON string, takes its closing quote and
// drops the backslashes (base64 has none but in the escaped slash).
type stringReader struct {
	in   *bufio.Reader
	done bool
}

func (s *stringReader) Read(p []byte) (int, error) {
	for !s.done && len(p) > 0 {
		if _, err := s.in.Peek(1); errors.Is(err, io.EOF) {
			return 0, io.ErrUnexpectedEOF
		} else if err != nil {
			return 0, err
		}
		ahead, _ := s.in.Peek(min(s.in.Buffered(), len(p)))
		end := bytes.IndexAny(ahead, `"\`)
		if end < 0 {
			n := copy(p, ahead)
			return s.in.Discard(n)
		}
		n := copy(p, ahead[:end])
		s.done = ahead[end] == '"'
		if _, err := s.in.Discard(end + 1); err != nil || n > 0 {
			return n, err
		}
	}
	if s.done {
		return 0, io.EOF
	}
	return 0, nil
}

// contentTypeOf returns the type in the beginning of a data URI.
func contentTypeOf(head string) string {
	contentType, _, _ := strings.Cut(strings.TrimPrefix(head, "data:"), ";")
	return contentType
}

func decodeData(head string, r io.Reader) io.Reader {
	if strings.HasSuffix(head, ";base64") {
		return base64.NewDecoder(base64.StdEncoding, r)
	}
	return &percentReader{bufio.NewReader(r)}
}

// percentReader decodes %41.
type percentReader struct{ in *bufio.Reader }

func (p *percentReader) Read(b []byte) (int, error) {
	n := 0
	for ; n < len(b); n++ {
		c, err := p.in.ReadByte()
		if err != nil {
			return n, err
		}
		if c == '%' {
			if digits, err := p.in.Peek(2); err == nil {
				if text, err := url.PathUnescape("%" + string(digits)); err == nil {
					c = text[0]
					p.in.Discard(2) // just peeked at
				}
			}
		}
		b[n] = c
	}
	return n, nil
}

// cleanJSON does what the originals do before they parse.
func cleanJSON(text []byte) []byte {
	clean := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\ufeff", "").Replace(string(text))
	clean = strings.Map(func(r rune) rune {
		if r == '\u00a0' || r >= '\u2000' && r <= '\u200b' {
			return ' '
		}
		return r
	}, clean)
	return []byte(strings.TrimSpace(clean))
}

var (
	trailingComma = regexp.MustCompile(`,\s*([}\]])`)
	bareKey       = regexp.MustCompile(`([{,]\s*)([A-Za-z_$][A-Za-z0-9_$]*)\s*:`)
)

// repairJSON mends what iptag mends: single quotes, bare keys, trailing commas.
func repairJSON(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("'"), []byte(`"`))
	text = bareKey.ReplaceAll(text, []byte(`$1"$2":`))
	return trailingComma.ReplaceAll(text, []byte("$1"))
}

// jsonMessage words a syntax error as Node's parser does.
func jsonMessage(err error, text []byte) string {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok || syntax.Offset < 1 || int(syntax.Offset) > len(text) || strings.HasPrefix(syntax.Error(), "unexpected end") {
		return "Unexpected end of JSON input"
	}
	c, _ := utf8.DecodeRune(text[syntax.Offset-1:])
	if len(text) > 40 {
		return fmt.Sprintf("Unexpected token '%c' in JSON at position %d", c, syntax.Offset-1)
	}
	return fmt.Sprintf("Unexpected token '%c', \"%s\" is not valid JSON", c, text)
}
