package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/api"
)

// listener reads a stream of events as a browser does.
type listener struct {
	t        *testing.T
	response *http.Response
	lines    *bufio.Scanner
	last     string
}

type received struct {
	id, name string
	data     map[string]any
}

// listen opens a stream, after the event with the id if it is not "".
func (g *gateway) listen(path, lastEventID string) *listener {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	g.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", g.url+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+g.key)
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { response.Body.Close() })
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 8<<20)
	return &listener{t: g.t, response: response, lines: lines}
}

// next is the next event, nil at the end of the stream.
func (l *listener) next() *received {
	l.t.Helper()
	var e received
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				l.t.Fatalf("data of %s: %v", e.name, err)
			}
		case "":
			if e.name != "" {
				l.last = e.id
				return &e
			}
		}
	}
	return nil
}

// until reads events up to the one with the name and returns the names.
func (l *listener) until(name string) (names []string) {
	l.t.Helper()
	for {
		e := l.next()
		if e == nil {
			l.t.Fatalf("the stream ended before %s, after %v", name, names)
		}
		names = append(names, e.name)
		if e.name == name {
			return names
		}
	}
}

func TestEventsOfATask(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	all := g.listen("/api/v1/events", "")
	if first := all.next(); first == nil || first.name != "snapshot" || len(first.data["tasks"].([]any)) != 0 {
		t.Fatalf("first event %v", first)
	}
	id := g.submit(`{"model":"seedance-2.0","prompt":"a boat @1 [[queue:3/9]] [[delay:6s]]","duration":5,"file_paths":["https://files.example/boat.png"]}`)
	one := g.listen("/api/v1/tasks/"+id+"/events", "")
	if first := one.next(); first == nil || first.name != "snapshot" || first.data["tasks"].([]any)[0].(map[string]any)["id"] != id {
		t.Fatalf("first event of the task %v", first)
	}
	var names []string
	var seqs []string
	for e := all.next(); e != nil; e = all.next() {
		task := e.data["task"].(map[string]any)
		if task["id"] != id {
			t.Fatalf("event of another key's task: %v", e)
		}
		if status := strings.TrimPrefix(e.name, "task."); status != "updated" && status != task["status"] {
			t.Errorf("event %s shows the status %v", e.name, task["status"])
		}
		names, seqs = append(names, e.name), append(seqs, e.id)
		if e.name == "task.succeeded" {
			if task["video_url"] == nil {
				t.Errorf("no result in %v", task)
			}
			break
		}
	}
	if got := strings.Join(slices.Compact(slices.Clone(names)), " "); got != "task.queued task.submitting task.polling task.updated task.downloading task.succeeded" {
		t.Errorf("events %s", got)
	}
	if one.until("task.succeeded"); one.next() != nil {
		t.Error("the stream of a task goes on after its end")
	}
	// Whoever has seen the end is told not to come back.
	if again := g.listen("/api/v1/tasks/"+id+"/events", one.last); again.response.StatusCode != http.StatusNoContent {
		t.Errorf("came back after the end: %s", again.response.Status)
	}
	// From any event on, the rest comes, once.
	for i := range seqs {
		again, want := g.listen("/api/v1/events", seqs[i]), names[i+1:]
		for _, name := range want {
			if e := again.next(); e == nil || e.name != name {
				t.Fatalf("after %s: got %v, want %s", names[i], e, name)
			}
		}
	}
	// The same in the history, and more.
	history := g.json("GET", "/api/v1/tasks/"+id+"/history", "", http.StatusOK)
	var whats []string
	for i, h := range history["history"].([]any) {
		item := h.(map[string]any)
		whats = append(whats, item["what"].(string))
		if fmt.Sprintf("%.0f", item["seq"]) != seqs[i] {
			t.Errorf("history %d has the number %v, the event %s", i, item["seq"], seqs[i])
		}
	}
	if got := strings.Join(slices.Compact(whats), " "); got != "created admitted accepted polled generated ended" {
		t.Errorf("history %s", got)
	}
	attempts := history["attempts"].([]any)
	if first := attempts[0].(map[string]any); len(attempts) != 1 || first["state"] != "accepted" || first["sent_at"] == nil || first["settled_at"] == nil {
		t.Errorf("attempts %v", attempts)
	}
}

