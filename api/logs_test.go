package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

var logTime = time.Date(2026, 11, 12, 9, 30, 0, 0, time.UTC)

// logOf is a log with the lines, a second after each other.
func logOf(lines ...logs.Line) *logs.Log {
	log := logs.New(1 << 20)
	for i, line := range lines {
		line.Time = logTime.Add(time.Duration(i) * time.Second)
		if line.Stream == "" {
			line.Stream = logs.Stdout
		}
		log.Append([]logs.Line{line})
	}
	return log
}

func numbered(n int) (lines []logs.Line) {
	for i := range n {
		lines = append(lines, logs.Line{Text: fmt.Sprint("line ", i)})
	}
	return lines
}

// withLog serves the log as the gateway's own.
func withLog(t *testing.T, log *logs.Log) *gateway {
	t.Helper()
	return serve(t, func(c *api.Config) { c.GatewayLog = log })
}

func texts(answer map[string]any) string {
	var all []string
	for _, line := range answer["logs"].([]any) {
		all = append(all, line.(string))
	}
	return strings.Join(all, "|")
}

func TestLogs(t *testing.T) {
	t.Parallel()
	g := withLog(t, logOf(
		logs.Line{Text: "all \x1b[31mre\x1b[1md\x1b[0m", Level: logs.Info},
		logs.Line{Text: "Größe UPPER", Level: logs.Warn, Stream: logs.Stderr},
		logs.Line{Text: "no level"},
		logs.Line{Text: "started anew", Stream: logs.Marker},
		logs.Line{Text: "the end 42", Level: logs.Error, Cut: 7, Session: "ses_1"},
	))
	for query, want := range map[string]string{
		"":                            "all \x1b[31mre\x1b[1md\x1b[0m|Größe UPPER|no level|started anew|the end 42",
		"?source=gateway&lines=2":     "started anew|the end 42",
		"?level=error":                "started anew|the end 42",
		"?level=warn,error":           "Größe UPPER|started anew|the end 42",
		"?stream=stderr":              "Größe UPPER|started anew",
		"?q=red":                      "all \x1b[31mre\x1b[1md\x1b[0m",
		"?q=gRÖSSE":                   "",
		"?q=GRÖße+upper":              "Größe UPPER",
		"?q=END+\\d%2B$&regex=true":   "the end 42",
		"?q=END+\\d%2B$":              "",
		"?since=1794475804":           "the end 42",
		"?since=1794475803.5":         "the end 42",
		"?until=2026-11-12T09:30:01Z": "all \x1b[31mre\x1b[1md\x1b[0m",
		"?since=2026-11-13":           "",
	} {
		answer := g.json("GET", "/api/v1/logs"+query, "", http.StatusOK)
		if got := texts(answer); got != want || answer["source"] != "gateway" || answer["more"] != (query == "?source=gateway&lines=2") {
			t.Errorf("%s: %q, more %v; want %q", query, got, answer["more"], want)
		}
	}
	entry := g.json("GET", "/api/v1/logs?lines=1", "", http.StatusOK)["entries"].([]any)[0].(map[string]any)
	if entry["level"] != "error" || entry["cut"] != 7.0 || entry["session_id"] != "ses_1" || entry["stream"] != "stdout" || entry["time"] != "2026-11-12T09:30:04Z" {
		t.Errorf("entry %v", entry)
	}
	for query, want := range map[string]string{
		"source=other":                    "source: must be one of gateway",
		"since=100&until=50":              "since: must not be after until",
		"since=soon":                      "since: must be Unix seconds",
		"q=(&regex=true":                  "q: is no regular expression: missing closing )",
		"q=a{1001}&regex=true":            "q: is no regular expression",
		"level=fatal":                     "level",
		"stream=marker":                   "stream",
		"lines=10001":                     "lines",
		"before=x":                        "before: must be the id of a line",
		"before=1-0&after=1-0":            "cannot be sent together",
		"q=" + strings.Repeat("a", 201):   "q",
		"task=01k9tz4r6q8w2e5y7v1j3m0p9a": "",
	} {
		status := http.StatusBadRequest
		if want == "" {
			status = http.StatusNotFound
		}
		if answer := g.json("GET", "/api/v1/logs?"+query, "", status); !strings.Contains(fmt.Sprint(answer["field"], ": ", answer["detail"], answer["errors"]), want) {
			t.Errorf("%s: %v", query, answer)
		}
	}
	for _, role := range []string{`"task:read"`, `"pool:read","task:all"`} {
		for _, path := range []string{"/logs", "/logs/stream", "/logs/download", "/containers"} {
			g.as(`{"name":"x","scopes":[`+role+`]}`).json("GET", "/api/v1"+path, "", http.StatusForbidden)
		}
	}
}

