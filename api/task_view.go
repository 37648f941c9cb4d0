package api

import (
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// taskView is a task as clients see it, with the names of the earlier gateway.
type taskView struct {
	ID         string       `json:"id" doc:"The task's id."`
	Status     store.Status `json:"status" enum:"queued,submitting,polling,downloading,succeeded,failed,cancelled" doc:"How far the task has come."`
	Kind       string       `json:"kind" enum:"video,image" doc:"What the task makes."`
	Model      string       `json:"model" doc:"The model, as the client named it."`
	Prompt     string       `json:"prompt"`
	Duration   *int         `json:"duration" doc:"Length of the video in seconds."`
	Ratio      *string      `json:"ratio" doc:"Shape of the picture, null when left to the upstream."`
	Resolution *string      `json:"resolution" doc:"Resolution, null when left to the upstream."`
	Priority   int          `json:"priority" doc:"Tasks with a higher one go first among those of the same key."`

	KeyID           string  `json:"key_id" doc:"The key that the task belongs to. Its name is in the list of keys, which admins may read."`
	Upstream        *string `json:"upstream" doc:"The upstream that runs the task or ran it last, null while it waits."`
	SessionPoolID   *string `json:"session_pool_id" doc:"The session that runs the task."`
	HistoryRecordID *string `json:"history_record_id" doc:"The upstream's own id."`
	QueuePosition   *int    `json:"queue_position" doc:"Place in the upstream's own queue, when it tells."`
	QueueTotal      *int    `json:"queue_total" doc:"Length of the upstream's own queue, when it tells."`
	QueueETA        *string `json:"queue_eta" doc:"The upstream's own forecast, when it tells."`

	Place *placeView `json:"place,omitempty" doc:"Where a queued task stands. Only when one task is read, not in lists."`
	ETA   *etaView   `json:"eta,omitempty" doc:"When a task that has not ended probably starts and ends. Only when one task is read, not in lists."`

	VideoURL     *string  `json:"video_url" doc:"A link that plays without a key and expires; read the task again for a fresh one. It plays from the status downloading on."`
	PosterURL    *string  `json:"poster_url" doc:"A link like video_url to a still of the video, null when there is none."`
	ImageURLs    []string `json:"image_urls" doc:"Links like video_url, for tasks that make images."`
	ErrorMessage *string  `json:"error_message" doc:"Why the task failed."`
	DelayReason  *string  `json:"delay_reason" doc:"What keeps the gateway from fetching the result, null when nothing does."`
	ErrorKind    *string  `json:"error_kind" doc:"Why the task failed, for programs."`
	Money        *string  `json:"money" enum:"not_started,stopped,runs_on_upstream" doc:"After a cancel: not_started, stopped, or runs_on_upstream if credits may still be spent."`
	RetryOf      *string  `json:"retry_of" doc:"The task that this one repeats."`
	RequestID    *string  `json:"request_id" doc:"Of the request that made the task, as the logs and its answer's X-Request-Id have it. Quote it when you ask for help."`

	Materials []materialView `json:"materials" nullable:"false"`
	Artifacts []artifactView `json:"artifacts" nullable:"false"`

	CreatedAt     *time.Time `json:"created_at" nullable:"false"`
	UpdatedAt     *time.Time `json:"updated_at" nullable:"false"`
	StartedAt     *time.Time `json:"started_at" doc:"When the task got a session for the first time."`
	FinishedAt    *time.Time `json:"finished_at"`
	StartDeadline *time.Time `json:"start_deadline" doc:"When the task fails if it has not started."`
	Deadline      *time.Time `json:"deadline" doc:"When the task fails if it has not ended."`
}

type materialView struct {
	ID          *string `json:"id" doc:"What a new request of the same key can name the file by, null for a URL."`
	Kind        string  `json:"kind" enum:"image,video,audio"`
	Name        *string `json:"name" doc:"The file's name."`
	ContentType *string `json:"content_type" doc:"The file's real type, null for a URL."`
	Size        *int64  `json:"size" doc:"Bytes, null for a URL."`
	URL         string  `json:"url" doc:"The client's own URL, or a link to the stored file that expires."`
}

func (a *api) taskView(base string, t *store.Task) *taskView {
	v := &taskView{
		ID: t.ID, Status: t.Status, Kind: t.Kind, Model: t.Model, Prompt: t.Prompt,
		Ratio: textOf(t.Ratio), Resolution: textOf(t.Resolution), Priority: t.Priority,
		KeyID: t.KeyID, Upstream: textOf(t.Upstream), SessionPoolID: textOf(t.SessionID), HistoryRecordID: textOf(t.Ref),
		QueuePosition: t.QueuePosition, QueueTotal: t.QueueTotal, QueueETA: textOf(t.QueueETA),
		ErrorKind: textOf(string(upstream.Kind(t.ErrorKind).Public())),
		Money:     textOf(t.Money), RetryOf: textOf(t.RetryOf), RequestID: textOf(t.RequestID),
		CreatedAt: timeOf(t.CreatedAt), UpdatedAt: timeOf(t.UpdatedAt), StartedAt: timeOf(t.StartedAt),
		FinishedAt: timeOf(t.FinishedAt), StartDeadline: timeOf(t.StartDeadline), Deadline: timeOf(t.Deadline),
		Materials: make([]materialView, len(t.Materials)),
	}
	if t.Status == store.Downloading {
		v.DelayReason = textOf(t.ErrorMessage)
	} else {
		v.ErrorMessage = textOf(t.ErrorMessage)
	}
	if t.Duration > 0 {
		v.Duration = &t.Duration
	}
	for i, material := range t.Materials {
		view := materialView{ID: textOf(material.ID), Kind: material.Kind, Name: textOf(material.Name), ContentType: textOf(material.ContentType), URL: material.URL}
		if material.Blob != "" {
			view.Size = &material.Size
			view.URL = a.link(base, "materials", t.ID, i)
		}
		v.Materials[i] = view
	}
	a.showArtifacts(v, base, t)
	return v
}
