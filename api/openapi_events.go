package api

import (
	"fmt"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// describeEvents describes the streams of events.
func (a *api) describeEvents(d *document) {
	// OpenAPI 3.1 has no words for what is inside a stream; tools that read one
	// take the schema for that of each event.
	event := func(names string, data any) *huma.Schema {
		text := func(s huma.Schema) *huma.Schema { s.Type = huma.TypeString; return &s }
		return &huma.Schema{Type: huma.TypeObject, Required: []string{"id", "event", "data"}, Properties: map[string]*huma.Schema{
			"id":    text(huma.Schema{Pattern: "^[0-9]+$", Description: "The number of the event."}),
			"event": text(huma.Schema{Pattern: names}),
			"data":  text(huma.Schema{Extensions: map[string]any{"contentMediaType": "application/json", "contentSchema": d.schema(data)}}),
		}}
	}
	schema := &huma.Schema{Description: "One event of the stream.", OneOf: []*huma.Schema{
		event("^snapshot$", snapshotView{}), event(`^task\.[a-z]+$`, eventView{}),
	}}
	how := fmt.Sprintf(`Server-sent events. The stream begins with one event `+"`snapshot`"+` (schema SnapshotEvent): the unfinished tasks, then the newest of the others, %d in all. `+
		`Each change follows as one event (schema TaskEvent), named `+"`task.` and the new status, `task.updated` or `task.deleted`"+`.

A client that comes back with `+"`Last-Event-ID`"+` gets what it has missed, without a gap or a double, or a new snapshot if that is too long ago. `+
		`A comment every %d seconds keeps the line open; a listener that takes longer than %d seconds for an event is dropped and can come back.`,
		snapshotTasks, heartbeatEvery/time.Second, writePatience/time.Second)
	for _, stream := range []struct{ pattern, id, summary, text string }{
		{"GET /api/v1/events", "listen", "Listen to all tasks", "The caller's own tasks, or everybody's for an admin. "},
		{"GET /api/v1/tasks/{id}/events", "listen-to-task", "Listen to a task", "Ends after the event with which the task ends; 204 tells a client that has seen that one not to come back. "},
	} {
		op := d.add(stream.pattern, stream.id, "tasks", stream.summary, stream.text+how)
		if stream.pattern != "GET /api/v1/events" {
			op.Parameters = []*huma.Param{{Name: "id", In: "path", Description: "The id.", Required: true, Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(64)}}}
			op.Responses["204"] = &huma.Response{Description: "The task has ended, and the client has seen it."}
		}
		number := &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(0.0)}
		op.Parameters = append(op.Parameters,
			&huma.Param{Name: "Last-Event-ID", In: "header", Description: "The id of the last event that the client has seen. Browsers send it by themselves.", Schema: number},
			&huma.Param{Name: "last_event_id", In: "query", Description: "The same, for clients that cannot set a header.", Schema: number})
		op.Responses["200"] = &huma.Response{Description: "The stream.", Content: map[string]*huma.MediaType{
			"text/event-stream": {Schema: schema, Example: exampleEvent}}}
	}
}

// TransformSchema implements [huma.SchemaTransformer].
func (*eventView) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["task"] = orNull(s.Properties["task"])
	return s
}

var exampleEvent = map[string]string{
	"id":    "90412",
	"event": "task.queued",
	"data":  exampleEventData,
}

var exampleEventData = func() string {
	raw, err := marshal(eventView{Seq: 90412, Type: "task.queued", At: after(0), What: "created", ID: exampleID, Task: exampleQueued})
	if err != nil { // a plain struct
		return ""
	}
	return strings.TrimSpace(string(raw))
}()
