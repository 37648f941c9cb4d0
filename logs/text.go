package logs

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// clean makes text of what a program has written: valid UTF-8 in one line, with
// colours, and without what would do something to a terminal or a page that shows
// it. Other control characters are shown as pictures of themselves.
func clean(raw []byte) string {
	raw = bytes.TrimRight(raw, "\r\n")
	if plain(raw) {
		return string(raw)
	}
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == 0x1b:
			n, colour := escape(raw[i:])
			if colour {
				b.Write(raw[i : i+n])
			}
			i += n
		case c == '\t' || c >= 0x20 && c < 0x7f:
			b.WriteByte(c)
			i++
		case c < 0x20:
			b.WriteRune('␀' + rune(c))
			i++
		case c == 0x7f:
			b.WriteRune('␡')
			i++
		default:
			r, n := utf8.DecodeRune(raw[i:])
			if r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' { // C1 controls; separators of lines
				r = utf8.RuneError
			}
			b.WriteRune(r)
			i += n
		}
	}
	return b.String()
}

func plain(raw []byte) bool {
	for _, c := range raw {
		if c < 0x20 && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}

// escape returns how long the escape sequence is that b begins with, and whether it
// sets colours and the like, which is the one kind that stays.
func escape(b []byte) (n int, colour bool) {
	if len(b) < 2 {
		return len(b), false
	}
	switch b[1] {
	case '[': // CSI: parameters, intermediates, a final byte
		n = 2
		for n < len(b) && b[n] >= 0x30 && b[n] <= 0x3f {
			n++
		}
		parameters := b[2:n]
		for n < len(b) && b[n] >= 0x20 && b[n] <= 0x2f {
			n++
		}
		if n == len(b) || b[n] < 0x40 || b[n] > 0x7e {
			return n, false // broken off
		}
		return n + 1, b[n] == 'm' && n == 2+len(parameters) && len(bytes.Trim(parameters, "0123456789;:")) == 0
	case ']', 'P', 'X', '^', '_': // OSC, DCS and other strings, up to BEL or ST
		end := bytes.IndexAny(b[2:], "\a\x1b")
		if end < 0 {
			return 2, false // without an end it would swallow the rest of the line
		}
		n = 2 + end + 1
		if b[n-1] == 0x1b {
			if n == len(b) || b[n] != '\\' {
				return n - 1, false
			}
			n++
		}
		return n, false
	}
	n = 1
	for n < len(b) && b[n] >= 0x20 && b[n] <= 0x2f {
		n++
	}
	if n < len(b) && b[n] >= 0x30 && b[n] <= 0x7e {
		n++
	}
	return n, false
}

// shorten cuts text to so many bytes, between two characters. What is cut in the
// middle may be a secret, which nobody would know by its first half: its word goes
// as a whole, if it is not too long.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return lastWord(text[:most])
}

// longWord is how long a word may be that is left out because it was cut.
const longWord = 512

func lastWord(text string) string {
	if at := strings.LastIndexAny(text, " \t"); at > len(text)-longWord && at > 0 {
		return text[:at]
	}
	const longest = 4 << 10
	end := len(text)
	for end > 0 && len(text)-end < longest && (isWord(text[end-1]) || strings.IndexByte("+/=%.", text[end-1]) >= 0) {
		end--
	}
	return text[:end]
}
