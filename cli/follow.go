package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// patience is how long follow goes on asking a gateway that has answered
	// before; a restart takes less.
	patience = time.Minute
	// pause is between two questions.
	pause = time.Second
	// freshFor is how long follow listens to events before it asks again: they
	// bring no forecast, and a connection may die without a word.
	freshFor = 30 * time.Second
	// maxEvent bounds one event in bytes; a task with a long prompt and many
	// materials has some hundred thousand.
	maxEvent = 16 << 20
)

// update is a task as the gateway tells it.
type update struct {
	task
	raw json.RawMessage
}

func readUpdate(raw json.RawMessage) (*update, error) {
	u := &update{raw: raw}
	if err := json.Unmarshal(raw, &u.task); err != nil {
		return nil, fmt.Errorf("read the task: %w", err)
	}
	return u, nil
}

// follow calls each with the task as it is now and as it is after every change,
// and returns it when it has ended. It outlasts a reload and a restart of the
// gateway.
func (g *Gateway) follow(ctx context.Context, id string, each func(*update)) (*update, error) {
	var heard time.Time // when the gateway last answered, zero for never
	for {
		u, err := g.task(ctx, id)
		if err == nil {
			each(u)
			if !u.ended() {
				u = g.listen(ctx, u, each)
			}
			if u.ended() {
				return u, nil
			}
			heard = time.Now()
		} else if refused(err) || time.Since(heard) > patience {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// refused reports whether asking again is of no use.
func refused(err error) bool {
	e, ok := err.(*answerError)
	return ok && e.status < http.StatusInternalServerError
}

func (g *Gateway) task(ctx context.Context, id string) (*update, error) {
	raw, err := g.call(ctx, http.MethodGet, at("tasks", id), nil)
	if err != nil {
		return nil, err
	}
	var answer struct{ Task json.RawMessage }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("read the task: %w", err)
	}
	return readUpdate(answer.Task)
}

// listen calls each with the task after every change that the gateway tells of,
// and returns what it was told last. Whatever ends the stream before the task has
// ended, the caller asks for the task itself and listens again.
func (g *Gateway) listen(ctx context.Context, last *update, each func(*update)) *update {
	ctx, cancel := context.WithTimeout(ctx, freshFor)
	defer cancel()
	response, err := g.send(ctx, http.MethodGet, at("tasks", last.ID, "events"), "", nil)
	if err != nil {
		return last
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxEvent)
	for !last.ended() && lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:")) // JSON, so one line holds it all
		if !ok {
			continue
		}
		var event struct {
			Task  json.RawMessage
			Tasks []json.RawMessage // in the snapshot at the begin
		}
		if json.Unmarshal(data, &event) != nil {
			return last
		}
		if event.Task != nil {
			event.Tasks = append(event.Tasks, event.Task)
		}
		for _, raw := range event.Tasks {
			u, err := readUpdate(raw)
			if err != nil {
				return last
			}
			if u.Place == nil && u.ETA == nil { // events have no forecast
				u.Place, u.ETA = last.Place, last.ETA
			}
			last = u
			each(u)
		}
	}
	return last
}