func TestHistoryTellsTheFailure(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	id := g.submit(`{"model":"jimeng-video-3.0","prompt":"a [[fault:content_risk@generation]]","duration":5}`)
	task := g.await(id, "failed")
	history := g.json("GET", "/api/v1/tasks/"+id+"/history", "", http.StatusOK)["history"].([]any)
	last := history[len(history)-1].(map[string]any)
	if last["what"] != "ended" || last["error_kind"] != task["error_kind"] || last["error_message"] == nil || last["status"] != "failed" {
		t.Errorf("last of the history %v", last)
	}
	other := serve(t, nil).as("")
	for _, path := range []string{"/history", "/events"} {
		other.json("GET", "/api/v1/tasks/"+id+path, "", http.StatusNotFound)
	}
	other.json("DELETE", "/api/v1/tasks/"+id, "", http.StatusForbidden)
}

// A thousand tasks and listeners that break off all the time: each sees every
// event once.
func TestEventsWithoutGapOrDouble(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	const tasks, ears = 60, 4
	start := g.listen("/api/v1/events", "")
	if start.next() == nil {
		t.Fatal("no snapshot")
	}
	var wg sync.WaitGroup
	for ear := range ears {
		wg.Go(func() {
			seen, ended, last := map[string]bool{}, 0, start.last
			for ended < tasks {
				l := g.listen("/api/v1/events", last)
				for n := 0; n < 5+ear*7 && ended < tasks; n++ {
					e := l.next()
					if e == nil {
						break
					}
					if e.name == "snapshot" || seen[e.id] {
						t.Errorf("event %s %s came again", e.id, e.name)
						return
					}
					seen[e.id] = true
					if e.name == "task.succeeded" {
						ended++
					}
				}
				last = l.last
				if last == "" {
					last = start.last
				}
				l.response.Body.Close()
			}
			if len(seen) < tasks*4 {
				t.Errorf("ear %d heard %d events of %d tasks", ear, len(seen), tasks)
			}
		})
	}
	for i := range tasks {
		g.submit(fmt.Sprintf(`{"model":"jimeng-video-3.0","prompt":"boat %d","duration":5}`, i))
	}
	wg.Wait()
}

func TestStreamsEndWithTheConfiguration(t *testing.T) {
	t.Parallel()
	stopping := make(chan struct{})
	g := serve(t, func(c *api.Config) { c.Stopping = stopping }).as("")
	l := g.listen("/api/v1/events", "")
	if l.next() == nil {
		t.Fatal("no snapshot")
	}
	close(stopping)
	if e := l.next(); e != nil {
		t.Errorf("the stream goes on with %v", e)
	}
}

func TestLastEventIDOfAnotherStream(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	for _, id := range []string{"x", "-1", "1e9", "99999999999999999999"} {
		if l := g.listen("/api/v1/events", id); l.response.StatusCode != http.StatusBadRequest {
			t.Errorf("Last-Event-ID %s: %s", id, l.response.Status)
		}
	}
	// One that is ahead of the database begins anew.
	if e := g.listen("/api/v1/events", "999999999").next(); e == nil || e.name != "snapshot" {
		t.Errorf("from the future: %v", e)
	}
}

// A stream ends when its key no longer holds.
func TestEventsEndWithTheKey(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	changes := []string{`{"enabled":false}`, `{"scopes":["video:create"]}`}
	// Many times, because what ended one request must not end the next one of the
	// same connection, which it once did in one of some hundred.
	for i := range 100 {
		change := changes[i%len(changes)]
		g := admin.as("")
		me := g.json("GET", "/api/v1/me", "", http.StatusOK)["key"].(map[string]any)["id"].(string)
		ears := g.listen("/api/v1/events", "")
		ears.next()
		admin.json("PATCH", "/api/v1/keys/"+me, change, http.StatusOK)
		if e := ears.next(); e != nil || ears.lines.Err() != nil {
			t.Errorf("%s: %v, %v; want the end of the stream", change, e, ears.lines.Err())
		}
	}
}
