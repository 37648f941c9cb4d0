package logs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/docker/docker/api/types/container"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

func TestFollowBothStreams(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{}, "out,hello", "err,[warn] oh", "print,half", "wait")
	r := read(t, follow(t, e.host, name), name)
	r.until("both lines", func(logs.Line) bool { return len(r.lines) == 2 })
	if len(r.lines) != 2 {
		t.Fatalf("%d lines came: %v", len(r.lines), r.lines)
	}
	for _, line := range r.lines {
		switch {
		case line.Text == "hello" && line.Stream == logs.Stdout && line.Level == "":
		case line.Text == "[warn] oh" && line.Stream == logs.Stderr && line.Level == logs.Warn:
		default:
			t.Errorf("unexpected: %+v", line)
		}
		if d := time.Since(line.Time); d < 0 || d > soon {
			t.Errorf("the line was written %s ago", d)
		}
	}
}

// What is too long for one of Docker's messages comes as one line, of a terminal
// and of pipes, and what was without its newline when the program ended as well.
func TestFollowLongLines(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	for name, tty := range map[string]bool{"pipes": false, "terminal": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			name := uniqueName()
			id := e.start(t, name, run{tty: tty}, "out,first", "long,a,20000", "long,b,32768", "long,c,40000", "long,d,10000000", "print,end")
			r := read(t, follow(t, e.host, name), name)
			r.text("container stopped (exit code 0)")
			if err := e.ContainerStart(t.Context(), id, container.StartOptions{}); err != nil {
				t.Fatal(err)
			}
			r.text("container restarted")
			lines := r.text("container stopped (exit code 0)")
			var want []logs.Line
			const kept = 32768 - 4096 // what was cut within a word goes with as much of it
			for range 2 {
				want = append(want, logs.Line{Text: "first"}, logs.Line{Text: strings.Repeat("a", 20000)}, logs.Line{Text: strings.Repeat("b", 32768)},
					logs.Line{Text: strings.Repeat("c", kept), Cut: 40000 - kept}, logs.Line{Text: strings.Repeat("d", kept), Cut: 10000000 - kept}, logs.Line{Text: "end"},
					logs.Line{Stream: logs.Marker, Text: "container stopped (exit code 0)"})
			}
			want = append(want[:7], append([]logs.Line{{Stream: logs.Marker, Text: "container restarted"}}, want[7:]...)...)
			if len(lines) != len(want) {
				for _, line := range lines {
					t.Logf("%s %s %.40q %d", line.Time, line.Stream, line.Text, len(line.Text))
				}
				t.Fatalf("%d lines came, want %d", len(lines), len(want))
			}
			for i, line := range lines {
				if want[i].Stream == "" {
					want[i].Stream = logs.Stdout
				}
				if line.Text != want[i].Text || line.Cut != want[i].Cut || line.Stream != want[i].Stream {
					t.Errorf("line %d is %.20q (%d bytes, %d cut, %s), want %.20q (%d bytes, %d cut)", i, line.Text, len(line.Text), line.Cut, line.Stream, want[i].Text, len(want[i].Text), want[i].Cut)
				}
			}
		})
	}
}

func TestFollowBinary(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{}, "binary", "out,\x1b[31mred\x1b[0m \x1b]0;title\a\x1b[2Jdone\r", "wait")
	lines := read(t, follow(t, e.host, name), name).text("done")
	for _, line := range lines {
		if !utf8.ValidString(line.Text) || strings.ContainsFunc(line.Text, func(r rune) bool { return r < ' ' && r != '\t' && r != 0x1b || r >= 0x7f && r < 0xa0 }) {
			t.Errorf("not clean: %q", line.Text)
		}
	}
	if last := lines[len(lines)-1].Text; last != "\x1b[31mred\x1b[0m done" {
		t.Errorf("%q", last)
	}
}

func TestFollowBurst(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	d := follow(t, e.host, name)
	r := read(t, d, name)
	r.text("There is no container") // so that all of it is followed
	const n = 100_000
	began := time.Now()
	e.start(t, name, run{}, fmt.Sprintf("burst,%d", n), "wait")
	r.text(fmt.Sprintf("line %d of a burst", n-1))
	t.Logf("%d lines in %s", n, time.Since(began))
	next := 0
	for _, line := range r.lines {
		if line.Stream == logs.Marker {
			continue
		}
		if !strings.HasPrefix(line.Text, fmt.Sprintf("line %d of", next)) || line.Level != logs.Info {
			t.Fatalf("%q came in place of line %d", line.Text, next)
		}
		next++
	}
	log, _ := d.Log(name)
	kept, _ := log.Kept()
	size := 0
	for _, line := range kept {
		size += len(line.Text) + 128
	}
	if size > 9<<20 || len(kept) < 20_000 {
		t.Errorf("%d lines are kept, %d bytes", len(kept), size)
	}
}

