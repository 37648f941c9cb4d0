package api

import (
	"context"
	"mime"
	"net/http"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) stockRoutes(r *router) {
	r.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("pong"))
	})
	r.HandleFunc("GET /v1/models", a.listModels)
	r.HandleFunc("POST /v1/videos/generations", a.createVideo)
	r.HandleFunc("POST /v1/video/generations", a.createVideo) // the upstream's alias
}

// accepted is the answer to a request that became a task.
type accepted struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    []acceptedData `json:"data"`
	Task    acceptedTask   `json:"task"`
}

type acceptedData struct {
	TaskID string       `json:"task_id"`
	Status store.Status `json:"status"`
}

type acceptedTask struct {
	ID      string       `json:"id"`
	Status  store.Status `json:"status"`
	PollURL string       `json:"poll_url"`
}

// createVideo serves POST /v1/videos/generations: it answers as soon as the task
// is durable.
func (a *api) createVideo(w http.ResponseWriter, r *http.Request) {
	c, err := a.parseCreate(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	task, err := a.submit(r.Context(), c)
	if err != nil {
		a.discard(r.Context(), c.files)
		a.fail(w, r, err)
		return
	}
	poll := "/api/v1/tasks/" + task.ID
	w.Header().Set("Location", poll)
	writeJSON(w, http.StatusAccepted, &accepted{
		Message: "Task queued",
		Data:    []acceptedData{{task.ID, task.Status}},
		Task:    acceptedTask{task.ID, task.Status, poll},
	})
}

// submit hands the request to the queue. Once it does, a client that hangs up no
// longer matters: otherwise nobody could tell whether the task exists, and its
// files would have to be deleted or kept by guessing.
func (a *api) submit(ctx context.Context, c *create) (*store.Task, error) {
	n, err := c.finish(a)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.Key = callerOf(ctx).Key
	return a.Queue.Submit(context.WithoutCancel(ctx), n)
}

// parseCreate reads the request in whichever of the two forms it comes.
func (a *api) parseCreate(w http.ResponseWriter, r *http.Request) (*create, error) {
	contentType := r.Header.Get("Content-Type")
	if contentType == "" || contentType == "application/json" { // without parsing, on the hot path
		return readJSON(w, r)
	}
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && media == "multipart/form-data":
		return a.parseForm(w, r)
	case err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")):
		return readJSON(w, r)
	}
	return nil, &apiError{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type", field: "Content-Type",
		message: "must be application/json or multipart/form-data"}
}

func readJSON(w http.ResponseWriter, r *http.Request) (*create, error) {
	body, err := readBody(w, r, maxJSON)
	if err != nil {
		return nil, err
	}
	return parseJSON(body)
}
