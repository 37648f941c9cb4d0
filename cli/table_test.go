package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	t.Parallel()
	table := newTable("ID", "LABEL", "STATE", "REASON")
	table.row("1", "账号一号", "ready", "")
	table.row("22", "ana", "", "低头思故乡")
	table.row("3", "e\u0301te\u0301", "\x1b[31mdead", "two\nlines\u202e")
	table.row("", "", "", "")
	var got strings.Builder
	if err := table.write(&got); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"ID  LABEL     STATE      REASON",
		"1   账号一号  ready",
		"22  ana                  低头思故乡",
		"3   e\u0301te\u0301       " + " [31mdead  two lines",
		"", "",
	}, "\n")
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"a boat", "a boat"},
		{" a\n\tboat ", "a  boat"},
		{"a paper boat", "a paper b…"},
		{"一只纸船在池塘上", "一只纸船…"},
		{"\xff!", "\uFFFD!"},
	} {
		if got := shorten(test.text, 10); got != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

func TestWhen(t *testing.T) {
	t.Parallel()
	now := time.Now()
	past := time.Date(2020, 1, 2, 3, 4, 5, 0, time.Local)
	for _, test := range []struct {
		at   *time.Time
		want string
	}{
		{nil, "-"},
		{new(now.UTC()), now.Format(time.TimeOnly)},
		{new(past.UTC()), "2020-01-02 03:04"},
	} {
		if got := when(test.at); got != test.want {
			t.Errorf("%v: %s, want %s", test.at, got, test.want)
		}
	}
}
