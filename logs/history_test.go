package logs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{}, "burst,60000", "out,last", "wait")
	d := follow(t, e.host, name)
	r := read(t, d, name)
	r.text("last")
	log, _ := d.Log(name)
	kept, _ := log.Kept()
	oldest := kept[0]
	number := func(l logs.Line) (n int) {
		if _, err := fmt.Sscanf(l.Text, "line %d of", &n); err != nil {
			t.Errorf("unexpected: %q", l.Text)
		}
		return n
	}

	// What stands before the ring, newest first wanted, in order.
	lines, more, err := d.History(t.Context(), name, time.Time{}, oldest.Time, 500)
	if err != nil || len(lines) != 500 || !more {
		t.Fatalf("%d lines, %v, %v", len(lines), more, err)
	}
	first := number(lines[0])
	for i, line := range lines {
		if number(line) != first+i || !line.Time.Before(oldest.Time) || i > 0 && !lines[i-1].ID.Before(line.ID) {
			t.Fatalf("line %d is %+v", i, line)
		}
	}
	if last := number(lines[499]); last != number(oldest)-1 && !lines[499].Time.Equal(oldest.Time) {
		t.Errorf("the newest is line %d, the ring begins with %d", last, number(oldest))
	}

	// To the very beginning of the log.
	for more && err == nil {
		lines, more, err = d.History(t.Context(), name, time.Time{}, lines[0].Time, 10_000)
	}
	if err != nil || len(lines) == 0 || number(lines[0]) != 0 {
		t.Errorf("%d lines, %v, %v", len(lines), more, err)
	}

	// A span in the middle, and spans with nothing in them.
	from, to := lines[10].Time, lines[20].Time
	lines, more, err = d.History(t.Context(), name, from, to, 100)
	if err != nil || more || len(lines) < 8 || lines[0].Time.Before(from) || !lines[len(lines)-1].Time.Before(to) {
		t.Errorf("%d lines, %v, %v", len(lines), more, err)
	}
	for _, span := range [][2]time.Time{{to, from}, {time.Now().Add(time.Hour), {}}, {{}, time.Now().Add(-time.Hour)}} {
		if lines, more, err := d.History(t.Context(), name, span[0], span[1], 10); err != nil || len(lines) != 0 || more {
			t.Errorf("%v: %d lines, %v, %v", span, len(lines), more, err)
		}
	}
	if _, _, err := d.History(t.Context(), "other", from, to, 10); !errors.Is(err, logs.ErrNoContainer) {
		t.Error(err)
	}

	// Many at once wait for each other and end with their context.
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { _, _, _ = d.History(ctx, name, time.Time{}, lastOf(kept).Time, 1) })
	}
	wg.Wait()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func lastOf(lines []logs.Line) logs.Line { return lines[len(lines)-1] }

func TestHistoryOfTerminal(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{tty: true}, "out,first", "long,a,20000", "out,last", "wait")
	d := follow(t, e.host, name)
	read(t, d, name).text("last")
	lines, more, err := d.History(t.Context(), name, time.Time{}, time.Time{}, 10)
	if err != nil || more || len(lines) != 3 || lines[1].Text != strings.Repeat("a", 20000) {
		t.Errorf("%d lines, %v, %v", len(lines), more, err)
	}
}
