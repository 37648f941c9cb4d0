package cli

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// text is a terminal that remembers.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// life is what a task goes through, beginning now.
func life(t *testing.T) []*update {
	t.Helper()
	made := time.Now()
	var all []*update
	for _, fields := range []string{
		`"status":"queued"`,
		`"status":"submitting"`,
		`"status":"polling"`,
		`"status":"polling","queue_position":9,"queue_total":12,"queue_eta":"3m"`,
		`"status":"polling","queue_position":9,"queue_total":12,"queue_eta":"2m"`,
		`"status":"polling","queue_position":2,"queue_total":12`,
		`"status":"polling"`,
		`"status":"downloading"`,
		`"status":"succeeded","finished_at":"` + made.Add(84*time.Second).Format(time.RFC3339Nano) + `"`,
	} {
		u, err := readUpdate(json.RawMessage(`{"created_at":"` + made.Format(time.RFC3339Nano) + `",` + fields + `}`))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

func TestLines(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	p := newProgress(&got)
	for _, u := range life(t) {
		p.show(u)
		p.show(u)
	}
	p.close()
	without := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  `).ReplaceAllString(got.String(), "")
	want := "queued\nsubmitting\npolling\npolling, place 9 of 12\npolling, place 2 of 12\npolling\ndownloading\nsucceeded after 1m24s\n"
	if diff := cmp.Diff(want, without); diff != "" {
		t.Error(diff)
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got text
		b := newBar(&got, func() int { return 60 })
		for _, u := range life(t) {
			time.Sleep(1300 * time.Millisecond) // of the bubble; never when the bar ticks
			b.show(u)
		}
		b.close()
		var drawn []string
		for _, line := range strings.Split(strings.TrimSuffix(got.String(), "\n"), "\r\x1b[K")[1:] {
			if cells.StringWidth(line) > 59 {
				t.Errorf("too long for the terminal: %s", line)
			}
			if n := len(drawn); n == 0 || drawn[n-1] != line {
				drawn = append(drawn, line)
			}
		}
		want := []string{
			"░░░░░░░░░░░░░░░░░░░░░░░░  queued       1s",
			"░░░░░░░░░░░░░░░░░░░░░░░░  queued       2s",
			"██████░░░░░░░░░░░░░░░░░░  submitting   3s",
			"████████████░░░░░░░░░░░░  polling      4s",
			"████████████░░░░░░░░░░░░  polling      5s",
			"████████████░░░░░░░░░░░░  polling      5s, place 9 of 12, …",
			"████████████░░░░░░░░░░░░  polling      6s, place 9 of 12, …",
			"████████████░░░░░░░░░░░░  polling      7s, place 9 of 12, …",
			"████████████░░░░░░░░░░░░  polling      8s, place 2 of 12",
			"████████████░░░░░░░░░░░░  polling      9s, place 2 of 12",
			"████████████░░░░░░░░░░░░  polling      9s",
			"████████████░░░░░░░░░░░░  polling      10s",
			"██████████████████░░░░░░  downloading  10s",
			"██████████████████░░░░░░  downloading  11s",
			"████████████████████████  succeeded after 1m24s",
		}
		if diff := cmp.Diff(want, drawn); diff != "" {
			t.Error(diff)
		}
	})
}

// A forecast moves the bar, and a new one never takes it back.
func TestBarWithForecast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got text
		b := newBar(&got, func() int { return 120 })
		now := time.Now()
		ready := now.Add(20 * time.Second)
		b.show(&update{task: task{Status: "queued", CreatedAt: &now, Place: &place{3, 12}, ETA: &eta{FinishesAt: &ready}}})
		time.Sleep(5500 * time.Millisecond)
		b.show(&update{task: task{Status: "polling", CreatedAt: &now, ETA: &eta{FinishesAt: &ready}}})
		time.Sleep(5 * time.Second)
		b.show(&update{task: task{Status: "queued", CreatedAt: &now, ETA: &eta{FinishesAt: &ready}}}) // another session takes over
		later := now.Add(100 * time.Second)
		b.show(&update{task: task{Status: "submitting", CreatedAt: &now, ETA: &eta{FinishesAt: &later}}})
		b.close()
		drawn := strings.Split(got.String(), "\r\x1b[K")
		for _, want := range []string{
			"░░░░░░░░░░░░░░░░░░░░░░░░  queued       0s, place 3 of 12, ready about " + when(&ready),
			"██████░░░░░░░░░░░░░░░░░░  polling      6s, ready about " + when(&ready),
			"████████████░░░░░░░░░░░░  queued       11s, ready about " + when(&ready),
			"████████████░░░░░░░░░░░░  submitting   11s, ready about " + when(&later),
		} {
			if !slices.Contains(drawn, want) {
				t.Errorf("no %q in\n%s", want, strings.Join(drawn, "\n"))
			}
		}
	})
}

func TestBarOfAFailure(t *testing.T) {
	t.Parallel()
	kind := "content_risk\x1b[2J"
	line := barLine(&task{Status: "failed", ErrorKind: &kind}, barWidth)
	if got := clean(line); got != "failed: content_risk [2J after 0s" {
		t.Errorf("%q", got)
	}
}
