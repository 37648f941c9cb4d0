package api

import (
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

var describeLogStream = fmt.Sprintf(`Server-sent events. The stream begins with the newest lines that the filter chooses, and each new one follows within %d milliseconds as an event `+
	"`line` (schema EntryView). What the gateway says of the log, such as that the container has started anew, is an event `marker` of the same schema, whatever the filter. "+
	"`skipped` (schema SkippedView) stands for lines that are missing, because the listener was too slow or nobody has them any more."+`

A client that comes back with `+"`Last-Event-ID`"+` gets what it has missed, without a gap or a double. A comment every %d seconds keeps the line open; a listener that takes longer than %d seconds `+
	`for what it is sent is dropped and can come back. Clients that take gzip get it.`, 2*logPace/time.Millisecond, heartbeatEvery/time.Second, writePatience/time.Second)

// describeLogs describes what huma only knows to stream.
func (a *api) describeLogs(d *document) {
	text := func(s huma.Schema) *huma.Schema { s.Type = huma.TypeString; return &s }
	event := func(names, id string, data any) *huma.Schema {
		s := &huma.Schema{Type: huma.TypeObject, Required: []string{"event", "data"}, Properties: map[string]*huma.Schema{
			"event": text(huma.Schema{Pattern: names}),
			"data":  text(huma.Schema{Extensions: map[string]any{"contentMediaType": "application/json", "contentSchema": d.schema(data)}}),
		}}
		if id != "" {
			s.Required = append(s.Required, "id")
			s.Properties["id"] = text(huma.Schema{Pattern: id, Description: "The id of the line."})
		}
		return s
	}
	d.operation("GET /api/v1/logs/stream").Responses["200"].Content = map[string]*huma.MediaType{"text/event-stream": {
		Schema: &huma.Schema{Description: "One event of the stream.", OneOf: []*huma.Schema{
			event("^(line|marker)$", `^[0-9]+-[0-9]+$`, entryView{}), event("^skipped$", "", skippedView{}),
		}},
		Example: map[string]string{"id": exampleEntry.ID, "event": "line", "data": exampleEntryData},
	}}
	d.operation("GET /api/v1/logs/download").Responses["200"].Content = map[string]*huma.MediaType{"text/plain": {
		Schema: text(huma.Schema{}), Example: "2026-11-12T09:30:00.123456Z stdout info " + exampleEntry.Text + "\n",
	}}
}

var exampleEntry = &entryView{ID: "1794475800123456789-0", Time: exampleTime.Add(123456789), Source: "jimeng-api", Stream: "stdout", Level: new("info"),
	Text: "[info] Polling history 4721984402178, status 20"}

var exampleEntryData = func() string {
	raw, err := marshal(exampleEntry)
	if err != nil { // a plain struct
		return ""
	}
	return string(raw)
}()

var exampleLogs = logsAnswer{Logs: []string{exampleEntry.Text}, Count: 1, Source: exampleEntry.Source, Entries: []*entryView{exampleEntry}, More: true, Before: new(exampleEntry.ID)}

var exampleTaskLogs = func() taskLogsAnswer {
	entry := *exampleEntry
	entry.Match = "id"
	return taskLogsAnswer{TaskID: exampleID, Entries: []*entryView{&entry}, Count: 1, Sources: []*logsSourceView{{Name: "jimeng-api", Complete: true},
		{Name: "gateway", Reason: new("The gateway keeps only the newest of its own lines, since its start.")}}}
}()

var exampleContainers = func() containersAnswer {
	load := &loadView{At: exampleTime, CPU: 0.12, Memory: 214_000_000}
	return containersAnswer{Containers: []*containerState{{Name: "jimeng-api", ID: new("4f1f0b822cd15d6c"), Image: new("jimeng-free-api-all:latest"), Running: true, State: "running",
		Health: new("healthy"), StartedAt: after(-48 * time.Hour), Load: load, Loads: []*loadView{load}}}}
}()
