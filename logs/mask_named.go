package logs

import "strings"

// ShortestKnown is how many characters a secret must have to be looked for by
// itself: shorter ones would be found in any text.
const ShortestKnown = 8

// named masks what a word gives the name of a secret to, as in token=…, "token":
// "…", Authorization: Bearer … or --password …, and returns where that ends; to if
// the word is no such name.
func (f *finder) named(from, to int) int {
	word := f.text[from:to]
	if isScheme(word) {
		if end := f.credentials(word, to); end > to {
			return end
		}
	}
	value, ok := separator(f.text, to, true)
	if !ok && strings.HasPrefix(word, "--") && f.text[to] == ' ' {
		value, ok = to+1, true
	}
	if !ok || value >= len(f.text) {
		return to
	}
	switch kindOf(word) {
	case headerName:
		return f.header(word, value)
	case secretName:
		return f.value(value)
	}
	return to
}

// separator finds what is between a name and its value, and where the value
// begins: = or :, perhaps escaped, with quotes and spaces around it. The pair
// {"name":"sessionid","value":"…"} is one, too.
func separator(text string, i int, pair bool) (value int, ok bool) {
	for i < len(text) && text[i] == '\\' {
		i++
	}
	quoted := i < len(text) && isQuote(text[i])
	if quoted {
		i++
	}
	i = spaces(text, i)
	if i >= len(text) {
		return 0, false
	}
	switch rest := text[i:]; {
	case rest[0] == '=' || rest[0] == ':':
		for i < len(text) && (text[i] == '=' || text[i] == ':' || text[i] == '>') {
			i++
		}
	case len(rest) > 3 && (strings.EqualFold(rest[:3], "%3d") || strings.EqualFold(rest[:3], "%3a")):
		i += 3
	case pair && quoted && rest[0] == ',':
		const behind = 40 // quotes, spaces and the word in between
		near := rest[:min(len(rest), behind)]
		at := strings.Index(near, "value")
		if at < 0 || strings.Trim(near[:at], ", \"'\\`") != "" {
			return 0, false
		}
		return separator(text, i+at+len("value"), false)
	default:
		return 0, false
	}
	return spaces(text, i), true
}

func spaces(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return i
}

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

type nameKind int

const (
	harmless   nameKind = iota
	secretName          // of one value
	headerName          // of the rest of the line, or of a quoted text
)

// secretNames are parts of the names of secrets, in lower case without - and _.
var secretNames = []string{
	"token", "secret", "password", "passwd", "passphrase", "sessionid", "sidtt", "sidguard", "uidtt", "siducp", "ssiducp",
	"apikey", "accesskey", "privatekey", "signature", "credential", "oauth", "webid", "mstoken",
}

// secretWords are such names only as a whole.
var secretWords = []string{"sig", "sign", "sid", "pwd", "pass", "auth", "abogus", "xbogus"}

// kindOf tells what the value of a name is.
func kindOf(name string) nameKind {
	if len(name) < 3 || len(name) > 64 {
		return harmless
	}
	var buffer [64]byte
	n := 0
	for _, c := range []byte(name) {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != '_' && c != '-' {
			buffer[n] = c
			n++
		}
	}
	plain := string(buffer[:n])
	if strings.HasSuffix(plain, "authorization") || strings.HasSuffix(plain, "cookie") || strings.HasSuffix(plain, "cookies") {
		return headerName
	}
	for _, word := range secretWords {
		if plain == word {
			return secretName
		}
	}
	if plain == "maxtokens" || plain == "totaltokens" || plain == "tokenizer" { // what models count and use
		return harmless
	}
	for _, part := range secretNames {
		if strings.Contains(plain, part) {
			return secretName
		}
	}
	return harmless
}

// value masks the value that begins at i.
func (f *finder) value(i int) int {
	if f.text[i] == '{' { // what is in there has names of its own
		return i
	}
	end := f.quoted(i)
	if end < 0 {
		end = unquoted(f.text, i)
		if !isSecret(f.text[i:end]) {
			return i
		}
	}
	return f.masked(i, end)
}

