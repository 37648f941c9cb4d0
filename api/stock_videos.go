package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func (a *api) stockRoutes(r *router) {
	r.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("pong"))
	})
	r.HandleFunc("GET /v1/models", a.listModels)
	r.HandleFunc("POST /v1/videos/generations", a.createVideo)
	r.HandleFunc("POST /v1/video/generations", a.createVideo) // the upstream's alias
	r.HandleFunc("POST /v1/images/generations", a.createImages)
	r.HandleFunc("POST /v1/images/compositions", a.composeImages)
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
// is durable, or when it has ended if the client wants to wait for that.
func (a *api) createVideo(w http.ResponseWriter, r *http.Request) {
	wait, err := waitOf(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	c := a.newCreate(videoFields, upstream.Video)
	task, err := a.create(w, r, c)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if wait.preferred {
		w.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.time/time.Second)))
	}
	if wait.time > 0 {
		if task, err = a.await(r, task, wait.time); err != nil {
			a.fail(w, r, err)
			return
		}
		if task.Status.Ended() {
			a.answerResult(w, r, task, len(task.Artifacts), c.format)
			return
		}
	}
	poll := taskPath(task)
	writeJSON(w, http.StatusAccepted, &accepted{
		Message: "Task queued",
		Data:    []acceptedData{{task.ID, task.Status}},
		Task:    acceptedTask{task.ID, task.Status, poll},
	})
}
