package logs_test

import (
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

func TestFollowBothStreams(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{}, "out,hello", "err,[warn] oh", "print,half", "wait")
	r := read(t, follow(t, e.host, name), name)
	r.text("oh") // the order of two streams is not sure
	lines := r.lines
	if len(lines) < 2 {
		lines = r.text("hello")
	}
	if len(lines) != 2 {
		t.Fatalf("%d lines came: %v", len(lines), lines)
	}
	for _, line := range lines {
		switch {
		case line.Text == "hello" && line.Stream == logs.Stdout && line.Level == "":
		case line.Text == "[warn] oh" && line.Stream == logs.Stderr && line.Level == logs.Warn:
		default:
			t.Errorf("unexpected: %+v", line)
		}
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
	if err := e.ContainerRestart(t.Context(), id, container.StopOptions{Timeout: &none}); err != nil {
		t.Fatal(err)
	}
	r.text("container restarted")
	r.text("line 700")
}
