package logs

import (
	"regexp"
	"strings"
)

const (
	levelSearch = 512 // bytes of a line that are searched for its level: programs put it first
	loudSearch  = 120 // bytes in which a level in capitals counts without more about it
)

var (
	// levelException is how traces of JavaScript, Python and Go begin.
	levelException = regexp.MustCompile(`^\s*(?:Uncaught\s+)?(?:[A-Z]\w*)?(?:Error|Exception)(?::|\s*\[)|^Traceback \(most recent|^panic: |^fatal error: `)
	colours        = regexp.MustCompile("\x1b\\[[0-9;:]*m")
)

// chineseLevels stand anywhere in a line; the graver ones first.
var chineseLevels = []struct {
	word  string
	level Level
}{
	{"错误", Error}, {"失败", Error}, {"异常", Error}, {"致命", Error}, {"警告", Warn}, {"告警", Warn}, {"调试", Debug},
}

// guessLevel tells how grave a line is from the forms that programs commonly use;
// a line on stderr is not an error for that alone. In this order: a field that says
// that it is the level (JSON, logfmt), a level that stands apart ([info], <warn>,
// info: at the beginning), one in capitals, an exception, and Chinese words. It goes
// over the words once, because every line of every container passes here.
func guessLevel(text string) Level {
	if len(text) > levelSearch {
		text = text[:levelSearch]
	}
	if strings.IndexByte(text, 0x1b) >= 0 {
		text = colours.ReplaceAllString(text, "")
	}
	var mark, loud Level
	first := true
	for i := 0; i < len(text); {
		if !wordByte(text[i]) {
			i++
			continue
		}
		start := i
		for i < len(text) && wordByte(text[i]) {
			i++
		}
		word := text[start:i]
		if levelKey(word) {
			if level := levelOf(fieldValue(text[i:])); level != "" {
				return level
			}
		} else if level := levelOf(word); level != "" && word[0] > '9' {
			if mark == "" && (apart(text[:start], text[i:]) || first && introduces(text[i:])) {
				mark = level
			}
			if loud == "" && start < loudSearch && word == strings.ToUpper(word) {
				loud = level
			}
		}
		first = false
	}
	switch {
	case mark != "":
		return mark
	case loud != "":
		return loud
	case exception(text):
		return Error
	}
	for _, c := range chineseLevels {
		if strings.Contains(text, c.word) {
			return c.level
		}
	}
	return ""
}

// exception looks before it asks the expression, which is slow.
func exception(text string) bool {
	for _, word := range []string{"Error", "Exception", "Traceback", "panic: ", "fatal error: "} {
		if strings.Contains(text, word) {
			return levelException.MatchString(text)
		}
	}
	return false
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// fieldValue is the word behind a key: level=warn, "level": "warn".
func fieldValue(rest string) string {
	rest = strings.TrimLeft(rest, `"' `)
	if rest == "" || rest[0] != ':' && rest[0] != '=' {
		return ""
	}
	rest = strings.TrimLeft(rest[1:], `"' `)
	end := 0
	for end < len(rest) && wordByte(rest[end]) {
		end++
	}
	return rest[:end]
}

// apart reports whether a word stands in brackets or between bars.
func apart(before, after string) bool {
	before, after = strings.TrimRight(before, " "), strings.TrimLeft(after, " ")
	return before != "" && after != "" && strings.IndexByte("[<|(", before[len(before)-1]) >= 0 && strings.IndexByte("]>|)", after[0]) >= 0
}

// introduces reports whether the first word of a line is followed by what sets it
// off from the rest.
func introduces(after string) bool {
	return strings.HasPrefix(after, ":") || strings.HasPrefix(after, "  ") || strings.HasPrefix(strings.TrimLeft(after, " "), "|") || strings.HasPrefix(after, " -")
}

func levelKey(word string) bool {
	var b [16]byte
	switch string(lower(&b, word)) {
	case "level", "lvl", "severity", "loglevel", "log_level":
		return true
	}
	return false
}

func levelOf(word string) Level {
	var b [16]byte
	switch string(lower(&b, word)) {
	case "trace", "verbose", "debug", "dbg", "dbug", "silly", "10", "20": // numbers are bunyan's and pino's
		return Debug
	case "info", "inf", "notice", "success", "30":
		return Info
	case "warn", "warning", "wrn", "40":
		return Warn
	case "error", "err", "fatal", "critical", "crit", "panic", "emerg", "alert", "50", "60":
		return Error
	}
	return ""
}

// lower is a short word in small letters, without memory of its own; of a long one
// nothing.
func lower(b *[16]byte, word string) []byte {
	if len(word) > len(b) {
		return nil
	}
	for i := range len(word) {
		b[i] = word[i]
		if word[i] >= 'A' && word[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return b[:len(word)]
}