// All lines come once, whichever way a client goes through them.
func TestLogPages(t *testing.T) {
	t.Parallel()
	const n = 1000
	g := withLog(t, logOf(numbered(n)...))
	var got []string
	var middle string
	query := ""
	for page := g.json("GET", "/api/v1/logs?lines=300", "", http.StatusOK); ; page = g.json("GET", "/api/v1/logs?lines=300&before="+query, "", http.StatusOK) {
		entries := page["entries"].([]any)
		got = append([]string{texts(page)}, got...)
		if len(entries) > 150 {
			middle = entries[150].(map[string]any)["id"].(string)
		}
		if page["more"] != true {
			break
		}
		query = page["before"].(string)
	}
	var want []string
	for _, line := range numbered(n) {
		want = append(want, line.Text)
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("pages: %d lines", len(strings.Split(strings.Join(got, "|"), "|")))
	}
	if around := texts(g.json("GET", "/api/v1/logs?lines=5&around="+middle, "", http.StatusOK)); around != "line 248|line 249|line 250|line 251|line 252" {
		t.Errorf("around: %s", around)
	}
	if after := texts(g.json("GET", "/api/v1/logs?lines=2&after="+middle, "", http.StatusOK)); after != "line 251|line 252" {
		t.Errorf("after: %s", after)
	}
}

func TestLogDownload(t *testing.T) {
	t.Parallel()
	g := withLog(t, logOf(logs.Line{Text: "\x1b[31mred\x1b[0m"}, logs.Line{Text: "two", Level: logs.Warn, Stream: logs.Stderr}))
	response, body := g.do("GET", "/api/v1/logs/download", "", nil)
	if want := "2026-11-12T09:30:00.000000Z stdout - red\n2026-11-12T09:30:01.000000Z stderr warn two\n"; string(body) != want {
		t.Errorf("got %q", body)
	}
	if name := response.Header.Get("Content-Disposition"); !strings.HasPrefix(name, `attachment; filename="gateway-20`) || !strings.HasSuffix(name, `.log"`) ||
		response.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("header %v", response.Header)
	}
	if _, body := g.do("GET", "/api/v1/logs/download?q=RED&colors=true", "", nil); string(body) != "2026-11-12T09:30:00.000000Z stdout - \x1b[31mred\x1b[0m\n" {
		t.Errorf("filtered %q", body)
	}
}

// What Docker cannot be asked for is said, and the gateway's own log is there.
func TestLogsWithoutDocker(t *testing.T) {
	t.Parallel()
	docker := logs.NewDocker(logs.DockerConfig{Host: "unix:///nowhere/docker.sock", Logger: zap.NewNop()})
	t.Cleanup(docker.Close)
	t.Cleanup(docker.Configure([]string{"jimeng-api"}))
	g := serve(t, func(c *api.Config) { c.Docker, c.GatewayLog, c.ContainerRestart = docker, logOf(numbered(3)...), true })
	// The marker that says so comes before any line, and ends no search.
	log, _ := docker.Log("jimeng-api")
	until(t, "the marker", func() bool { lines, _ := log.Kept(); return len(lines) > 0 })
	for _, path := range []string{"/api/v1/logs", "/api/v1/logs?since=1", "/api/v1/logs?since=1794475800", "/api/v1/logs/download", "/api/v1/logs/download?since=1"} {
		if answer := g.json("GET", path, "", http.StatusServiceUnavailable); answer["code"] != "logs_unavailable" || !strings.Contains(answer["detail"].(string), "/nowhere/docker.sock") {
			t.Errorf("%s: %v", path, answer)
		}
	}
	// What the gateway has of the log is better than nothing.
	log.Append([]logs.Line{{Time: logTime, Stream: logs.Stdout, Text: "kept"}})
	if answer := g.json("GET", "/api/v1/logs", "", http.StatusOK); !strings.HasSuffix(texts(answer), "kept") || answer["more"] != true || answer["unavailable"] == nil {
		t.Errorf("kept: %v", answer)
	}
	if answer := g.json("GET", "/api/v1/logs?lines=1", "", http.StatusOK); texts(answer) != "kept" {
		t.Errorf("kept: %v", answer)
	}
	if answer := g.json("GET", "/api/v1/logs?source=gateway", "", http.StatusOK); answer["count"] != 3.0 {
		t.Errorf("own: %v", answer)
	}
	if answer := g.json("GET", "/api/v1/logs?source=x", "", http.StatusBadRequest); !strings.Contains(fmt.Sprint(answer), "jimeng-api, gateway") {
		t.Errorf("unknown: %v", answer)
	}
	containers := g.json("GET", "/api/v1/containers", "", http.StatusOK)
	one := containers["containers"].([]any)[0].(map[string]any)
	if one["name"] != "jimeng-api" || one["state"] != "unknown" || one["running"] != false || containers["restart"] != true {
		t.Errorf("containers: %v", containers)
	}
	g.json("POST", "/api/v1/containers/jimeng-api/restart", "", http.StatusServiceUnavailable)
}

