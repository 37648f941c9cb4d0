package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

const (
	// statusPace is how often a listener's gateway is looked at for changes.
	statusPace = time.Second
	// beatEvery lets a page notice a dead line, which no comment tells a browser's
	// EventSource of.
	beatEvery = 5 * time.Second
)

func (a *api) statusRoutes(r *router) {
	r.HandleFunc("GET /api/v1/status/stream", a.serveStatus)
}

// sessionsView is the data of the event that tells of sessions.
type sessionsView struct {
	Changed []pooledView `json:"changed" nullable:"false" doc:"New sessions and those that are not as they were."`
	Removed []string     `json:"removed" nullable:"false" doc:"The ids of sessions that are gone."`
}

// beatView is the data of the event that says that the line stands.
type beatView struct {
	At time.Time `json:"at" doc:"The gateway's clock."`
}

// statusWatch is one listener to the state of the gateway.
type statusWatch struct {
	stream
	api    *api
	caller *caller
	told   map[string][]byte // the data that each event had last
	known  map[string][]byte // each session as it was told last, nil before the first look
	beatAt time.Time
}

// serveStatus streams the state of the gateway's parts: each as its own GET answers
// it, at the beginning and when it has changed. Like the events' stream it ends
// when the gateway stops or is configured anew, and also when the caller may hear
// something else than before; the client comes back.
func (a *api) serveStatus(w http.ResponseWriter, r *http.Request) {
	age := a.Auth.Keyring().Age()
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	defer a.Metrics.listen(streamStatus)()
	s := &statusWatch{stream: stream{ResponseController: http.NewResponseController(w), w: w},
		api: a, caller: callerOf(r.Context()), told: make(map[string][]byte)}
	ticker := time.NewTicker(statusPace)
	defer ticker.Stop()
	for s.look(r.Context()) == nil {
		if now := a.Auth.Keyring().Age(); now != age {
			age = now
			if !s.same(r) {
				return
			}
		}
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		case <-a.Stopping:
			return
		}
	}
}

// same reports whether the caller may still hear what it could at the beginning.
func (s *statusWatch) same(r *http.Request) bool {
	p, err := s.api.Auth.Authenticate(r)
	return err == nil && p.Owner() == s.caller.Owner() && slices.Equal(p.Key.Scopes, s.caller.Key.Scopes)
}

// look sends what has changed since the last look. What cannot be read for the
// moment is left out: the health says why.
func (s *statusWatch) look(ctx context.Context) error {
	if now := time.Now(); now.Sub(s.beatAt) >= beatEvery {
		s.beatAt = now
		if err := s.tell("beat", beatView{now.UTC()}); err != nil {
			return err
		}
	}
	health, err := s.api.getHealth(ctx, nil)
	if err == nil {
		err = s.tell("health", health.Body)
	}
	if err == nil && s.caller.Has(auth.TaskRead) {
		if counts, fault := s.api.getStats(ctx, new(TaskFilter)); fault == nil {
			err = s.tell("stats", counts.Body)
		}
	}
	if err == nil && s.caller.Has(auth.LogRead) {
		if containers, fault := s.api.listContainers(ctx, nil); fault == nil {
			err = s.tell("containers", containers.Body)
		}
	}
	if err == nil && s.caller.Has(auth.PoolRead) {
		if pool, fault := s.api.getPool(ctx, nil); fault == nil {
			err = s.tellPool(&pool.Body)
		}
	}
	return err
}

func (s *statusWatch) tellPool(pool *poolAnswer) error {
	if err := s.tell("pool", pool.PoolSummary); err != nil {
		return err
	}
	change := sessionsView{Changed: []pooledView{}, Removed: []string{}}
	now := make(map[string][]byte, len(pool.Sessions))
	for i := range pool.Sessions {
		session := &pool.Sessions[i]
		raw, err := json.Marshal(session)
		if err != nil {
			return err
		}
		now[session.ID] = raw
		if s.known != nil && !bytes.Equal(raw, s.known[session.ID]) {
			change.Changed = append(change.Changed, *session)
		}
	}
	for id := range s.known {
		if _, ok := now[id]; !ok {
			change.Removed = append(change.Removed, id)
		}
	}
	s.known = now
	if len(change.Changed)+len(change.Removed) == 0 {
		return nil
	}
	slices.Sort(change.Removed)
	return s.tell("sessions", change)
}

// tell sends an event unless it says what the last one of the name has said.
func (s *statusWatch) tell(name string, data any) error {
	line, err := plainJSON(data)
	if err != nil || bytes.Equal(line, s.told[name]) {
		return err
	}
	s.told[name] = line
	return s.send(slices.Concat([]byte("event: "+name+"\ndata: "), line, []byte("\n")))
}

// describeStatus describes the stream of the state.
func (a *api) describeStatus(d *document) {
	op := d.add("GET /api/v1/status/stream", "listen-to-status", "status", "Listen to the state of the gateway",
		"Server-sent events, each at the beginning and at most once a second when it has changed: `health` (what `GET /api/v1/health` answers), `stats` (`GET /api/v1/stats`), `pool` (`GET /api/v1/pool` without its sessions), "+
			"`sessions` (schema SessionsEvent: those of `GET /api/v1/pool` that have changed since the stream began) and `containers` (`GET /api/v1/containers`); and `beat` every five seconds. "+
			"Callers hear what their scopes let them read.\n\nNothing is repeated: a client that comes back gets the state as it is then. The stream also ends when the caller's scopes have changed.")
	event := func(name string, data any) *huma.Schema {
		return &huma.Schema{Type: huma.TypeObject, Required: []string{"event", "data"}, Properties: map[string]*huma.Schema{
			"event": {Type: huma.TypeString, Enum: []any{name}},
			"data":  {Type: huma.TypeString, Extensions: map[string]any{"contentMediaType": "application/json", "contentSchema": d.schema(data)}},
		}}
	}
	op.Responses["200"] = &huma.Response{Description: "The stream.", Content: map[string]*huma.MediaType{"text/event-stream": {
		Schema: &huma.Schema{Description: "One event of the stream.", OneOf: []*huma.Schema{
			event("beat", beatView{}), event("health", healthAnswer{}), event("stats", taskCounts{}), event("pool", PoolSummary{}),
			event("sessions", sessionsView{}), event("containers", containersAnswer{})}},
		Example: map[string]string{"event": "beat", "data": `{"at":"2026-11-12T09:30:00Z"}`},
	}}}
}
