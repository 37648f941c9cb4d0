package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// event is one event of a stream, and when it came.
type event struct {
	id, name, data string
	at             time.Time
}

// listen follows a stream until it ends, or do returns false. The error is nil
// if the gateway ended it.
func (w *world) listen(ctx context.Context, path, lastEventID string, do func(event) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", w.gateway+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s: %s", response.Status, text)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 64<<20)
	var e event
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if e.name != "" {
				if e.at = time.Now(); !do(e) {
					return nil
				}
			}
			e = event{}
		}
	}
	return lines.Err()
}

// A thousand listeners hear of a change within 50 ms, and a reload and a stop do
// not wait for them. Whoever comes back has missed nothing.
func TestAThousandListeners(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "1h")
	w.start()
	const listeners = 1000
	heard := make(chan time.Time, listeners)
	ready := make(chan bool, listeners)
	var wg sync.WaitGroup
	for range listeners {
		wg.Go(func() {
			err := w.listen(t.Context(), "/api/v1/events", "", func(e event) bool {
				switch e.name {
				case "snapshot":
					ready <- true
				case "task.queued":
					heard <- e.at
				}
				return true
			})
			// A server that closes may break the connection after its last byte.
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && t.Context().Err() == nil {
				t.Errorf("listen: %v", err)
			}
		})
	}
	for range listeners {
		<-ready
	}
	var late []time.Duration
	for i := range 5 {
		sent := time.Now()
		if _, _, err := w.seedance(fmt.Sprint("boat ", i)); err != nil {
			t.Fatal(err)
		}
		var last time.Time
		for range listeners {
			if at := <-heard; at.After(last) {
				last = at
			}
		}
		late = append(late, last.Sub(sent))
	}
	slices.Sort(late)
	t.Logf("submit to the last of %d listeners: %v", listeners, late)
	// The client shares the two cores with the gateway, so this is generous.
	if late[0] > time.Second {
		t.Errorf("a change took %v to reach all listeners", late[0])
	}
	stopped := time.Now()
	w.term()
	wg.Wait()
	if took := time.Since(stopped); took > 8*time.Second {
		t.Errorf("the stop took %v with %d listeners", took, listeners)
	}
}

// A listener that comes back after reloads, a kill -9 and a restart has heard
// every event of every task once.
func TestEventsAcrossRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "500ms")
	w.start()
	w.sessions(4, 2)
	type heard struct{ name, task string }
	var mu sync.Mutex
	seen, ended, last := map[string]heard{}, map[string]bool{}, ""
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	begun := make(chan bool, 1)
	wg.Go(func() {
		for ctx.Err() == nil {
			// Between two lives of the gateway nobody answers.
			_ = w.listen(ctx, "/api/v1/events", last, func(e event) bool {
				mu.Lock()
				defer mu.Unlock()
				if e.name == "snapshot" && last != "" {
					t.Errorf("began anew with a snapshot after %s", last)
				}
				if before, twice := seen[e.id]; twice {
					t.Errorf("event %s came twice: %v and %s", e.id, before, e.name)
				}
				if e.name == "task.succeeded" {
					_, after, _ := strings.Cut(e.data, `"task":{"id":"`)
					id, _, _ := strings.Cut(after, `"`)
					ended[id] = true
				}
				seen[e.id] = heard{e.name, e.data}
				last = e.id
				select {
				case begun <- true:
				default:
				}
				return true
			})
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	<-begun
	const tasks = 60
	for i := range tasks {
		var err error
		if again := w.again(func() (int, error) {
			var status int
			_, status, err = w.seedance(fmt.Sprint("boat ", i))
			return status, err
		}); again != nil {
			t.Fatal(again)
		}
		switch i {
		case 15, 25:
			w.reload()
		case 35:
			w.kill()
			w.start()
		case 50:
			w.term()
			w.start()
		}
	}
	w.eventually(time.Minute, func() string {
		mu.Lock()
		defer mu.Unlock()
		s := w.stats()
		if n := len(ended); n != s["succeeded"] || s["succeeded"]+s["failed"] < tasks {
			return fmt.Sprintf("%d ends were heard, stats %v", n, s)
		}
		return ""
	})
	cancel()
	wg.Wait()
}

// An event of either node reaches the listeners of both.
func TestEventsOfTwoNodes(t *testing.T) {
	t.Parallel()
	w, other := twoNodes(t, "300ms")
	w.sessions(4, 2)
	const tasks = 20
	var wg sync.WaitGroup
	ready := make(chan bool, 2)
	var streams [2][]string
	for i, node := range []*world{w, other} {
		wg.Go(func() {
			ends := 0
			err := node.listen(t.Context(), "/api/v1/events", "", func(e event) bool {
				if e.name == "snapshot" {
					ready <- true
					return true
				}
				streams[i] = append(streams[i], e.id+" "+e.name)
				if e.name == "task.succeeded" {
					ends++
				}
				return ends < tasks
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	<-ready
	<-ready
	for i := range tasks {
		node := []*world{w, other}[i%2]
		if _, _, err := node.seedance(fmt.Sprint("boat ", i)); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if !slices.Equal(streams[0], streams[1]) {
		t.Errorf("the streams differ:\n%v\n%v", streams[0], streams[1])
	}
	w.term()
	other.term()
}