// masked masks what a quoted or a plain value holds, without the quotes.
func (f *finder) masked(from, to int) int {
	for from < to && (f.text[from] == '\\' || isQuote(f.text[from])) {
		from++
	}
	if from < to {
		f.mask(from, to)
	}
	return to
}

// isSecret reports whether a value can be one: the gateway's own ids of sessions,
// and words that stand for nothing, are none.
func isSecret(value string) bool {
	switch strings.ToLower(value) {
	case "", "null", "nil", "true", "false", "undefined", "none",
		"ok", "login", "expired", "invalid", "missing", "required", "error", "failed": // as in "token: login error"
		return false
	}
	return len(value) != 30 || !strings.HasPrefix(value, "ses_")
}

// quoted is the end of what the quotes at i hold, or of a list in brackets, -1 if
// there are none. Quotes inside have more backslashes before them than those around.
func (f *finder) quoted(i int) int {
	text, depth := f.text, 0
	for i < len(text) && text[i] == '\\' {
		i++
		depth++
	}
	if i < len(text) && text[i] == '[' {
		if end := strings.IndexByte(text[i:], ']'); end >= 0 {
			return i + end + 1
		}
		return len(text)
	}
	if i >= len(text) || !isQuote(text[i]) {
		return -1
	}
	quote := text[i]
	slashes := 0
	for i++; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			slashes++
			continue
		case text[i] == quote && slashes <= depth:
			return i - slashes
		}
		slashes = 0
	}
	return len(text)
}

// unquoted is the end of a value without quotes.
func unquoted(text string, i int) int {
	end := i
	for end < len(text) && text[end] > ' ' && text[end] != '&' && text[end] != ';' && !isQuote(text[end]) {
		end++
	}
	for end > i && strings.IndexByte(")]},.:\\", text[end-1]) >= 0 {
		end--
	}
	return end
}

// header masks the value of a header with more than one word in it.
func (f *finder) header(name string, i int) int {
	if end := f.quoted(i); end >= 0 && f.text[i] != '[' || f.text[i] == '[' && strings.HasPrefix(f.text[i:], "[masked]") {
		return f.masked(i, end)
	}
	if cookie := name[len(name)-1]|0x20 != 'n'; !cookie {
		end := unquoted(f.text, i)
		if isScheme(f.text[i:end]) {
			i = spaces(f.text, end)
			if i == len(f.text) {
				return i
			}
			return f.masked(i, unquoted(f.text, i))
		}
		if next := spaces(f.text, end); next == len(f.text) || next == end {
			return f.value(i)
		}
	}
	end := i
	for end < len(f.text) && !isQuote(f.text[end]) {
		end++
	}
	if f.text[i] == '[' || f.text[i] == '{' { // a list with quotes inside
		end = len(f.text)
	}
	return f.masked(i, end)
}

func isScheme(word string) bool {
	return strings.EqualFold(word, "bearer") || strings.EqualFold(word, "basic")
}

// credentials masks what comes after the name of a scheme. In prose, such as
// "basic checks", nothing looks like a credential.
func (f *finder) credentials(scheme string, to int) int {
	i := to
	for i < len(f.text) && (f.text[i] == ' ' || f.text[i] == '\t' || f.text[i] == '+') {
		i++
	}
	if i == to {
		if i >= len(f.text) || !escaped(f.text, i) || f.text[i:i+3] != "%20" {
			return to
		}
		i += 3
	}
	end := unquoted(f.text, i)
	prose := true
	for _, c := range []byte(f.text[i:end]) {
		prose = prose && c >= 'a' && c <= 'z'
	}
	if end-i < 6 || prose && strings.EqualFold(scheme, "basic") {
		return to
	}
	f.mask(i, end)
	return end
}
