package cli

import (
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"
)

// cells measures text as a terminal does: a Chinese character takes two cells.
// Characters of ambiguous width take one, whatever the locale says, which is what
// terminals do.
var cells = &runewidth.Condition{StrictEmojiNeutral: true}

// table lines up texts in columns.
type table struct {
	rows   [][]string
	widths []int
}

func newTable(head ...string) *table {
	t := new(table)
	t.row(head...)
	return t
}

func (t *table) row(texts ...string) {
	row := make([]string, len(texts))
	for i, text := range texts {
		row[i] = clean(text)
		if i == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		t.widths[i] = max(t.widths[i], cells.StringWidth(row[i]))
	}
	t.rows = append(t.rows, row)
}

// write ends every line at its last text, so that nothing wraps for nothing.
func (t *table) write(w io.Writer) error {
	var b strings.Builder
	for _, row := range t.rows {
		gap := 0
		for i, text := range row {
			width := cells.StringWidth(text)
			if width > 0 {
				b.WriteString(strings.Repeat(" ", gap) + text)
				gap = 0
			}
			gap += t.widths[i] - width + 2
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// clean makes one line of a text and takes away whatever could command a
// terminal: prompts and labels are anybody's.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// promptWidth is how many cells of a prompt a list shows.
const promptWidth = 40

func shorten(text string, width int) string {
	return cells.Truncate(strings.TrimSpace(clean(text)), width, "…")
}

// none stands for what is not there.
const none = "-"

func or(text *string) string {
	if text == nil || *text == "" {
		return none
	}
	return *text
}

// limit is a number of which 0 means none.
func limit(n int) string {
	if n == 0 {
		return none
	}
	return strconv.Itoa(n)
}

// bytesOf is the size of a file for people.
func bytesOf(n int64) string { return humanize.Bytes(uint64(max(0, n))) }

// when is a moment in local time, short if it is today's.
func when(t *time.Time) string {
	if t == nil {
		return none
	}
	local, now := t.Local(), time.Now()
	if local.YearDay() == now.YearDay() && local.Year() == now.Year() {
		return local.Format(time.TimeOnly)
	}
	return local.Format("2006-01-02 15:04")
}

// span is a duration to the second.
func span(d time.Duration) string { return max(0, d.Round(time.Second)).String() }
