package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
)

func (a *api) taskOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/tasks", "list-tasks", "tasks", "List tasks",
		"The newest first; one's own, or everybody's for an admin. In the filter, several values have commas between them. Pages stay right while tasks are added: none is shown twice or left out. "+
			"A page can have fewer tasks than `limit` and a `next` all the same, when few of many tasks pass the filter."), a.listTasks)
	handle(a, h, operation(get, "/api/v1/tasks/{id}", "get-task", "tasks", "Read a task",
		"To follow a task, listen to `/api/v1/tasks/{id}/events`, or ask again every few seconds until the status is succeeded, failed or cancelled."), a.getTask)
	handle(a, h, operation(get, "/api/v1/tasks/{id}/history", "get-task-history", "tasks", "Read what happened to a task",
		"Every wait, attempt, session, poll that told something new, error in the upstream's own words, and what was paid; oldest first."), a.getHistory)
	handle(a, h, operation(post, "/api/v1/tasks/{id}/cancel", "cancel-task", "tasks", "Cancel a task",
		"The answer says whether credits may be spent all the same: not every upstream can stop what it has begun. "+
			"409 `task_ended` when the task has ended."), a.cancelTask)
	handle(a, h, with(http.StatusCreated, operation(post, "/api/v1/tasks/{id}/retry", "retry-task", "tasks", "Send a task again",
		"Makes a new task with the same input. It is paid like any other. 409 `task_not_ended` while the first one runs.")), a.retryTask)
	handle(a, h, operation(remove, "/api/v1/tasks/{id}", "delete-task", "tasks", "Delete a task",
		"Removes a task that has ended, its history and its artifacts. 409 `task_not_ended` while it runs: cancel it first."), a.deleteTask)
	const many = "Chosen by a filter, in one call up to 10,000; `more` says whether to call again. With `dry_run` nothing happens and the answer says how many there are. " +
		"A filter that chooses everything must say so with `all`."
	handle(a, h, operation(post, "/api/v1/tasks/cancel", "cancel-tasks", "tasks", "Cancel many tasks", many), a.bulk(queue.CancelAll))
	handle(a, h, operation(post, "/api/v1/tasks/retry", "retry-tasks", "tasks", "Send many tasks again", many+
		" Without a status in the filter these are the failed ones. Tasks that were sent again before are left out: what is asked for twice is not paid twice. Each new task is paid like any other."), a.bulk(queue.RetryAll))
	handle(a, h, operation(post, "/api/v1/tasks/delete", "delete-tasks", "tasks", "Delete many tasks", many), a.bulk(queue.DeleteAll))
}

type taskAnswer struct {
	Task *taskView `json:"task"`
}

type listTasksInput struct {
	TaskFilter
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many."`
	Cursor string `query:"cursor" maxLength:"200" doc:"The member next of the page before, with the same filter."`
	Counts bool   `query:"counts" doc:"Also count the tasks that the filter chooses by status, whatever status it asks for."`
}

type listTasksAnswer struct {
	Tasks  []*taskView `json:"tasks" nullable:"false"`
	Next   *string     `json:"next" doc:"What to send as cursor for the next page, null on the last one."`
	Counts *taskCounts `json:"counts,omitempty" doc:"Only if asked for."`
}

func (a *api) listTasks(ctx context.Context, in *listTasksInput) (*body[listTasksAnswer], error) {
	c := callerOf(ctx)
	answer := listTasksAnswer{Tasks: []*taskView{}}
	filter, ok, err := in.filter(c)
	if err != nil {
		return nil, err
	}
	before, err := readCursor(in.Cursor, c.Owner(), &filter)
	if err != nil {
		return nil, err
	}
	if !ok {
		if in.Counts {
			answer.Counts = &taskCounts{}
		}
		return reply(answer)
	}
	tasks, next, err := a.Store.Tasks(ctx, a.everyName(filter), before, in.Limit)
	if err != nil {
		return nil, err
	}
	if next != "" {
		answer.Next = new(cursor(next, c.Owner(), &filter))
	}
	for _, task := range tasks {
		answer.Tasks = append(answer.Tasks, a.taskView(c.base, task))
	}
	if in.Counts {
		if answer.Counts, err = a.count(ctx, a.everyName(filter)); err != nil {
			return nil, err
		}
	}
	return reply(answer)
}

func (a *api) getTask(ctx context.Context, in *byID) (*body[taskAnswer], error) {
	c := callerOf(ctx)
	task, err := a.Store.PeekTask(ctx, c.Owner(), in.ID)
	if err != nil {
		return nil, err
	}
	return reply(taskAnswer{a.forecast(ctx, a.taskView(c.base, task), task)})
}

type cancelAnswer struct {
	OK    bool      `json:"ok"`
	Money string    `json:"money" enum:"not_started,stopped,runs_on_upstream" doc:"Whether credits may be spent all the same."`
	Task  *taskView `json:"task"`
}

func (a *api) cancelTask(ctx context.Context, in *byID) (*body[cancelAnswer], error) {
	c := callerOf(ctx)
	task, err := a.Queue.Cancel(ctx, c.Owner(), in.ID)
	if err != nil {
		return nil, err
	}
	return reply(cancelAnswer{OK: true, Money: task.Money, Task: a.taskView(c.base, task)})
}

type retryInput struct {
	ID             string `path:"id" maxLength:"64" doc:"The id."`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"The same key gives the same new task for 24 hours."`
}

type retryAnswer struct {
	Task    *taskView `json:"task"`
	RetryOf string    `json:"retry_of" doc:"The task that was sent again."`
}

type retryOutput struct {
	Location string `header:"Location" doc:"Where to follow the new task."`
	Replayed string `header:"Idempotency-Replayed" doc:"true if an earlier request with the same key has made the task."`
	Body     retryAnswer
}

func (a *api) retryTask(ctx context.Context, in *retryInput) (*retryOutput, error) {
	c := callerOf(ctx)
	task, err := a.Queue.Retry(ctx, c.Owner(), in.ID, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	out := &retryOutput{Location: taskPath(task), Body: retryAnswer{a.taskView(c.base, task), in.ID}}
	if task.Replayed {
		out.Replayed = "true"
	}
	return out, nil
}

// idempotencyKey reads the header of a create; "" is none. One that is there and
// empty, or there twice, is a client's mistake that would cost it the protection
// it believes to have.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values("Idempotency-Key")
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", invalid("Idempotency-Key", "is given twice")
	case values[0] == "":
		return "", invalid("Idempotency-Key", "must not be empty; leave it out instead")
	}
	if len(values[0]) > 255 || strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", invalid("Idempotency-Key", "must be at most 255 printable ASCII characters")
	}
	return values[0], nil
}

func (a *api) deleteTask(ctx context.Context, in *byID) (*body[okAnswer], error) {
	if err := a.Queue.Delete(ctx, callerOf(ctx).Owner(), in.ID); err != nil {
		return nil, err
	}
	return reply(okAnswer{true})
}
