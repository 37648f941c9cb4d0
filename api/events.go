package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// heartbeatEvery keeps proxies from taking a quiet stream for a dead one, and
	// finds out who is gone.
	heartbeatEvery = 15 * time.Second
	// writePatience is how long a listener may take for one event. One that takes
	// longer is dropped; it comes back and goes on where it was.
	writePatience = 10 * time.Second
	// snapshotTasks is how many tasks a stream begins with.
	snapshotTasks = 500
)

func (a *api) eventRoutes(r *router) {
	r.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) { a.serveEvents(w, r, "") })
	r.HandleFunc("GET /api/v1/tasks/{id}/events", func(w http.ResponseWriter, r *http.Request) {
		task, err := a.Store.PeekTask(r.Context(), callerOf(r.Context()).Owner(), r.PathValue("id"))
		if err != nil {
			a.fail(w, r, err)
			return
		}
		a.serveEvents(w, r, task.ID)
	})
}

// eventView is the data of one event of the stream.
type eventView struct {
	Seq  int64      `json:"seq" doc:"The number of the event, also its id in the stream."`
	Type string     `json:"type" doc:"task. and the new status, task.updated or task.deleted; also the name of the event."`
	At   *time.Time `json:"at" nullable:"false"`
	What store.What `json:"what" doc:"What happened, as in the history."`
	ID   string     `json:"task_id" doc:"The task that it happened to."`
	Task *taskView  `json:"task" doc:"The task as it was after the event, null once it is deleted."`
}

// snapshotView is the data of the event that a stream begins with.
type snapshotView struct {
	Seq      int64       `json:"seq" doc:"The number of the last event that the snapshot shows."`
	Complete bool        `json:"complete" doc:"False if not all tasks are in it; the newest unfinished ones are."`
	Tasks    []*taskView `json:"tasks" nullable:"false" doc:"The unfinished tasks, then the newest of the others."`
}

// errGone ends a stream whose listener does not take what it is sent.
var errGone = errors.New("the listener is gone")

// stream writes server-sent events.
type stream struct {
	*http.ResponseController
	w     io.Writer
	begun bool // something was sent
}

func (s *stream) send(message []byte) error {
	if !s.begun {
		s.begun = true
		message = append([]byte("retry: 1000\n\n"), message...)
	}
	// Not every writer has deadlines; then the connection's own must do.
	if err := s.SetWriteDeadline(time.Now().Add(writePatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errGone
	}
	if _, err := s.w.Write(message); err != nil {
		return errGone
	}
	if err := s.Flush(); err != nil {
		return errGone
	}
	return nil
}

// message is one event as it goes over the wire.
func message(seq int64, name string, data any) []byte {
	line, err := plainJSON(data)
	if err != nil { // plain structs
		line = []byte("{}\n")
	}
	return fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n", seq, name, line)
}

// serveEvents serves the events of the caller's tasks, or of one task. It begins
// with a snapshot, or after the event that the client names as the last it has
// seen, and ends when the gateway stops or is configured anew: the client comes
// back by itself. It also ends when the caller may no longer listen.
func (a *api) serveEvents(w http.ResponseWriter, r *http.Request, taskID string) {
	c := callerOf(r.Context())
	seen, resumes, err := lastEventID(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	// First the ear, then the eye: nothing can happen in between.
	listener := a.Queue.Listen(c.Owner(), taskID)
	defer listener.Close()
	s := &session{api: a, caller: c, task: taskID, stream: stream{ResponseController: http.NewResponseController(w), w: w}}
	if resumes && taskID != "" {
		over, err := a.nothingMore(r.Context(), taskID, seen)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		if over {
			w.WriteHeader(http.StatusNoContent) // tells an EventSource not to come back
			return
		}
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	defer a.Metrics.listen(streamEvents)()
	after, err := s.begin(r.Context(), seen, resumes)
	if err != nil && !s.begun {
		a.fail(w, r, err)
	}
	if err != nil || s.ended {
		return
	}
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-a.Stopping:
			return
		case <-ticker.C:
			err = s.send([]byte(":\n\n"))
		case e, ok := <-listener.C:
			if !ok {
				return
			}
			if e.Seq > after {
				err = s.event(e)
			}
		}
		if err != nil || s.ended {
			return
		}
	}
}

// session is one stream to one listener.
type session struct {
	stream
	api    *api
	caller *caller
	task   string
	ended  bool // the stream was about one task, and that has ended
}

// nothingMore reports whether the task has ended and the client has seen it.
func (a *api) nothingMore(ctx context.Context, taskID string, seen int64) (bool, error) {
	task, err := a.Store.PeekTask(ctx, "", taskID)
	if err != nil || !task.Status.Ended() {
		return false, err
	}
	more, err := a.Store.History(ctx, taskID, seen, 1)
	return err == nil && len(more) == 0, err
}

// begin sends what the stream begins with; after is the number of the last event
// that it covers.
func (s *session) begin(ctx context.Context, seen int64, resumes bool) (after int64, err error) {
	if resumes {
		last, _, err := s.api.Store.EventRange(ctx)
		if err != nil {
			return 0, err
		}
		ok, err := s.api.Queue.Replay(ctx, s.caller.Owner(), s.task, seen, last, s.event)
		if err != nil {
			return 0, err
		}
		if ok {
			return last, s.send(nil) // the client learns that the stream stands
		}
	}
	tasks, last, err := s.api.Store.Snapshot(ctx, s.caller.Owner(), s.task, snapshotTasks)
	if err != nil {
		return 0, err
	}
	view := snapshotView{Seq: last, Complete: len(tasks) < snapshotTasks, Tasks: []*taskView{}}
	for _, task := range tasks {
		view.Tasks = append(view.Tasks, s.api.taskView(s.caller.base, task))
		s.note(task)
	}
	return last, s.send(message(last, "snapshot", view))
}

func (s *session) note(t *store.Task) {
	s.ended = s.ended || s.task != "" && t.Status.Ended()
}

func (s *session) event(e *queue.Event) error {
	select {
	case <-s.api.Stopping: // a long replay to a slow listener must not hold it up
		return errGone
	default:
	}
	s.note(e.Task)
	return s.send(s.render(e))
}

// render makes the message once for all listeners that see it under the same
// address.
func (s *session) render(e *queue.Event) []byte {
	return e.Rendered(s.caller.base, func() []byte {
		view := eventView{Seq: e.Seq, Type: e.Type, At: timeOf(e.At), What: e.What, ID: e.TaskID}
		if e.Type != store.TaskDeleted {
			view.Task = s.api.taskView(s.caller.base, e.Task)
		}
		return message(e.Seq, e.Type, view)
	})
}

// lastEventID is the last event that the client has seen: a browser sends it as a
// header when it comes back, and others may send it as they like.
func lastEventID(r *http.Request) (seen int64, ok bool, err error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("last_event_id")
	}
	if text == "" {
		return 0, false, nil
	}
	seen, err = strconv.ParseInt(text, 10, 64)
	if err != nil || seen < 0 {
		return 0, false, invalid("Last-Event-ID", "must be the id of an event of this stream")
	}
	return seen, true, nil
}
