package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a server that sends what a test wants to go over the wire, answer after
// answer; the last one again and again.
type wire struct {
	*Gateway
	asked chan string
}

func newWire(t *testing.T, answers map[string][]http.HandlerFunc) *wire {
	t.Helper()
	asked := make(chan string, 1000)
	mux := http.NewServeMux()
	for pattern, all := range answers {
		turn := make(chan int, 1)
		turn <- 0
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			asked <- r.Pattern
			i := <-turn
			turn <- i + 1
			all[min(i, len(all)-1)](w, r)
		})
	}
	server := httptest.NewServer(mux)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return &wire{&Gateway{Address: "here", Base: server.URL, Transport: transport}, asked}
}

// send answers with this status and text.
func send(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
}

func isTask(status string) http.HandlerFunc {
	return send(http.StatusOK, `{"task":{"id":"t1","status":"`+status+`"}}`)
}

const (
	getTask   = "GET /api/v1/tasks/t1"
	getEvents = "GET /api/v1/tasks/t1/events"
)

// followed follows the task and returns the statuses that were told.
func followed(t *testing.T, g *Gateway) (statuses string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []string
	u, err := g.follow(ctx, "t1", func(u *update) { all = append(all, u.Status) })
	if err == nil && u.Status != all[len(all)-1] {
		t.Errorf("the end is %s", u.Status)
	}
	return strings.Join(all, " "), err
}

func event(name, status string) string {
	return fmt.Sprintf("id: 7\nevent: task.%s\ndata: {\"seq\":7,\"type\":\"task.%s\",\"task\":{\"id\":\"t1\",\"status\":%q}}\n\n", name, name, status)
}

func TestFollowByEvents(t *testing.T) {
	t.Parallel()
	w := newWire(t, map[string][]http.HandlerFunc{
		getTask: {isTask("queued"), isTask("polling")},
		getEvents: {
			// The first stream breaks off as it does when the gateway is configured anew.
			send(http.StatusOK, "retry: 1000\n\nid: 3\nevent: snapshot\ndata: {\"seq\":3,\"tasks\":[{\"id\":\"t1\",\"status\":\"queued\"}]}\n\n:\n\n"+
				event("submitting", "submitting")),
			send(http.StatusOK, ":\n\n"+event("downloading", "downloading")+event("succeeded", "succeeded")+event("updated", "nonsense")),
		},
	})
	got, err := followed(t, w.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("queued queued submitting polling downloading succeeded", got); diff != "" {
		t.Error(diff)
	}
}

// Events bring no forecast; the last one stays.
func TestFollowKeepsTheForecast(t *testing.T) {
	t.Parallel()
	w := newWire(t, map[string][]http.HandlerFunc{
		getTask:   {send(http.StatusOK, `{"task":{"id":"t1","status":"queued","place":{"in_queue":3,"of_queue":12},"eta":{"finishes_at":"2020-01-02T03:04:05Z"}}}`)},
		getEvents: {send(http.StatusOK, event("updated", "queued")+event("polling", "polling")+event("succeeded", "succeeded"))},
	})
	var told []string
	if _, err := w.follow(t.Context(), "t1", func(u *update) {
		told = append(told, u.Status+" "+u.waits())
		if u.expected() == "" {
			t.Errorf("%s: no forecast", u.Status)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"queued place 3 of 12", "queued place 3 of 12", "polling ", "succeeded "}, told); diff != "" {
		t.Error(diff)
	}
}

// A gateway without events, or one that is unwell for a moment, is asked again.
func TestFollowByAsking(t *testing.T) {
	t.Parallel()
	w := newWire(t, map[string][]http.HandlerFunc{
		getTask:   {isTask("queued"), send(http.StatusServiceUnavailable, `{"error":"no gateway runs here"}`), isTask("failed")},
		getEvents: {send(http.StatusNotFound, `{"detail":"There is nothing.","code":"unknown_path"}`)},
	})
	got, err := followed(t, w.Gateway)
	if err != nil || got != "queued failed" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestFollowRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answers []http.HandlerFunc
		want    string
	}{
		"unknown": {[]http.HandlerFunc{send(http.StatusNotFound, `{"detail":"It does not exist.","code":"not_found"}`)}, "It does not exist."},
		"deleted meanwhile": {[]http.HandlerFunc{isTask("queued"), send(http.StatusNotFound, `{"detail":"It does not exist.","code":"not_found"}`)},
			"It does not exist."},
		"no gateway": {[]http.HandlerFunc{send(http.StatusServiceUnavailable, `{"error":"no gateway runs here"}`)}, "no gateway runs here"},
		"nonsense":   {[]http.HandlerFunc{send(http.StatusOK, `{"task":[]}`)}, "read the task"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, map[string][]http.HandlerFunc{getTask: test.answers, getEvents: {send(http.StatusOK, "data: nonsense\n\n")}})
			if _, err := followed(t, w.Gateway); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Whoever does not want to wait any longer need not.
func TestFollowInterrupted(t *testing.T) {
	t.Parallel()
	w := newWire(t, map[string][]http.HandlerFunc{
		getTask: {isTask("polling")},
		getEvents: {func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := w.follow(ctx, "t1", func(*update) {})
		result <- err
	}()
	for asked := ""; asked != getEvents; {
		asked = <-w.asked
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
