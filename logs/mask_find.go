package logs

import "strings"

// secretSpan is a secret in a text and what to write instead.
type secretSpan struct {
	from, to int
	instead  string
}

// finder goes through a text once, from word to word, and notes the secrets.
type finder struct {
	known   Known
	text    string
	found   []secretSpan // in order, none over another
	session string       // of the first known secret
}

// isWord reports whether c can be in a word: what session ids, keys, tokens and
// their names are made of.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// escaped reports whether a %XX stands at i; it parts words like the character that
// it stands for.
func escaped(text string, i int) bool {
	return text[i] == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2])
}

// escapeAt is the length of the escape at i, 0 for none: %XX, %25XX, \n and the like,
// \uXXXX. Its letters belong to no word.
func escapeAt(text string, i int) int {
	switch {
	case escaped(text, i):
		if text[i+1] == '2' && text[i+2] == '5' && i+4 < len(text) && isHex(text[i+3]) && isHex(text[i+4]) {
			return 5
		}
		return 3
	case text[i] != '\\' || i+1 >= len(text):
		return 0
	case strings.IndexByte("nrtbfv", text[i+1]) >= 0:
		return 2
	case text[i+1] == 'u' && i+5 < len(text) && isHex(text[i+2]) && isHex(text[i+3]) && isHex(text[i+4]) && isHex(text[i+5]):
		return 6
	}
	return 0
}

// nextWord is where the first word at i or behind it begins and ends.
func nextWord(text string, i int) (from, to int) {
	for i < len(text) && !isWord(text[i]) {
		i += max(1, escapeAt(text, i))
	}
	i = min(i, len(text))
	to = i
	for to < len(text) && isWord(text[to]) {
		to++
	}
	return i, to
}

func (f *finder) run() {
	text := f.text
	for i := 0; i < len(text); {
		if c := text[i]; !isWord(c) {
			switch {
			case c == ':' && strings.HasPrefix(text[i:], "://"):
				i = f.address(i + 3)
			default:
				i += max(1, escapeAt(text, i))
			}
			continue
		}
		_, end := nextWord(text, i)
		i = f.word(i, end)
	}
}

// word looks at the word and at what follows it, and returns where to go on.
func (f *finder) word(from, to int) int {
	text := f.text
	word := text[from:to]
	if f.isKnown(from, to) {
		return to
	}
	if to < len(text) {
		if end := f.named(from, to); end > to {
			return end
		}
		if end := f.jwt(from, to); end > to {
			return end
		}
	}
	if len(word) < 16 {
		return to
	}
	if at := accessKey(word); at >= 0 {
		f.mask(from+at, to)
		return to
	}
	f.hex(from, to)
	return to
}

// isKnown masks the word if it is a secret of the pool's.
func (f *finder) isKnown(from, to int) bool {
	id, name, ok := f.lookup(from, to)
	for tries := 0; !ok && tries < 4; tries++ { // a name may be joined to it, as in x_SECRET
		at := strings.IndexByte(f.text[from:to], '_')
		if at < 0 {
			return false
		}
		from += at + 1
		id, name, ok = f.lookup(from, to)
	}
	if ok {
		f.found = append(f.found, secretSpan{from, to, maskedSession + name + "]"})
		f.note(id)
	}
	return ok
}

func (f *finder) lookup(from, to int) (id, name string, ok bool) {
	if to-from < ShortestKnown {
		return "", "", false
	}
	return f.known(f.text[from:to])
}

func (f *finder) note(session string) {
	if f.session == "" {
		f.session = session
	}
}

// mask hides what is between; if it holds a known secret it is named after that.
func (f *finder) mask(from, to int) {
	if strings.HasPrefix(f.text[from:], masked) || strings.HasPrefix(f.text[from:], maskedSession) {
		return // the line comes by for the second time
	}
	instead := masked
	for i := from; i < to; {
		var end int
		i, end = nextWord(f.text[:to], i)
		if id, name, ok := f.lookup(i, end); ok {
			instead = maskedSession + name + "]"
			f.note(id)
			break
		}
		i = end
	}
	f.found = append(f.found, secretSpan{from, to, instead})
}

// hex masks what looks like the id of an account or a key: 32 hex digits and more.
func (f *finder) hex(from, to int) {
	for i := from; i < to; i++ {
		start := i
		for i < to && isHex(f.text[i]) {
			i++
		}
		if i-start >= 32 && !f.isKnown(start, i) {
			f.mask(start, i)
		}
	}
}

// jwt masks a signed token: three words with dots between, the first of which is a
// JSON object in base64.
func (f *finder) jwt(from, to int) int {
	text := f.text
	at := strings.Index(text[from:to], "eyJ")
	if at < 0 || text[to] != '.' {
		return to
	}
	end := to
	for end+1 < len(text) && text[end] == '.' && isWord(text[end+1]) {
		for end++; end < len(text) && isWord(text[end]); end++ {
		}
	}
	if end-to < 8 {
		return to
	}
	f.mask(from+at, end)
	return end
}

// accessKey is where a cloud's access key id begins in the word, -1 for nowhere.
func accessKey(word string) int {
	for _, prefix := range []string{"AKIA", "ASIA", "AKLT", "AKTP"} {
		if at := strings.Index(word, prefix); at >= 0 && len(word)-at >= 16 {
			return at
		}
	}
	return -1
}

// address masks the name and the password in an address, from behind its "://".
// What upstreams take as [PROXY@][REGION-]SESSIONID has one more @, with a secret on
// both sides.
func (f *finder) address(from int) int {
	end, last, ats := from, -1, 0
	for end < len(f.text) && !strings.ContainsRune("/?# \t\"'`<>|\\,", rune(f.text[end])) {
		if f.text[end] == '@' {
			last = end
			ats++
		}
		end++
	}
	switch {
	case ats == 1 && last > from:
		f.mask(from, last)
		return last
	case ats > 1:
		f.mask(from, end)
		return end
	}
	return from
}
