package api

import (
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// describeEvents describes the streams of events.
func (a *api) describeEvents(d *document) {
	// Nothing in the document refers to them but the text: OpenAPI 3.1 has no
	// words for what is inside a stream.
	d.schema(eventView{})
	d.schema(snapshotView{})
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
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}, Example: exampleStream}}}
	}
}

const exampleStream = `retry: 1000

id: 90411
event: snapshot
data: {"seq":90411,"complete":true,"tasks":[]}

id: 90412
event: task.queued
data: {"seq":90412,"type":"task.queued","at":"2026-11-12T09:30:00Z","what":"created","task":{"id":"` + exampleID + `","status":"queued",…}}
`
