package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The table of events in docs/logging.md has the levels and words that the code has.
func TestTheTableOfEvents(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, dir := range []string{"queue", "pool", "store", "api", "auth", "health"} {
		files, err := filepath.Glob("../" + dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(text)
		}
	}
	page, err := os.ReadFile("../docs/logging.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| (debug|info|warn|error) \\| `([^`]+)`").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 20 {
		t.Fatalf("only %d events", len(rows))
	}
	documented := map[string]bool{}
	for _, row := range rows {
		documented[row[2]] = true
		level := strings.ToUpper(row[1][:1]) + row[1][1:]
		call := `(\.` + level + `\(|` + level + `Level, (Time: time\.Now\(\), LoggerName: like\.LoggerName, Message: )?)"` + regexp.QuoteMeta(row[2]) + `"`
		if !regexp.MustCompile(call).MatchString(code.String()) {
			t.Errorf("nothing logs %q at %s", row[2], row[1])
		}
	}
	for _, call := range regexp.MustCompile(`\.(?:Info|Warn)\("((?:task|attempt|session) [^"]+)"`).FindAllStringSubmatch(code.String(), -1) {
		if !documented[call[1]] {
			t.Errorf("docs/logging.md does not have %q", call[1])
		}
	}
}
