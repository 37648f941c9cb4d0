package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) taskOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/tasks", "list-tasks", "tasks", "List tasks",
		"The newest first; one's own, or everybody's for an admin."), a.listTasks)
	handle(a, h, operation(get, "/api/v1/tasks/{id}", "get-task", "tasks", "Read a task",
		"Ask again every few seconds until the status is succeeded, failed or cancelled."), a.getTask)
	handle(a, h, operation(post, "/api/v1/tasks/{id}/cancel", "cancel-task", "tasks", "Cancel a task",
		"The answer says whether credits may be spent all the same: not every upstream can stop what it has begun."), a.cancelTask)
	handle(a, h, with(http.StatusCreated, operation(post, "/api/v1/tasks/{id}/retry", "retry-task", "tasks", "Send a task again",
		"Makes a new task with the same input.")), a.retryTask)
}

type taskAnswer struct {
	Task *taskView `json:"task"`
}

type listTasksInput struct {
	Status string `query:"status" enum:"queued,submitting,polling,downloading,succeeded,failed,cancelled" doc:"Only tasks with this status."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many."`
	Before string `query:"before" maxLength:"64" doc:"Only tasks older than the one with this id: the member next of the page before."`
}

type listTasksAnswer struct {
	Tasks []*taskView `json:"tasks" nullable:"false"`
	Next  *string     `json:"next" doc:"What to send as before for the next page, null on the last one."`
}

func (a *api) listTasks(ctx context.Context, in *listTasksInput) (*body[listTasksAnswer], error) {
	c := callerOf(ctx)
	// One more than asked for tells whether there is another page.
	if !storable(in.Before) {
		return nil, invalid("before", "must be the member next of the page before")
	}
	tasks, err := a.Queue.Tasks(ctx, store.TaskFilter{KeyID: c.Owner(), Status: store.Status(in.Status), Before: in.Before, Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	answer := listTasksAnswer{Tasks: []*taskView{}}
	if len(tasks) > in.Limit {
		tasks = tasks[:in.Limit]
		answer.Next = &tasks[in.Limit-1].ID
	}
	for _, task := range tasks {
		answer.Tasks = append(answer.Tasks, a.taskView(c.base, task))
	}
	return reply(answer)
}

func (a *api) getTask(ctx context.Context, in *byID) (*body[taskAnswer], error) {
	c := callerOf(ctx)
	task, err := a.Queue.Task(ctx, c.Owner(), in.ID)
	if err != nil {
		return nil, err
	}
	return reply(taskAnswer{a.taskView(c.base, task)})
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

type retryAnswer struct {
	Task    *taskView `json:"task"`
	RetryOf string    `json:"retry_of" doc:"The task that was sent again."`
}

func (a *api) retryTask(ctx context.Context, in *byID) (*body[retryAnswer], error) {
	c := callerOf(ctx)
	task, err := a.Queue.Retry(ctx, c.Owner(), in.ID)
	if err != nil {
		return nil, err
	}
	return reply(retryAnswer{a.taskView(c.base, task), in.ID})
}
