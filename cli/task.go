package cli

import (
	"strconv"
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

type material struct {
	Kind string  `json:"kind"`
	Name *string `json:"name"`
	Size *int64  `json:"size"`
	URL  string  `json:"url"`
}

type artifact struct {
	Kind        string `json:"kind"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
	URL         string `json:"url"`
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

// place is where the task stands in the upstream's own queue, "" if that does
// not tell.
func (t *task) place() string {
	text := ""
	if t.QueuePosition != nil {
		text = "place " + strconv.Itoa(*t.QueuePosition)
		if t.QueueTotal != nil {
			text += " of " + strconv.Itoa(*t.QueueTotal)
		}
	}
	if t.QueueETA != nil && *t.QueueETA != "" {
		if text != "" {
			text += ", "
		}
		text += "about " + *t.QueueETA
	}
	return text
}

// state is the status, with the reason of a failure.
func (t *task) state() string {
	if t.Status == "failed" && t.ErrorKind != nil {
		return "failed: " + *t.ErrorKind
	}
	return t.Status
}
