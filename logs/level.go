package logs

import (
	"regexp"
	"strings"
)

// levelSearch is how much of a line is searched for its level: programs put it first.
const levelSearch = 512

var (
	// levelField is a level that says that it is one: JSON, logfmt.
	levelField = regexp.MustCompile(`(?i)["']?\b(?:level|lvl|severity|loglevel|log_level)["']?\s*[:=]\s*["']?([a-z]+|[0-9]{2})\b`)
	// levelMark is a level that stands apart: [info], <warn>, info:, |ERROR|.
	levelMark = regexp.MustCompile(`(?i)[\[<|(]\s*(` + levelWords + `)\s*[\]>|)]|^\W*(` + levelWords + `)(?::|\s-|\s*\||\s{2,})`)
	// levelLoud is a level in capitals anywhere near the beginning.
	levelLoud    = regexp.MustCompile(`\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|FATAL|CRITICAL|PANIC)\b`)
	levelChinese = regexp.MustCompile(`错误|失败|异常|致命|警告|告警|调试`)
	// levelException is how traces of JavaScript, Python and Go begin.
	levelException = regexp.MustCompile(`^\s*(?:Uncaught\s+)?(?:[A-Z]\w*)?(?:Error|Exception)(?::|\s*\[)|^Traceback \(most recent|^panic: |^fatal error: `)
	colours        = regexp.MustCompile("\x1b\\[[0-9;:]*m")
)

const levelWords = `trace|verbose|debug|dbg|info|inf|notice|success|warn|warning|wrn|error|err|fatal|critical|crit|panic|emerg|alert`

// guessLevel tells how grave a line is from the forms that programs commonly use;
// a line on stderr is not an error for that alone.
func guessLevel(text string) Level {
	if len(text) > levelSearch {
		text = text[:levelSearch]
	}
	if strings.IndexByte(text, 0x1b) >= 0 {
		text = colours.ReplaceAllString(text, "")
	}
	if found := levelField.FindStringSubmatch(text); found != nil {
		if level := levelOf(found[1]); level != "" {
			return level
		}
	}
	if found := levelMark.FindStringSubmatch(text); found != nil {
		return levelOf(found[1] + found[2])
	}
	head := text
	if len(head) > 120 {
		head = head[:120]
	}
	if found := levelLoud.FindString(head); found != "" {
		return levelOf(found)
	}
	if levelException.MatchString(text) {
		return Error
	}
	switch levelChinese.FindString(text) {
	case "":
		return ""
	case "警告", "告警":
		return Warn
	case "调试":
		return Debug
	}
	return Error
}

func levelOf(word string) Level {
	switch strings.ToLower(word) {
	case "trace", "verbose", "debug", "dbg", "dbug", "silly", "10", "20": // numbers are bunyan's and pino's
		return Debug
	case "info", "inf", "notice", "success", "http", "30":
		return Info
	case "warn", "warning", "wrn", "40":
		return Warn
	case "error", "err", "fatal", "critical", "crit", "panic", "emerg", "alert", "50", "60":
		return Error
	}
	return ""
}
