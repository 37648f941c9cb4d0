package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

func (c Connect) tasks() *cobra.Command {
	return group("task", "Look at tasks, follow, cancel and retry them",
		c.taskList(), c.taskShow(), c.taskWatch(), c.taskHistory(), c.taskCancel(), c.taskRetry(), c.taskDelete())
}

// taskFilters are the flags of the list that the API takes by the same name, with
// a - for a _.
var taskFilters = []struct{ flag, query, usage string }{
	{"status", "status", "only tasks with one of these statuses, separated by commas: queued, submitting, polling, downloading, succeeded, failed, cancelled"},
	{"model", "model", "only tasks of these models, separated by commas"},
	{"key", "key", "only tasks of the key with this id"},
	{"session", "session", "only tasks whose last attempt was on these sessions"},
	{"upstream", "upstream", "only tasks whose last attempt was at these upstreams"},
	{"error-kind", "error_kind", "only tasks that failed for one of these reasons, such as content_risk"},
	{"from", "from", "only tasks made at this time or after, such as 2026-11-01 or 2026-11-01T12:00:00Z"},
	{"to", "to", "only tasks made before this time"},
	{"text", "q", "only tasks with this in their prompt, error message or id"},
	{"cursor", "cursor", "go on after the page that named this"},
}

func (c Connect) taskList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List tasks, the newest first", Args: cobra.NoArgs,
		Example: "  list --status failed --limit 10\n  list --key 01JC… --from 2026-11-01",
	}
	for _, f := range taskFilters {
		cmd.Flags().String(f.flag, "", f.usage)
	}
	number := cmd.Flags().Int("limit", 50, "how many, at most 500")
	cmd.RunE = c.on(func(r *run, _ []string) error {
		query := url.Values{"limit": {strconv.Itoa(*number)}}
		for _, f := range taskFilters {
			if value, _ := cmd.Flags().GetString(f.flag); value != "" {
				query.Set(f.query, value)
			}
		}
		return ask(r, http.MethodGet, "/api/v1/tasks?"+query.Encode(), nil, r.listTasks)
	})
	return cmd
}

func (r *run) listTasks(answer *struct {
	Tasks []task
	Next  *string
}) error {
	t := newTable("ID", "STATUS", "MODEL", "MADE", "TOOK", "PROMPT")
	for _, task := range answer.Tasks {
		t.row(task.ID, task.state(), task.Model, when(task.CreatedAt), span(task.took()), shorten(task.Prompt, promptWidth))
	}
	if err := t.write(r.out); err != nil || answer.Next == nil {
		return err
	}
	_, err := fmt.Fprintln(r.err, "There are more: --cursor "+clean(*answer.Next))
	return err
}

func (c Connect) taskShow() *cobra.Command {
	return &cobra.Command{
		Use: "show <id>", Short: "Show a task", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodGet, at("tasks", args[0]), nil, r.showTask)
		}),
	}
}

func (r *run) showTask(answer *taskAnswer) error {
	k := &answer.Task
	t := newTable("ID", k.ID)
	optional := func(name string, text string) {
		if text != "" && text != none {
			t.row(name, text)
		}
	}
	t.row("Status", k.Status)
	optional("Error", or(k.ErrorKind))
	optional("Message", or(k.ErrorMessage))
	optional("Delayed", or(k.DelayReason))
	optional("Money", or(k.Money))
	if k.Place != nil {
		t.row("Queue", k.waits())
	}
	optional("Upstream queue", k.upstreamPlace())
	t.row("Model", k.Model)
	if k.Duration != nil {
		t.row("Duration", strconv.Itoa(*k.Duration)+" s")
	}
	optional("Ratio", or(k.Ratio))
	optional("Resolution", or(k.Resolution))
	optional("Prompt", k.Prompt)
	for i, m := range k.Materials {
		text := m.URL
		if m.Size != nil {
			text = fmt.Sprintf("%s (%s, %s)", or(m.Name), m.Kind, bytesOf(*m.Size))
		}
		t.row(fmt.Sprint("Material ", i+1), text)
	}
	optional("Session", or(k.SessionPoolID))
	optional("Upstream's id", or(k.HistoryID))
	optional("Retry of", or(k.RetryOf))
	t.row("Made", when(k.CreatedAt))
	t.row("Started", when(k.StartedAt))
	t.row("Finished", when(k.FinishedAt))
	if !k.ended() {
		if expected := k.expected(); expected != "" {
			t.row("Expected", fmt.Sprintf("%s (confidence: %s)", expected, or(k.ETA.Confidence)))
		}
		t.row("Deadline", when(k.Deadline))
	}
	t.row("Took", span(k.took()))
	for i, a := range k.Artifacts {
		t.row(fmt.Sprint("Artifact ", i+1), a.about())
		if a.URL != "" {
			t.row("", a.URL)
		}
	}
	return t.write(r.out)
}
