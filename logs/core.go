package logs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.uber.org/zap/zapcore"
)

// core writes what a logger logs into a [Log].
type core struct {
	zapcore.LevelEnabler
	log    *Log
	masker *Masker
	fields []zapcore.Field
}

// NewCore makes a core that writes its entries into the log, one line each: the
// logger's name, the message, and the fields. The fields task and session join the
// line to these.
func NewCore(log *Log, masker *Masker, levels zapcore.LevelEnabler) zapcore.Core {
	return &core{LevelEnabler: levels, log: log, masker: masker}
}

func (c *core) With(fields []zapcore.Field) zapcore.Core {
	with := *c
	with.fields = append(slices.Clip(c.fields), fields...)
	return &with
}

func (c *core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// coreText is the longest text of a line, in bytes.
const coreText = 16 << 10

func (c *core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	line := Line{Time: entry.Time, Stream: Stderr, Level: levelOfEntry(entry.Level)}
	var b strings.Builder
	var found string // the session whose secret was there
	if entry.LoggerName != "" {
		b.WriteString(entry.LoggerName + "  ")
	}
	mask := func(text string) string {
		clean, session := c.masker.Mask(text)
		found = cmp.Or(found, session)
		return clean
	}
	b.WriteString(mask(entry.Message))
	separator := "  "
	for _, list := range [][]zapcore.Field{c.fields, fields} {
		for _, f := range list {
			switch {
			case f.Type == zapcore.SkipType || f.Type == zapcore.NamespaceType:
				continue
			case f.Key == "task" && f.Type == zapcore.StringType:
				line.Task = f.String
			case f.Key == "session" && f.Type == zapcore.StringType:
				line.Session = f.String
			}
			b.WriteString(separator + f.Key + "=" + fieldText(f, mask))
			separator = " "
		}
	}
	// What a name stands before shows only in the whole. It is cut when it is clean:
	// nobody would know a secret by its first half.
	text := mask(oneLine(strings.ToValidUTF8(b.String(), "�")))
	if len(text) > coreText {
		cut := strings.ToValidUTF8(text[:coreText], "")
		line.Cut, text = len(text)-len(cut), cut
	}
	line.Session = cmp.Or(line.Session, found)
	line.Text = text
	c.log.Append([]Line{line})
	return nil
}

func (c *core) Sync() error { return nil }

// oneLine lets no text of others make up lines.
func oneLine(text string) string {
	if !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

func levelOfEntry(level zapcore.Level) Level {
	switch {
	case level < zapcore.InfoLevel:
		return Debug
	case level == zapcore.InfoLevel:
		return Info
	case level == zapcore.WarnLevel:
		return Warn
	}
	return Error
}

// fieldText is the value of a field as people read it, in quotes if it has spaces.
// It is masked before it is quoted, which would hide where its words begin.
func fieldText(f zapcore.Field, mask func(string) string) string {
	var text string
	switch f.Type {
	case zapcore.StringType:
		text = f.String
	case zapcore.ErrorType:
		text = f.Interface.(error).Error()
	default:
		fields := zapcore.NewMapObjectEncoder()
		f.AddTo(fields)
		switch value := fields.Fields[f.Key].(type) {
		case time.Time:
			text = value.UTC().Format(time.RFC3339Nano)
		case []byte:
			text = string(value)
		default:
			text = fmt.Sprint(value)
		}
	}
	text = mask(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '"' || unicode.IsControl(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// Interface guard
var _ zapcore.Core = (*core)(nil)
