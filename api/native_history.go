package api

import (
	"context"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

type historyAnswer struct {
	History  []historyView `json:"history" nullable:"false" doc:"What happened, oldest first."`
	Attempts []attemptView `json:"attempts" nullable:"false" doc:"The submits to upstreams, oldest first."`
	Next     *int64        `json:"next" doc:"What to send as after for more, null at the end."`
}

type historyView struct {
	Seq           int64        `json:"seq" doc:"The number of the event, the same as the id in the stream of events."`
	At            *time.Time   `json:"at" nullable:"false"`
	What          store.What   `json:"what" enum:"created,admitted,failed_over,put_back,accepted,polled,poll_failed,generated,mirror_failed,ended,money,files_deleted" doc:"What happened: admitted is the end of a wait, failed_over and put_back are attempts that the upstream surely did not accept."`
	Status        store.Status `json:"status" enum:"queued,submitting,polling,downloading,succeeded,failed,cancelled" doc:"The task's status after it."`
	Waited        *float64     `json:"waited" doc:"With admitted: how long the task had waited, in seconds."`
	Attempt       *int         `json:"attempt" doc:"The number of the attempt."`
	Upstream      *string      `json:"upstream"`
	SessionPoolID *string      `json:"session_pool_id" doc:"The session of the attempt."`
	QueuePosition *int         `json:"queue_position" doc:"In the upstream's own queue."`
	QueueTotal    *int         `json:"queue_total"`
	QueueETA      *string      `json:"queue_eta"`
	ErrorKind     *string      `json:"error_kind"`
	ErrorCode     *string      `json:"error_code" doc:"The upstream's own code."`
	ErrorMessage  *string      `json:"error_message" doc:"The upstream's own words."`
	Money         *string      `json:"money" enum:"not_started,stopped,runs_on_upstream" doc:"After a cancel: what is known about the cost."`
}

type attemptView struct {
	Attempt         int                `json:"attempt"`
	Upstream        string             `json:"upstream"`
	SessionPoolID   string             `json:"session_pool_id"`
	State           store.AttemptState `json:"state" enum:"admitted,sending,accepted,rejected,in_doubt" doc:"How far the submit came: accepted ones are paid, rejected ones are not, of those in doubt nobody can tell."`
	HistoryRecordID *string            `json:"history_record_id" doc:"The upstream's own id."`
	ErrorKind       *string            `json:"error_kind"`
	ErrorMessage    *string            `json:"error_message" doc:"The upstream's own words."`
	AdmittedAt      *time.Time         `json:"admitted_at" doc:"When the session gave it a slot."`
	SentAt          *time.Time         `json:"sent_at" doc:"When it was sent; before, nothing is paid."`
	SettledAt       *time.Time         `json:"settled_at" doc:"When the upstream's answer was known."`
}

type historyInput struct {
	ID    string `path:"id" maxLength:"64" doc:"The id."`
	After int64  `query:"after" minimum:"0" doc:"Only events after the one with this number."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"500" doc:"How many events."`
}

func (a *api) getHistory(ctx context.Context, in *historyInput) (*body[historyAnswer], error) {
	task, err := a.Store.PeekTask(ctx, callerOf(ctx).Owner(), in.ID)
	if err != nil {
		return nil, err
	}
	events, err := a.Store.History(ctx, task.ID, in.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	attempts, err := a.Store.Attempts(ctx, task.ID)
	if err != nil {
		return nil, err
	}
	answer := historyAnswer{History: []historyView{}, Attempts: []attemptView{}}
	if len(events) > in.Limit {
		events = events[:in.Limit]
		answer.Next = &events[in.Limit-1].Seq
	}
	queued := int64(0)
	for _, e := range events {
		view := historyViewOf(e)
		if e.What == store.AdmittedTo && queued > 0 {
			view.Waited = new(float64(e.At-queued) / 1000)
		}
		if e.Status == store.Queued && e.Type != store.TaskUpdated {
			queued = e.At
		}
		answer.History = append(answer.History, view)
	}
	for _, t := range attempts {
		answer.Attempts = append(answer.Attempts, attemptViewOf(t))
	}
	return reply(answer)
}

func attemptViewOf(t *store.Attempt) attemptView {
	return attemptView{
		Attempt: t.N, Upstream: t.Upstream, SessionPoolID: t.SessionID, State: t.State, HistoryRecordID: textOf(t.Ref),
		ErrorKind: textOf(string(upstream.Kind(t.ErrorKind).Public())), ErrorMessage: textOf(t.ErrorMessage),
		AdmittedAt: timeOf(t.CreatedAt), SentAt: timeOf(t.SentAt), SettledAt: timeOf(t.SettledAt),
	}
}

func historyViewOf(e *store.Event) historyView {
	v := historyView{
		Seq: e.Seq, At: timeOf(e.At), What: e.What, Status: e.Status, Upstream: textOf(e.Upstream), SessionPoolID: textOf(e.SessionID),
		QueuePosition: e.QueuePosition, QueueTotal: e.QueueTotal, QueueETA: textOf(e.QueueETA), Money: textOf(e.Money),
		ErrorKind: textOf(e.ErrorKind), ErrorMessage: textOf(e.ErrorMessage),
	}
	if e.Attempt > 0 {
		v.Attempt = &e.Attempt
	}
	if e.Fault != nil {
		v.ErrorKind, v.ErrorCode, v.ErrorMessage = textOf(e.Fault.Kind), textOf(e.Fault.Code), textOf(e.Fault.Message)
	}
	return v
}
