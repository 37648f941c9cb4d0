package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// maxWait is the longest that a request waits for its task.
const maxWait = 4 * time.Hour

// wait is how long a request waits for its task.
type wait struct {
	time      time.Duration
	preferred bool // by the header, which is told whether that is honoured
}

// waitOf reads how long the client wants to wait: ?wait=N in seconds, then the
// header Prefer (RFC 7240) with wait=N or respond-async, then what the key says.
func waitOf(r *http.Request) (wait, error) {
	if query := r.URL.Query(); query.Has("wait") {
		n, err := strconv.Atoi(query.Get("wait"))
		if most := int(maxWait / time.Second); err != nil || n < 0 || n > most {
			return wait{}, invalid("wait", "must be a number of seconds between 0 and %d", most)
		}
		return wait{time: time.Duration(n) * time.Second}, nil
	}
	async := false
	for _, header := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, _ := strings.Cut(preference, "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "wait":
				// What cannot be read is ignored, as the RFC wants it.
				if n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31); err == nil {
					return wait{min(time.Duration(n)*time.Second, maxWait), true}, nil
				}
			case "respond-async":
				async = true
			}
		}
	}
	if async {
		return wait{}, nil
	}
	return wait{time: min(time.Duration(callerOf(r.Context()).Key.Wait)*time.Second, maxWait)}, nil
}

// await waits until the task has ended, but no longer than limit unless that is 0,
// and returns it as it is then. An error means that the client has gone or the
// gateway stops; the task goes on all the same.
func (a *api) await(r *http.Request, task *store.Task, limit time.Duration) (*store.Task, error) {
	ctx, cancel := context.WithCancel(r.Context())
	if limit > 0 {
		ctx, cancel = context.WithTimeout(r.Context(), limit)
	}
	defer cancel()
	type result struct {
		task *store.Task
		err  error
	}
	done := make(chan result, 1)
	id := task.ID
	go func() {
		task, err := a.Queue.Wait(ctx, "", id)
		done <- result{task, err}
	}()
	select {
	case got := <-done:
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		return got.task, got.err
	case <-a.Stopping:
		return nil, &apiError{status: http.StatusServiceUnavailable, code: "stopping", retryAfter: time.Second,
			message: fmt.Sprintf("The gateway is restarting. The task goes on: ask for it at %s.", taskPath(task))}
	}
}

// What response_format can be.
const (
	formatURL    = "url"
	formatBase64 = "b64_json"
)

// stockResult is the answer of jimeng-free-api to a request that has been waited
// for.
type stockResult struct {
	Created int64       `json:"created"`
	Data    []stockItem `json:"data"`
}

type stockItem struct {
	URL           string `json:"url"`
	RevisedPrompt string `json:"revised_prompt,omitempty"`
}

// answerResult answers with the first n results of a task that has ended, or with
// the reason why there are none.
func (a *api) answerResult(w http.ResponseWriter, r *http.Request, task *store.Task, n int, format string) {
	if task.Status != store.Succeeded {
		a.fail(w, r, taskError(task))
		return
	}
	var results []int
	for i, artifact := range task.Artifacts {
		if artifact.Kind == task.Kind && !artifact.Poster && len(results) < n {
			results = append(results, i)
		}
	}
	if format == formatBase64 {
		a.answerBase64(w, r, task, results)
		return
	}
	answer := stockResult{Created: task.FinishedAt / 1000, Data: []stockItem{}}
	for _, i := range results {
		answer.Data = append(answer.Data, stockItem{a.link(callerOf(r.Context()).base, "artifacts", task.ID, i), task.Prompt})
	}
	writeJSON(w, http.StatusOK, &answer)
}

// answerBase64 writes the files themselves, without holding any in memory.
func (a *api) answerBase64(w http.ResponseWriter, r *http.Request, task *store.Task, results []int) {
	files := make([]io.Reader, len(results))
	for n, i := range results {
		if task.Artifacts[i].Blob == "" { // a repeated request, long after
			a.fail(w, r, errExpired)
			return
		}
		file, err := a.Blobs.Open(r.Context(), task.Artifacts[i].Blob)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		defer file.Close()
		files[n] = whileAllowed{r.Context(), file}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	if err := writeBase64(w, task, files); err != nil {
		// The status is gone; a broken connection is the only way left to say that
		// the answer is not whole.
		panic(http.ErrAbortHandler)
	}
}

// whileAllowed is a file as long as its reader may have it.
type whileAllowed struct {
	ctx context.Context
	io.Reader
}

func (f whileAllowed) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.Reader.Read(p)
}

func writeBase64(w io.Writer, task *store.Task, files []io.Reader) error {
	if _, err := fmt.Fprintf(w, `{"created":%d,"data":[`, task.FinishedAt/1000); err != nil {
		return err
	}
	for n, file := range files {
		if n > 0 {
			if _, err := io.WriteString(w, ","); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(w, `{"b64_json":"`); err != nil {
			return err
		}
		encoder := base64.NewEncoder(base64.StdEncoding, w)
		if _, err := io.Copy(encoder, file); err != nil {
			return err
		}
		if err := encoder.Close(); err != nil {
			return err
		}
		prompt, err := json.Marshal(task.Prompt)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, `","revised_prompt":%s}`, prompt); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "]}\n")
	return err
}

// failures are what a client that waits is told of a failed task: the status and
// the code of jimeng-free-api that fit the kind.
var failures = map[upstream.Kind]struct{ status, stock int }{
	upstream.ContentRisk:      {http.StatusBadRequest, stockContent},
	upstream.BadInput:         {http.StatusBadRequest, stockParameter},
	upstream.FileTransfer:     {http.StatusBadGateway, stockRequest},
	upstream.AccountBlocked:   {http.StatusServiceUnavailable, stockRequest},
	upstream.Auth:             {http.StatusServiceUnavailable, stockToken},
	upstream.Quota:            {http.StatusServiceUnavailable, stockCredits},
	upstream.RateLimited:      {http.StatusServiceUnavailable, stockRequest},
	upstream.Network:          {http.StatusBadGateway, stockSystem},
	upstream.Timeout:          {http.StatusGatewayTimeout, stockFailed},
	upstream.GenerationFailed: {http.StatusBadGateway, stockFailed},
	upstream.InDoubt:          {http.StatusBadGateway, stockSystem},
}

// taskError is the end of a task that has no result.
func taskError(task *store.Task) *apiError {
	if task.Status == store.Cancelled {
		return &apiError{status: http.StatusConflict, code: "task_cancelled", message: "The task " + task.ID + " was cancelled."}
	}
	kind := upstream.Kind(task.ErrorKind).Public()
	failure, ok := failures[kind]
	if !ok {
		kind, failure.status, failure.stock = upstream.Unknown, http.StatusBadGateway, stockSystem
	}
	message := task.ErrorMessage
	if message == "" {
		message = "The task " + task.ID + " failed."
	}
	return &apiError{status: failure.status, code: string(kind), stock: failure.stock, message: message}
}
