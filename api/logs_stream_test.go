package api_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

// nextTexts reads so many lines and returns their texts.
func (l *listener) nextTexts(n int) string {
	l.t.Helper()
	var all []string
	for range n {
		e := l.next()
		if e == nil {
			l.t.Fatalf("the stream ended after %q", all)
		}
		if e.name == "skipped" {
			all = append(all, fmt.Sprintf("skipped %v", e.data["lines"]))
			continue
		}
		if e.data["id"] != e.id {
			l.t.Errorf("event %s has the line %v", e.id, e.data["id"])
		}
		text := e.data["text"].(string)
		if e.name == "marker" {
			text = "-- " + text
		}
		all = append(all, text)
	}
	return strings.Join(all, "|")
}

func TestLogStream(t *testing.T) {
	t.Parallel()
	log := logOf(numbered(5)...)
	stopping := make(chan struct{})
	g := serve(t, func(c *api.Config) { c.GatewayLog, c.Stopping = log, stopping })
	all := g.listen("/api/v1/logs/stream", "")
	few := g.listen("/api/v1/logs/stream?lines=2", "")
	none := g.listen("/api/v1/logs/stream?lines=0", "")
	errors := g.listen("/api/v1/logs/stream?level=error", "")
	found := g.listen("/api/v1/logs/stream?q=^N.W&regex=true", "")
	stderr := g.listen("/api/v1/logs/stream?stream=stderr", "")
	if got := all.nextTexts(5); got != "line 0|line 1|line 2|line 3|line 4" {
		t.Errorf("first %s", got)
	}
	if got := few.nextTexts(2); got != "line 3|line 4" {
		t.Errorf("first %s", got)
	}
	last := few.last
	log.Append([]logs.Line{
		{Time: logTime.Add(time.Minute), Text: "new 1", Stream: logs.Stderr},
		{Time: logTime.Add(time.Minute), Text: "started anew", Stream: logs.Marker},
		{Time: logTime.Add(time.Minute), Text: "new 2", Level: logs.Error, Stream: logs.Stdout},
	})
	for listener, want := range map[*listener]string{all: "new 1|-- started anew|new 2", few: "new 1|-- started anew|new 2", none: "new 1|-- started anew|new 2",
		errors: "-- started anew|new 2", found: "new 1|new 2", stderr: "new 1|-- started anew"} {
		if got := listener.nextTexts(strings.Count(want, "|") + 1); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	// Whoever comes back goes on where it was, wherever that is.
	if got := g.listen("/api/v1/logs/stream", last).nextTexts(3); got != "new 1|-- started anew|new 2" {
		t.Errorf("again %s", got)
	}
	if got := g.listen("/api/v1/logs/stream?last_event_id="+last, "").nextTexts(3); got != "new 1|-- started anew|new 2" {
		t.Errorf("again %s", got)
	}
	if got := g.listen("/api/v1/logs/stream", "1-0").nextTexts(2); got != "skipped <nil>|line 0" {
		t.Errorf("from long ago %s", got)
	}
	g.json("GET", "/api/v1/logs/stream?last_event_id=x", "", http.StatusBadRequest)
	g.json("GET", "/api/v1/logs/stream?source=x", "", http.StatusBadRequest)
	if response, body := g.do("HEAD", "/api/v1/logs/stream", "", nil); response.Header.Get("Content-Type") != "text/event-stream" || len(body) > 0 {
		t.Errorf("HEAD: %v", response.Header)
	}
	close(stopping)
	if e := all.next(); e != nil {
		t.Errorf("after the end: %v", e)
	}
}

// What is compressed once for all is a whole gzip stream to each.
func TestLogStreamIsCompressed(t *testing.T) {
	t.Parallel()
	log := logs.New(8 << 20)
	stopping := make(chan struct{})
	g := serve(t, func(c *api.Config) { c.GatewayLog, c.Stopping = log, stopping })
	const listeners, n = 10, 2000
	got := make(chan string, listeners)
	for range listeners {
		r, err := http.NewRequestWithContext(t.Context(), "GET", g.url+"/api/v1/logs/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+g.key)
		r.Header.Set("Accept-Encoding", "gzip") // the client does not decompress by itself then
		response, err := g.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		if response.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("header %v", response.Header)
		}
		go func() {
			var text strings.Builder
			unpacked, err := gzip.NewReader(response.Body)
			if err == nil {
				scanner := bufio.NewScanner(io.TeeReader(unpacked, &text))
				for scanner.Scan() {
					if strings.Contains(scanner.Text(), fmt.Sprintf(`"line %d"`, n-1)) {
						got <- ""
					}
				}
				err = scanner.Err() // the checksum does not fit, or the end is missing
			}
			if err != nil {
				got <- err.Error()
				return
			}
			got <- text.String()
		}()
	}
	for _, line := range numbered(n) {
		line.Time, line.Stream = logTime, logs.Stdout
		log.Append([]logs.Line{line})
	}
	for range listeners {
		if text := <-got; text != "" {
			t.Fatal(text)
		}
	}
	close(stopping)
	first := ""
	for range listeners {
		text := <-got
		if strings.Count(text, "\nevent: line\n") != n || !strings.HasPrefix(text, "retry: 1000\n\n") {
			t.Fatalf("%d lines: %.200s", strings.Count(text, "\nevent: line\n"), text)
		}
		if first == "" {
			first = text
		}
		if text != first {
			t.Error("two listeners were sent different lines")
		}
	}
}

// A listener that does not read misses lines and is told how many.
func TestSlowLogListener(t *testing.T) {
	t.Parallel()
	log := logs.New(1 << 20)
	g := withLog(t, log)
	slow := g.listen("/api/v1/logs/stream?lines=0", "")
	log.Append([]logs.Line{{Time: logTime, Stream: logs.Stdout, Text: "0"}})
	if got := slow.nextTexts(1); got != "0" {
		t.Fatal(got)
	}
	const n = 40
	for i := range n { // more than sockets hold
		lines := make([]logs.Line, 100)
		for j := range lines {
			lines[j] = logs.Line{Time: logTime, Stream: logs.Stdout, Text: fmt.Sprint(i*len(lines)+j+1, strings.Repeat(" x", 5000))}
		}
		log.Append(lines)
	}
	want, skipped := 1, 0
	for want <= n*100 {
		e := slow.next()
		if e == nil {
			t.Fatal("the stream ended")
		}
		if e.name == "skipped" {
			lines := int(e.data["lines"].(float64))
			skipped += lines
			want += lines
			continue
		}
		if text, _, _ := strings.Cut(e.data["text"].(string), " "); text != fmt.Sprint(want) {
			t.Fatalf("got %s, want %d", text, want)
		}
		want++
	}
	if skipped == 0 {
		t.Error("nothing was skipped: the test shows nothing")
	}
}

func TestLogStreamEndsWithTheKey(t *testing.T) {
	t.Parallel()
	admin := withLog(t, logOf(numbered(1)...))
	made := admin.json("POST", "/api/v1/keys", `{"name":"reader","scopes":["log:read"]}`, http.StatusCreated)["key"].(map[string]any)
	g := *admin
	g.key = made["key"].(string)
	stream := g.listen("/api/v1/logs/stream", "")
	if got := stream.nextTexts(1); got != "line 0" {
		t.Fatal(got)
	}
	admin.json("PATCH", "/api/v1/keys/"+made["id"].(string), `{"scopes":["task:read"]}`, http.StatusOK)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { stream.response.Body.Close() })
	if e := stream.next(); e != nil || !stop() {
		t.Errorf("the stream goes on: %v", e)
	}
}
