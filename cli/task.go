package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

type task struct {
	ID            string     `json:"id"`
	Status        string     `json:"status"`
	Kind          string     `json:"kind"`
	Model         string     `json:"model"`
	Prompt        string     `json:"prompt"`
	Duration      *int       `json:"duration"`
	Ratio         *string    `json:"ratio"`
	Resolution    *string    `json:"resolution"`
	SessionPoolID *string    `json:"session_pool_id"`
	HistoryID     *string    `json:"history_record_id"`
	QueuePosition *int       `json:"queue_position"`
	QueueTotal    *int       `json:"queue_total"`
	QueueETA      *string    `json:"queue_eta"`
	Place         *place     `json:"place"`
	ETA           *eta       `json:"eta"`
	DelayReason   *string    `json:"delay_reason"`
	ErrorMessage  *string    `json:"error_message"`
	ErrorKind     *string    `json:"error_kind"`
	Money         *string    `json:"money"`
	RetryOf       *string    `json:"retry_of"`
	Materials     []material `json:"materials"`
	Artifacts     []artifact `json:"artifacts"`
	CreatedAt     *time.Time `json:"created_at"`
	StartedAt     *time.Time `json:"started_at"`
	FinishedAt    *time.Time `json:"finished_at"`
	Deadline      *time.Time `json:"deadline"`
}

// place is where a task stands in the gateway's queue.
type place struct {
	InQueue int `json:"in_queue"`
	OfQueue int `json:"of_queue"`
}

// eta is when the result is probably there.
type eta struct {
	FinishesAt *time.Time `json:"finishes_at"`
	Confidence *string    `json:"confidence"`
}

type material struct {
	Kind string  `json:"kind"`
	Name *string `json:"name"`
	Size *int64  `json:"size"`
	URL  string  `json:"url"`
}

// artifact is a result; what is null because it is not known yet is empty.
type artifact struct {
	Kind        string  `json:"kind"`
	Poster      bool    `json:"poster"`
	Ready       bool    `json:"ready"`
	Expired     bool    `json:"expired"`
	ContentType string  `json:"content_type"`
	Size        int64   `json:"size"`
	SHA256      string  `json:"sha256"`
	Width       int     `json:"width"`
	Height      int     `json:"height"`
	Length      float64 `json:"length"` // seconds
	URL         string  `json:"url"`
}

// about describes the file in a line.
func (a *artifact) about() string {
	if a.Expired {
		return a.Kind + ", deleted"
	} else if !a.Ready {
		return a.Kind + ", being fetched"
	}
	text := a.ContentType + ", " + bytesOf(a.Size)
	if a.Width > 0 && a.Height > 0 {
		text += fmt.Sprintf(", %d×%d", a.Width, a.Height)
	}
	if a.Length > 0 {
		text += fmt.Sprintf(", %.3g s", a.Length)
	}
	if a.Poster {
		text += ", the poster"
	}
	return text
}

type taskAnswer struct {
	Task task `json:"task"`
}

func (t *task) ended() bool {
	return t.Status == "succeeded" || t.Status == "failed" || t.Status == "cancelled"
}

// took is how long the task has taken so far, from its submit on.
func (t *task) took() time.Duration {
	switch {
	case t.CreatedAt == nil:
		return 0
	case t.FinishedAt != nil:
		return t.FinishedAt.Sub(*t.CreatedAt)
	}
	return time.Since(*t.CreatedAt)
}

// upstreamPlace is where the task stands in the upstream's own queue, "" if that
// does not tell.
func (t *task) upstreamPlace() string {
	var parts []string
	if t.QueuePosition != nil {
		text := "place " + strconv.Itoa(*t.QueuePosition)
		if t.QueueTotal != nil {
			text += " of " + strconv.Itoa(*t.QueueTotal)
		}
		parts = append(parts, text)
	}
	if t.QueueETA != nil && *t.QueueETA != "" {
		parts = append(parts, "about "+*t.QueueETA)
	}
	return strings.Join(parts, ", ")
}

// waits is what the task waits for: its turn in the gateway's queue or in the
// upstream's, or the end of whatever keeps the result from being fetched.
func (t *task) waits() string {
	switch {
	case t.Status == "queued" && t.Place != nil:
		return fmt.Sprintf("place %d of %d", t.Place.InQueue, t.Place.OfQueue)
	case t.Status == "downloading" && t.DelayReason != nil:
		return *t.DelayReason
	}
	return t.upstreamPlace()
}

// expected is when the result is probably there, "" if nobody can tell.
func (t *task) expected() string {
	if t.ETA == nil || t.ETA.FinishesAt == nil {
		return ""
	}
	return when(t.ETA.FinishesAt)
}

// state is the status, with the reason of a failure.
func (t *task) state() string {
	if t.Status == "failed" && t.ErrorKind != nil {
		return "failed: " + *t.ErrorKind
	}
	return t.Status
}
