package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
)

func (a *api) storageOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/storage", "get-storage", "status", "Ask how much room files take",
		"What is used, what there is, and which tasks lose their files next. Numbers are some seconds old."), a.getStorage)
}

// StorageBrief is what everybody may know who may read tasks. (The type is
// exported because huma skips embedded ones that are not.)
type StorageBrief struct {
	Used    int64              `json:"used" doc:"Bytes of all artifacts and materials."`
	Budget  *int64             `json:"budget" doc:"Bytes that they may take, null for no bound."`
	State   queue.StorageState `json:"state" enum:"ok,near,over" doc:"near: the budget or the disk is nearly used up. over: unused materials and then the files of the tasks that ended first are being deleted."`
	Message *string            `json:"message" doc:"The state in words, null when it is ok."`
}

func storageBriefOf(s queue.Storage) StorageBrief {
	brief := StorageBrief{Used: s.Used(), State: s.State, Message: textOf(s.Message)}
	if s.Retention.Budget > 0 {
		brief.Budget = &s.Retention.Budget
	}
	return brief
}

type storageAnswer struct {
	StorageBrief
	Artifacts int64         `json:"artifacts" doc:"Bytes of all artifacts."`
	Materials int64         `json:"materials" doc:"Bytes of all materials."`
	Retention retentionView `json:"retention"`
	Database  int64         `json:"database" doc:"Bytes of the database."`
	Disk      *diskView     `json:"disk" doc:"The disk that the files are on, null when the store cannot tell."`
	FullAt    *time.Time    `json:"full_at" doc:"When the budget is used up at the rate of the last day, null when that cannot be told."`
	Next      []leavingView `json:"next" nullable:"false" doc:"The tasks that lose their files next, at most ten for their age and ten for the budget."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*storageAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["disk"] = orNull(s.Properties["disk"])
	return s
}

type retentionView struct {
	Artifacts *int64 `json:"artifacts" doc:"Seconds that the files of results are kept, unless their key has a time of its own; null for ever."`
	Tasks     *int64 `json:"tasks" doc:"Seconds that ended tasks are kept, null for ever."`
}

type diskView struct {
	Free  int64 `json:"free" doc:"Bytes."`
	Total int64 `json:"total" doc:"Bytes."`
}

type leavingView struct {
	TaskID     string     `json:"task_id"`
	Reason     string     `json:"reason" enum:"age,budget"`
	Size       int64      `json:"size" doc:"Bytes of the files."`
	FinishedAt *time.Time `json:"finished_at" doc:"When the task ended."`
	At         *time.Time `json:"at" doc:"When the files go; for the budget, an estimate from the last day's rate; null when that cannot be told."`
}

func (a *api) getStorage(ctx context.Context, _ *struct{}) (*body[storageAnswer], error) {
	s, err := a.Queue.Storage(ctx)
	if err != nil {
		return nil, err
	}
	size, err := a.Store.Size(ctx)
	if err != nil {
		return nil, err
	}
	next, full, err := a.Queue.Outlook(ctx, s, 10)
	if err != nil {
		return nil, err
	}
	answer := storageAnswer{
		StorageBrief: storageBriefOf(s), Artifacts: s.Artifacts, Materials: s.Materials, Database: size, FullAt: timeOf(full), Next: make([]leavingView, len(next)),
		Retention: retentionView{Artifacts: wholeSeconds(s.Retention.Artifacts), Tasks: wholeSeconds(s.Retention.Tasks)},
	}
	if s.DiskTotal > 0 {
		answer.Disk = &diskView{s.DiskFree, s.DiskTotal}
	}
	for i, task := range next {
		answer.Next[i] = leavingView{TaskID: task.ID, Reason: "age", Size: task.ArtifactBytes, FinishedAt: timeOf(task.FinishedAt), At: timeOf(task.At)}
		if task.ForBudget {
			answer.Next[i].Reason = "budget"
		}
	}
	return reply(answer)
}

// wholeSeconds is a span in an answer, null when it is without end.
func wholeSeconds(d time.Duration) *int64 {
	if d <= 0 {
		return nil
	}
	return new(int64(d / time.Second))
}
