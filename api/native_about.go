package api

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
)

func (a *api) aboutOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/about", "get-about", "status", "Ask what this gateway is",
		"Its version and build, its database, the nodes, and the configuration that is in force, without secrets: what may be told is named one by one."), a.getAbout)
}

// Setting is an option of the configuration as it is in force.
type Setting struct {
	Name  string `json:"name" doc:"As the configuration calls it." example:"poll_interval"`
	Value string `json:"value" doc:"In words, off or none where there is nothing." example:"5s"`
}

type aboutAnswer struct {
	Version   string       `json:"version"`
	Build     buildView    `json:"build"`
	StartedAt *time.Time   `json:"started_at" doc:"When this node started."`
	DataDir   string       `json:"data_dir" doc:"The folder of this node's files."`
	Database  databaseView `json:"database"`
	Nodes     []nodeView   `json:"nodes" nullable:"false" doc:"All that share the database, the one that answers first."`
	Settings  []Setting    `json:"settings" nullable:"false" doc:"The configuration in force."`
}

type buildView struct {
	Commit   *string    `json:"commit" doc:"That it was built from, null where the build does not tell."`
	CommitAt *time.Time `json:"commit_at"`
	Modified bool       `json:"modified" doc:"Whether files differed from the commit."`
	Go       string     `json:"go" example:"go1.26.0"`
	Caddy    string     `json:"caddy" example:"v2.11.0"`
	Platform string     `json:"platform" example:"linux/amd64"`
}

type databaseView struct {
	Kind string `json:"kind" enum:"SQLite,PostgreSQL"`
	Size *int64 `json:"size" doc:"Bytes on its disk, null when it cannot tell."`
}

type nodeView struct {
	ID     string     `json:"id"`
	Self   bool       `json:"self" doc:"It is the one that answers."`
	Alive  bool       `json:"alive" doc:"Whether its heartbeat came in time; the others take over the work of one that is silent."`
	SeenAt *time.Time `json:"seen_at" nullable:"false" doc:"Its last heartbeat, by the clock of the database."`
}

func (a *api) getAbout(ctx context.Context, _ *struct{}) (*body[aboutAnswer], error) {
	nodes, err := a.Queue.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	answer := aboutAnswer{
		Version: a.Version, Build: readBuild(), StartedAt: momentOf(a.Started), DataDir: a.DataDir,
		Database: databaseView{Kind: a.Store.Kind()}, Nodes: nodeViewsOf(nodes), Settings: append([]Setting{}, a.Settings...),
	}
	// A user of PostgreSQL may lack the right to ask.
	if size, err := a.Store.Size(ctx); err == nil {
		answer.Database.Size = &size
	}
	return reply(answer)
}

func nodeViewsOf(nodes []queue.NodeView) []nodeView {
	views := make([]nodeView, len(nodes))
	for i, n := range nodes {
		views[i] = nodeView{n.ID, n.Self, n.Alive, timeOf(n.SeenAt)}
	}
	return views
}

func readBuild() buildView {
	_, version := caddy.Version()
	view := buildView{Go: runtime.Version(), Caddy: version, Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return view
	}
	for _, dependency := range info.Deps {
		if dependency.Path == "github.com/caddyserver/caddy/v2" {
			view.Caddy = dependency.Version // caddy.Version may name the program around it
		}
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			view.Commit = textOf(setting.Value)
		case "vcs.time":
			if t, err := time.Parse(time.RFC3339, setting.Value); err == nil {
				view.CommitAt = &t
			}
		case "vcs.modified":
			view.Modified = setting.Value == "true"
		}
	}
	return view
}
