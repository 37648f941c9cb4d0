package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) containerOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/containers", "list-containers", "logs", "Read how the containers are",
		"The configured containers of the upstreams: whether they run, since when, and what they need of the machine. Some seconds old."), a.listContainers)
	handle(a, h, operation(post, "/api/v1/containers/{name}/restart", "restart-container", "logs", "Restart a container",
		"Tasks that the upstream works on at this moment may be lost. Off unless the configuration says `container_restart on`."), a.restartContainer)
}

type containersAnswer struct {
	Containers []*containerState `json:"containers" nullable:"false"`
	Restart    bool              `json:"restart" doc:"Whether admins may restart them."`
}

type containerState struct {
	Name      string      `json:"name" doc:"As it is configured, and the source of its log."`
	ID        *string     `json:"id" doc:"Docker's, null if there is no such container."`
	Image     *string     `json:"image"`
	Running   bool        `json:"running"`
	State     string      `json:"state" doc:"Docker's word: running, exited, paused, restarting…; missing if there is no such container, unknown if Docker cannot be asked." example:"running"`
	Health    *string     `json:"health" doc:"healthy, unhealthy or starting; null without a health check."`
	StartedAt *time.Time  `json:"started_at"`
	EndedAt   *time.Time  `json:"ended_at" doc:"When it ended, null while it runs."`
	ExitCode  *int        `json:"exit_code" doc:"With which it ended, null while it runs."`
	Restarts  int         `json:"restarts" doc:"How often Docker has restarted it since it was made."`
	Reason    *string     `json:"reason" doc:"Why there is no more to tell, and what to do."`
	Load      *loadView   `json:"load" doc:"What it uses now, null while nobody knows."`
	Loads     []*loadView `json:"loads" nullable:"false" doc:"What it has used in the last minutes, oldest first."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*containerState) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "load")
}

type loadView struct {
	At     time.Time `json:"at"`
	CPU    float64   `json:"cpu" doc:"In cores: 1 is one core, fully used."`
	Memory int64     `json:"memory" doc:"In bytes, without the cache of files."`
	Limit  *int64    `json:"memory_limit" doc:"How much it may use, null for as much as there is."`
}

func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

func containerStateOf(c *logs.Container) *containerState {
	view := &containerState{Name: c.Name, ID: textOf(c.ID), Image: textOf(c.Image), Running: c.Running, State: c.State, Health: textOf(c.Health),
		StartedAt: momentOf(c.StartedAt), EndedAt: momentOf(c.EndedAt), Restarts: c.Restarts, Reason: textOf(c.Reason), Loads: []*loadView{}}
	if !c.EndedAt.IsZero() {
		view.ExitCode = new(c.ExitCode)
	}
	for _, l := range c.Load {
		load := &loadView{At: l.At.UTC(), CPU: l.CPU, Memory: l.Memory}
		if l.Limit > 0 {
			load.Limit = new(l.Limit)
		}
		view.Loads = append(view.Loads, load)
	}
	if n := len(view.Loads); n > 0 && c.Running {
		view.Load = view.Loads[n-1]
	}
	return view
}

func (a *api) listContainers(context.Context, *struct{}) (*body[containersAnswer], error) {
	answer := containersAnswer{Containers: []*containerState{}, Restart: a.ContainerRestart && a.Docker != nil}
	if a.Docker != nil {
		for _, c := range a.Docker.Containers() {
			answer.Containers = append(answer.Containers, containerStateOf(&c))
		}
	}
	return reply(answer)
}

type restartContainerInput struct {
	Name string `path:"name" maxLength:"200" doc:"The name of a configured container." example:"jimeng-api"`
}

func (a *api) restartContainer(ctx context.Context, in *restartContainerInput) (*body[okAnswer], error) {
	if a.Docker == nil || !slices.Contains(a.Docker.Names(), in.Name) {
		return nil, &apiError{status: http.StatusNotFound, code: "not_found", message: "No container is configured by this name."}
	}
	if !a.ContainerRestart {
		return nil, &apiError{status: http.StatusConflict, code: "restart_off",
			message: "The gateway may not restart containers; say container_restart on (CONTAINER_RESTART=true) in its configuration if it should."}
	}
	// Whoever asked is in the audit log before anything happens.
	err := a.Store.Write(ctx, store.Durable, func(tx *store.Tx) error {
		return tx.Audit(store.Act{Action: "container.restart", TargetKind: "container", TargetID: in.Name})
	})
	if err != nil {
		return nil, err
	}
	if err := a.Docker.Restart(ctx, in.Name); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &apiError{status: http.StatusServiceUnavailable, code: "logs_unavailable", retryAfter: unavailableFor,
			message: "The container cannot be restarted. " + err.Error()}
	}
	return reply(okAnswer{true})
}