func TestContainerRestart(t *testing.T) {
	t.Parallel()
	docker := logs.NewDocker(logs.DockerConfig{Host: "unix:///nowhere/docker.sock", Logger: zap.NewNop()})
	t.Cleanup(docker.Close)
	t.Cleanup(docker.Configure([]string{"jimeng-off"}))
	g := serve(t, func(c *api.Config) { c.Docker = docker })
	if answer := g.json("POST", "/api/v1/containers/jimeng-off/restart", "", http.StatusConflict); answer["code"] != "restart_off" {
		t.Errorf("off: %v", answer)
	}
	for _, name := range []string{"other", "..", "a;reboot", "$(reboot)", strings.Repeat("n", 100)} {
		g.json("POST", "/api/v1/containers/"+url.PathEscape(name)+"/restart", "", http.StatusNotFound)
	}
	g.as(`{"name":"x","scopes":["log:read","session:test"]}`).json("POST", "/api/v1/containers/jimeng-off/restart", "", http.StatusForbidden)
	lines := g.json("GET", "/api/v1/audit?action=POST+/api/v1/containers/{name}/restart&result=restart_off", "", http.StatusOK)["lines"].([]any)
	if len(lines) == 0 {
		t.Error("the refusal is not in the audit log")
	}
}

func TestTaskLogs(t *testing.T) {
	t.Parallel()
	log := logs.New(1 << 20)
	docker := logs.NewDocker(logs.DockerConfig{Host: "unix:///nowhere/docker.sock", Logger: zap.NewNop()})
	t.Cleanup(docker.Close)
	t.Cleanup(docker.Configure([]string{"jimeng-api"}))
	admin := serve(t, func(c *api.Config) { c.Docker, c.GatewayLog = docker, log })
	g := admin.as(`{"name":"x","scopes":["video:create","task:read","log:read"]}`)
	log.Append([]logs.Line{{Time: time.Now().Add(-time.Hour), Stream: logs.Stderr, Text: "long ago"}})
	id := g.submit(`{"model":"seedance-2.0","prompt":"a boat @1","duration":5,"file_paths":["https://files.example/boat.png"]}`)
	task := g.await(id, "succeeded")
	record, session := task["history_record_id"].(string), task["session_pool_id"].(string)
	history := g.json("GET", "/api/v1/tasks/"+id+"/history", "", http.StatusOK)
	attempt := history["attempts"].([]any)[0].(map[string]any)
	moment := func(name string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, attempt[name].(string))
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	sent := moment("sent_at")
	container, _ := docker.Log("jimeng-api")
	line := func(at time.Time, session, text string) logs.Line {
		return logs.Line{Time: at, Stream: logs.Stdout, Session: session, Text: text}
	}
	container.Append([]logs.Line{
		line(sent.Add(-time.Hour), "", "an hour before"),
		line(sent, "", "uploading a file"),
		line(sent, session, "[session x] submits"),
		line(sent, "ses_other", "[session y] submits"),
		line(sent, "", "\x1b[32mhistory "+record[:3]+"\x1b[0m"+record[3:]+" accepted"),
		line(sent, session, "history 9999999999999 accepted"),
		line(sent.Add(time.Hour), session, "an hour later"),
		line(sent.Add(time.Hour), "", "late news of "+record),
	})
	log.Append([]logs.Line{
		{Time: sent, Stream: logs.Stderr, Task: id, Text: "task accepted"},
		{Time: sent, Stream: logs.Stderr, Task: "01k9tz4r6q8w2e5y7v1j3m0p9a", Text: "another task accepted"},
		{Time: sent, Stream: logs.Stderr, Text: "something else"},
	})
	answer := g.json("GET", "/api/v1/tasks/"+id+"/logs", "", http.StatusOK)
	var got []string
	for _, e := range answer["entries"].([]any) {
		entry := e.(map[string]any)
		if text := entry["text"].(string); entry["source"] == "jimeng-api" || text == "task accepted" || strings.Contains(text, "else") || strings.Contains(text, "another") {
			got = append(got, fmt.Sprint(entry["match"], " ", strings.ReplaceAll(logs.Plain(text), record, "RECORD")))
		}
	}
	slices.Sort(got)
	want := []string{"id history RECORD accepted", "id late news of RECORD", "id task accepted", "session [session x] submits", "time uploading a file"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	sources := answer["sources"].([]any)
	// Docker does not answer now: nobody knows what the container has written since its last line.
	if first := sources[0].(map[string]any); len(sources) != 2 || first["name"] != "jimeng-api" || first["complete"] != false || !strings.Contains(fmt.Sprint(first["reason"]), "/nowhere/docker.sock") {
		t.Errorf("sources %v", sources)
	}
	if second := sources[1].(map[string]any); second["complete"] != true {
		t.Errorf("sources %v", sources)
	}
	if answer := g.json("GET", "/api/v1/logs?task="+id, "", http.StatusOK); answer["count"] != 4.0 {
		t.Errorf("by task: %v", texts(answer))
	}
	// Others see neither the task nor that it exists.
	admin.as(`{"name":"y","scopes":["task:read","log:read"]}`).json("GET", "/api/v1/tasks/"+id+"/logs", "", http.StatusNotFound)
	admin.as(`{"name":"z","scopes":["task:read","task:all"]}`).json("GET", "/api/v1/tasks/"+id+"/logs", "", http.StatusForbidden)
}