func TestFollowRestart(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	id := e.start(t, name, run{}, "count,1000")
	r := read(t, follow(t, e.host, name), name)
	r.text("line 500")
	none := 0
	for range 3 {
		if err := e.ContainerRestart(t.Context(), id, container.StopOptions{Timeout: &none}); err != nil {
			t.Fatal(err)
		}
		r.text("container restarted")
		r.text("line 700")
	}
	if runs := numbered(t, r.lines); runs != 4 {
		t.Errorf("lines of %d runs came", runs)
	}
}

// A log that Docker rotates while it is followed comes whole.
func TestFollowRotation(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{driver: "json-file", log: map[string]string{"max-size": "200k", "max-file": "3"}}, "count,1000")
	r := read(t, follow(t, e.host, name), name)
	r.text("line 9000")
	numbered(t, r.lines)
}

func TestFollowRecreated(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	old := e.start(t, name, run{}, "count,1000")
	r := read(t, follow(t, e.host, name), name)
	r.text("line 300")
	e.remove(t, old)
	fresh := e.start(t, name, run{}, "count,1000")
	r.text(fmt.Sprintf("container was re-created (%.12s → %.12s)", old, fresh))
	r.text("line 300")
	if runs := numbered(t, r.lines); runs != 2 {
		t.Errorf("lines of %d runs came", runs)
	}
}

// numbered checks that the lines of each run have all numbers from 0 on, each once,
// and returns how many runs there are.
func numbered(t *testing.T, lines []logs.Line) int {
	t.Helper()
	seen := map[int64]map[int]int{}
	for _, line := range lines {
		var run int64
		var n int
		if _, err := fmt.Sscanf(line.Text, "run %d line %d", &run, &n); err != nil {
			if line.Stream != logs.Marker || strings.Contains(line.Text, "missing") {
				t.Errorf("unexpected: %q", line.Text)
			}
			continue
		}
		if seen[run] == nil {
			seen[run] = map[int]int{}
		}
		seen[run][n]++
	}
	for run, numbers := range seen {
		missing := 0
		for i := range len(numbers) {
			switch numbers[i] {
			case 0:
				// The two streams of a run that was killed end apart.
				if missing++; i < len(numbers)-20 {
					t.Errorf("run %d: line %d is missing", run, i)
				}
			case 1:
			default:
				t.Errorf("run %d: line %d came %d times", run, i, numbers[i])
			}
		}
	}
	return len(seen)
}

func TestContainers(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	busy, failed, none := uniqueName(), uniqueName(), uniqueName()
	busyID := e.start(t, busy, run{}, "busy,60")
	e.start(t, failed, run{}, "exit,3")
	d := follow(t, e.host, busy, failed, none)
	var all []logs.Container
	eventually(t, "load", func() bool {
		all = d.Containers()
		return len(all) == 3 && len(all[0].Load) > 0 && all[1].ExitCode == 3
	})
	if c := all[0]; c.Name != busy || c.ID != busyID || !c.Running || c.State != "running" || time.Since(c.StartedAt) > time.Minute ||
		!strings.HasPrefix(c.Image, "jimeng-talker") || c.Load[0].CPU < 0.05 || c.Load[0].CPU > 2 || c.Load[0].Memory < 100<<10 || c.Reason != "" {
		t.Errorf("%+v", c)
	}
	if c := all[1]; c.Running || c.State != "exited" || time.Since(c.EndedAt) > time.Minute {
		t.Errorf("%+v", c)
	}
	if c := all[2]; c.State != "missing" || !strings.Contains(c.Reason, "Check JIMENG_CONTAINER") {
		t.Errorf("%+v", c)
	}
	if h := d.Health(); h.State != "degraded" || !strings.Contains(h.Reason, none) || h.Since.IsZero() {
		t.Errorf("%+v", h)
	}
	if err := d.Restart(t.Context(), busy); err != nil {
		t.Error(err)
	}
	eventually(t, "the restart", func() bool { return d.Containers()[0].StartedAt.After(all[0].StartedAt) })
	if err := d.Restart(t.Context(), "other"); !errors.Is(err, logs.ErrNoContainer) {
		t.Errorf("a container that is not configured: %v", err)
	}
}

// eventually asks until it is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(soon); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}
