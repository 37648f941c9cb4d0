package logs

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\r\n":                            "plain",
		"a\tb":                                 "a\tb",
		"\x1b[1;31mred\x1b[0m":                 "\x1b[1;31mred\x1b[0m",
		"\x1b[38:2::1:2:3mfine\x1b[m":          "\x1b[38:2::1:2:3mfine\x1b[m",
		"\x1b[2J\x1b[1;1Hgone":                 "gone",
		"\x1b[?25lhidden\x1b[?1m":              "hidden",
		"\x1b]0;title\aafter":                  "after",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\a": "link",
		"\x1b]0;no end":                        "0;no end",
		"\x1bPdevice\x1b\\x":                   "x",
		"\x1b(Bset \x1b7saved\x1b=":            "set saved",
		"half\x1b":                             "half",
		"half\x1b[3":                           "half",
		"50%\r100%":                            "50%␍100%",
		"\x00\x07\b\x7f":                       "␀␇␈␡",
		"错误\xff":                               "错误\ufffd",
		"\u009b31mc1\u2028":                    "\ufffd31mc1\ufffd",
	} {
		if got := clean([]byte(in)); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"short", 10, "short"},
		{"a word secret1234", 12, "a word"},
		{strings.Repeat("错", 10), 10, strings.Repeat("错", 3)},
		{"x " + strings.Repeat("y", 2000), 1500, "x "}, {`{"a":"secret1234"}`, 12, `{"a":"`},
	} {
		if got := shorten(c.text, c.most); got != c.want {
			t.Errorf("%q at %d became %q", c.text, c.most, got)
		}
	}
}

func FuzzMakeLine(f *testing.F) {
	f.Add([]byte("\x1b[31m[error] \xe9\x94\x99\x1b]0;x\a\x00\r\n"), 3)
	f.Add([]byte(strings.Repeat("\x01", 40000)), 0)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		if len(text) > lineMost {
			text = text[:lineMost]
		}
		line := makeLine(raw{text: text, cut: max(0, cut%100), at: noon, stream: Stdout}, func(s string) (string, string) { return s, "" })
		if !utf8.ValidString(line.Text) || len(line.Text) > lineMost || line.Cut < 0 {
			t.Fatalf("%d bytes, %d cut, valid: %v", len(line.Text), line.Cut, utf8.ValidString(line.Text))
		}
		without := colours.ReplaceAllString(line.Text, "")
		if i := strings.IndexFunc(without, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 }); i >= 0 {
			t.Fatalf("%q has a control character", line.Text)
		}
		if again := clean([]byte(line.Text)); again != line.Text {
			t.Fatalf("%q is not clean: %q", line.Text, again)
		}
	})
}

func TestGuessLevel(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Level{
		`{"level":"error","msg":"info"}`:                        Error,
		`{"time":1,"level":30,"msg":"x"}`:                       Info,
		`ts=1 level=warn msg="x"`:                               Warn,
		`time="2026-01-01" lvl=dbug msg="INFO"`:                 Debug,
		`[2026-11-23 10:00:00.123][info][src/lib/server.ts] ok`: Info,
		`[2026-11-23][error] 请求失败`:                              Error,
		"\x1b[32m[success]\x1b[39m done":                        Info,
		"\x1b[31merror\x1b[39m: winston":                        Error,
		`info: listening`:                                       Info,
		`WARN  cannot reach`:                                    Warn,
		`2026-11-23 10:00:00 ERROR failed`:                      Error,
		`2026/11/23 10:00:00 | DEBUG | x`:                       Debug,
		`TypeError: x is not a function`:                        Error,
		`Traceback (most recent call last):`:                    Error,
		`panic: runtime error`:                                  Error,
		`生成失败: 积分不足`:                                            Error,
		`警告: 会话即将过期`:                                            Warn,
		`    at Object.<anonymous> (/app/index.js:1:1)`:         "",
		`information about errors`:                              "",
		`GET /v1/videos 200 15ms`:                               "",
		strings.Repeat("x", 2000) + " ERROR":                    "",
		``:                                                      "",
	} {
		if got := guessLevel(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func BenchmarkMakeLine(b *testing.B) {
	text := []byte("[2026-11-23 10:00:00.123][info][src/api/controllers/videos.ts] video task 7339812345 is running, 3 of 10, poll again in 5 s")
	plain := []byte("a line without any level that a program writes again and again, with 12 numbers and some words in it")
	mask := NewMasker(nil).Mask
	for b.Loop() {
		_ = makeLine(raw{text: text, at: noon, stream: Stdout}, mask)
		_ = makeLine(raw{text: plain, at: noon, stream: Stdout}, mask)
	}
}
