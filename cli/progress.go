package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress shows how a task gets on.
type progress interface {
	show(u *update)
	// close leaves the place to whatever is printed next.
	close()
}

// newProgress returns a bar if w is a terminal, and else lines for a log.
func newProgress(w io.Writer) progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return newBar(f, func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil || width <= 0 {
				return 80
			}
			return width
		})
	}
	return &lines{w: w}
}

// summary says how a task that has ended did.
func summary(t *task) string { return t.state() + " after " + span(t.took()) }

// lines prints a line for every change of the status or of the place in the
// upstream's queue.
type lines struct {
	w    io.Writer
	last string
}

func (l *lines) show(u *update) {
	t := &u.task
	quiet := *t
	quiet.QueueETA = nil // changes all the time
	text := t.Status
	if place := quiet.waits(); place != "" {
		text += ", " + place
	}
	if t.ended() {
		text = summary(t)
	}
	if text != l.last {
		l.last = text
		fmt.Fprintf(l.w, "%s  %s\n", time.Now().Format(time.TimeOnly), clean(text))
	}
}

func (*lines) close() {}

// jsonLines prints the task for programs, as the API shows it, after every change.
type jsonLines struct {
	r    *run
	last json.RawMessage
}

func (j *jsonLines) show(u *update) {
	if !bytes.Equal(u.raw, j.last) {
		j.last = u.raw
		_ = j.r.print(slices.Concat([]byte(`{"task":`), u.raw, []byte(`}`))) // whoever stopped reading will not mind
	}
}

func (*jsonLines) close() {}

// silence shows nothing.
type silence struct{}

func (silence) show(*update) {}
func (silence) close()       {}

// bar draws one line over and over. Until it is closed nobody else may write to
// the terminal.
type bar struct {
	w     io.Writer
	width func() int // of the terminal, in cells

	mu     sync.Mutex
	task   task
	filled int // cells, of barWidth

	stop chan struct{}
	done sync.WaitGroup
}

func newBar(w io.Writer, width func() int) *bar {
	b := &bar{w: w, width: width, stop: make(chan struct{})}
	b.done.Go(func() {
		ticker := time.NewTicker(time.Second) // the time runs on
		defer ticker.Stop()
		for {
			select {
			case <-b.stop:
				return
			case <-ticker.C:
				b.draw()
			}
		}
	})
	return b
}

func (b *bar) show(u *update) {
	b.mu.Lock()
	b.task = u.task
	b.mu.Unlock()
	b.draw()
}

func (b *bar) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.task.Status == "" {
		return
	}
	b.filled = max(b.filled, filledBy(&b.task)) // never back
	// The last column stays free, or some terminals would begin a new line.
	fmt.Fprint(b.w, "\r\x1b[K"+cells.Truncate(clean(barLine(&b.task, b.filled)), b.width()-1, "…"))
}

func (b *bar) close() {
	close(b.stop)
	b.done.Wait()
	b.draw()
	fmt.Fprintln(b.w)
}

// steps are the statuses on the way; each is a quarter of it.
var steps = []string{"queued", "submitting", "polling", "downloading"}

const barWidth = 24

// filledBy is how much of the bar a task fills: the share of its time that is
// over, if there is a forecast, or else a quarter for every step.
func filledBy(t *task) int {
	step := slices.Index(steps, t.Status)
	if step < 0 {
		return barWidth
	}
	if t.ETA != nil && t.ETA.FinishesAt != nil && t.CreatedAt != nil {
		if whole := t.ETA.FinishesAt.Sub(*t.CreatedAt); whole > 0 {
			return min(int(barWidth*t.took()/whole), barWidth-1)
		}
	}
	return step * barWidth / len(steps)
}

// barLine is the line of a moment.
func barLine(t *task, filled int) string {
	line := strings.Repeat("█", filled) + strings.Repeat("░", barWidth-filled) + "  "
	switch {
	case t.Status == "succeeded":
		return line + summary(t)
	case t.ended():
		return summary(t)
	}
	line += fmt.Sprintf("%-11s  %s", t.Status, span(t.took()))
	if place := t.waits(); place != "" {
		line += ", " + place
	}
	if expected := t.expected(); expected != "" {
		line += ", ready about " + expected
	}
	return line
}
