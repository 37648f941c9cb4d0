package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/health"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) healthOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/health", "get-health", "status", "Ask whether the gateway works",
		"Needs no key; callers with the scope `task:read` are told more, those with `pool:read` also how each component is. "+
			"503 only when no task can be taken; what is degraded still works. The answer is a second old at most, and comes within a few seconds whatever hangs."), a.getHealth)
}

type healthAnswer struct {
	OK         bool              `json:"ok" doc:"Whether tasks can be taken."`
	Status     health.State      `json:"status" enum:"ok,degraded,down" doc:"down: no task can be taken. degraded: a component is not well."`
	Version    string            `json:"gateway_version"`
	Container  *containerView    `json:"container" doc:"The upstream's container, null when none is configured or the caller may not know."`
	Sessions   *sessionCounts    `json:"sessions,omitempty" doc:"Only for callers with the scope task:read."`
	Tasks      *taskCounts       `json:"tasks,omitempty" doc:"Only for callers with the scope task:read; their own, or everybody's for an admin."`
	Storage    *StorageBrief     `json:"storage,omitempty" doc:"Only for callers with the scope task:read."`
	Components *[]*componentView `json:"components,omitempty" doc:"Only for callers with the scope pool:read."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (*healthAnswer) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["container"] = orNull(s.Properties["container"])
	return s
}

type containerView struct {
	Name      string     `json:"name"`
	Running   *bool      `json:"running" doc:"Null when Docker cannot be asked."`
	Status    *string    `json:"status" doc:"Docker's word, such as running or exited; null when it cannot be asked."`
	StartedAt *time.Time `json:"started_at"`
}

type componentView struct {
	Name   string       `json:"name" doc:"database, engine, storage, pool, docker, sign_in, or upstream/ and the name of one."`
	State  health.State `json:"state" enum:"ok,degraded,down,off" doc:"degraded: it works, but not as it should. down: what needs it does not work. off: it is not configured."`
	Since  *time.Time   `json:"since" doc:"When it came into the state, as far as this process knows."`
	Reason *string      `json:"reason" doc:"In one sentence, null when all is well."`
	Advice *string      `json:"advice" doc:"What an operator can do about it."`
}

type sessionCounts struct {
	Total   int `json:"total"`
	Healthy int `json:"healthy" doc:"Ready to take a task, now or when a slot is free."`
}

type healthOutput struct {
	Status int
	Body   healthAnswer
}

// healthTime bounds the look at what is not a component.
const healthTime = 2 * time.Second

func (a *api) getHealth(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	components := a.Health.Components(ctx)
	reason := a.notReady(components)
	out := &healthOutput{Status: http.StatusOK, Body: healthAnswer{OK: reason == "", Status: overall(components), Version: a.Version}}
	if reason != "" {
		out.Status, out.Body.Status = http.StatusServiceUnavailable, health.Down
	}
	c := callerOf(ctx)
	if c.Principal == nil {
		return out, nil
	}
	if c.Has(auth.PoolRead) {
		out.Body.Components = new(componentViewsOf(components))
	}
	if !c.Has(auth.TaskRead) {
		return out, nil
	}
	if a.ContainerName != "" {
		out.Body.Container = a.containerView()
	}
	if out.Body.OK {
		ctx, cancel := context.WithTimeout(ctx, healthTime)
		defer cancel()
		a.countForHealth(ctx, c, &out.Body)
	}
	return out, nil
}

// countForHealth leaves out what cannot be told in time: the components say why.
func (a *api) countForHealth(ctx context.Context, c *caller, answer *healthAnswer) {
	if stats, err := a.Queue.Stats(ctx, c.Owner()); err == nil {
		answer.Tasks = taskCountsOf(stats)
	}
	if storage, err := a.Queue.Storage(ctx); err == nil {
		answer.Storage = new(storageBriefOf(storage))
	}
	sessions, err := a.Pool.Sessions(ctx)
	if err != nil {
		return
	}
	answer.Sessions = &sessionCounts{Total: len(sessions)}
	for _, session := range sessions {
		if session.Enabled && session.State == store.Ready {
			answer.Sessions.Healthy++
		}
	}
}

// notReady is why no task can be taken, "" if one can. It names no address: anyone
// may read it.
func (a *api) notReady(components []health.Component) string {
	if a.Exiting != nil && a.Exiting() {
		return "The gateway is stopping."
	}
	for _, name := range []string{"database", "engine"} {
		i := slices.IndexFunc(components, func(c health.Component) bool { return c.Name == name })
		if i < 0 {
			return fmt.Sprintf("It is not known yet how the %s is.", name)
		}
		if c := components[i]; c.State == health.Down {
			return c.Reason
		}
	}
	return ""
}

// overall is degraded when any component is not well.
func overall(components []health.Component) health.State {
	if slices.ContainsFunc(components, func(c health.Component) bool { return c.State == health.Degraded || c.State == health.Down }) {
		return health.Degraded
	}
	return health.OK
}

func componentViewsOf(components []health.Component) []*componentView {
	views := []*componentView{}
	for _, c := range components {
		v := &componentView{Name: c.Name, State: c.State, Reason: textOf(c.Reason), Advice: textOf(c.Advice)}
		if !c.Since.IsZero() {
			v.Since = new(c.Since.UTC())
		}
		views = append(views, v)
	}
	return views
}

// containerView is the first configured container, as the earlier gateway told.
func (a *api) containerView() *containerView {
	v := &containerView{Name: a.ContainerName}
	var all []logs.Container
	if a.Docker != nil {
		all = a.Docker.Containers()
	}
	for _, c := range all {
		if c.Name != a.ContainerName || c.State == "unknown" {
			continue
		}
		v.Running, v.Status = new(c.Running), new(c.State)
		if !c.StartedAt.IsZero() {
			v.StartedAt = new(c.StartedAt.UTC())
		}
	}
	return v
}

func (a *api) probeRoutes(r *router) {
	r.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { Live(w) })
	r.HandleFunc("GET /readyz", a.ready)
}

// Live answers GET /livez: the process serves.
func Live(w http.ResponseWriter) { probe(w, http.StatusOK, "ok") }

// NotReady answers GET /readyz of a gateway that cannot take tasks.
func NotReady(w http.ResponseWriter, reason string) {
	w.Header().Set("Retry-After", "5")
	probe(w, http.StatusServiceUnavailable, reason)
}

func probe(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// ready answers GET /readyz; with ?verbose also how the components are, without
// the reasons, because anyone may ask.
func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	components := a.Health.Components(r.Context())
	reason := a.notReady(components)
	text := cmp.Or(reason, "ok")
	if r.URL.Query().Has("verbose") {
		lines := []string{text}
		for _, c := range components {
			lines = append(lines, c.Name+": "+string(c.State))
		}
		text = strings.Join(lines, "\n")
	}
	if reason != "" {
		NotReady(w, text)
		return
	}
	probe(w, http.StatusOK, text)
}

// describeProbes describes the probes, which answer in plain text.
func (a *api) describeProbes(d *document) {
	text := func(description, example string) *huma.Response {
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
			"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}, Example: example},
		}}
	}
	op := d.add("GET /livez", "livez", "status", "Ask whether the process serves", "Asks nothing else, not even the database: for what restarts a process that hangs.")
	op.Responses["200"] = text("It does.", "ok\n")
	op = d.add("GET /readyz", "readyz", "status", "Ask whether tasks can be taken",
		"For load balancers. With `?verbose` one more line per component, with its state. See `GET /api/v1/health` for the reasons.")
	op.Parameters = append(op.Parameters, &huma.Param{Name: "verbose", In: "query", Description: "Whatever its value, the components are listed.", Schema: &huma.Schema{Type: huma.TypeString}})
	op.Responses["200"] = text("They can.", "ok\n")
	op.Responses["503"] = text("They cannot: the gateway starts or stops, or its database does not answer.", "The database does not answer.\n")
	op.Responses["503"].Headers = map[string]*huma.Header{}
	refer(op.Responses["503"], "Retry-After")
}

var exampleHealth = healthAnswer{
	OK: true, Status: health.Degraded, Version: "1.0.0",
	Container: &containerView{Name: "jimeng-api", Running: new(true), Status: new("running"), StartedAt: after(-48 * time.Hour)},
	Sessions:  &sessionCounts{14, 12}, Tasks: exampleCounts, Storage: &exampleStorage.StorageBrief,
	Components: &[]*componentView{
		{Name: "database", State: health.OK, Since: after(-48 * time.Hour)},
		{Name: "pool", State: health.Degraded, Since: after(0), Reason: new("Of 14 sessions, 2 are dead and 0 out of credits."),
			Advice: new("Give the dead ones a fresh login or disable them; the others come back by themselves.")},
	},
}
