package cli

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type poolAnswer struct {
	Upstreams []struct {
		Name   string     `json:"name"`
		State  string     `json:"state"`
		Reason *string    `json:"reason"`
		Until  *time.Time `json:"until"`
	} `json:"upstreams"`
	Sessions []struct {
		ID       string     `json:"id"`
		Label    string     `json:"label"`
		Upstream string     `json:"upstream"`
		State    string     `json:"state"`
		Free     int        `json:"free"`
		Reason   *string    `json:"reason"`
		Until    *time.Time `json:"until"`
	} `json:"sessions"`
	FreeSlots  int        `json:"free_slots"`
	NextSlotAt *time.Time `json:"next_slot_at"`
}

func (c Connect) pool() *cobra.Command {
	return &cobra.Command{
		Use: "pool", Short: "Show which sessions can take a task, and why the others cannot", Args: cobra.NoArgs,
		RunE: c.on(func(r *run, _ []string) error {
			return ask(r, http.MethodGet, "/api/v1/pool", nil, r.showPool)
		}),
	}
}

func (r *run) showPool(p *poolAnswer) error {
	sessions := newTable("SESSION", "LABEL", "UPSTREAM", "STATE", "FREE", "UNTIL", "REASON")
	for _, s := range p.Sessions {
		sessions.row(s.ID, s.Label, s.Upstream, s.State, strconv.Itoa(s.Free), when(s.Until), or(s.Reason))
	}
	upstreams := newTable("UPSTREAM", "STATE", "UNTIL", "REASON")
	for _, u := range p.Upstreams {
		upstreams.row(u.Name, u.State, when(u.Until), or(u.Reason))
	}
	line := fmt.Sprintf("%d slots are free.", p.FreeSlots)
	if p.FreeSlots == 0 && p.NextSlotAt != nil {
		line = "No slot is free; the next one is expected at " + when(p.NextSlotAt) + "."
	}
	for _, t := range []*table{upstreams, sessions} {
		if err := t.write(r.out); err != nil {
			return err
		}
		if err := r.say(""); err != nil {
			return err
		}
	}
	return r.say("%s", line)
}

type model struct {
	ID           string   `json:"id"`
	Kind         string   `json:"kind"`
	Aliases      []string `json:"aliases"`
	Durations    []int    `json:"durations"`
	Ratios       []string `json:"ratios"`
	Resolutions  []string `json:"resolutions"`
	MinMaterials int      `json:"min_materials"`
	MaxMaterials int      `json:"max_materials"`
	Upstreams    []string `json:"upstreams"`
}

func (c Connect) models() *cobra.Command {
	return &cobra.Command{
		Use: "models", Short: "List the models and what they can do", Args: cobra.NoArgs,
		RunE: c.on(func(r *run, _ []string) error {
			return ask(r, http.MethodGet, "/api/v1/models", nil, func(answer *struct{ Models []model }) error {
				t := newTable("MODEL", "KIND", "SECONDS", "RATIOS", "RESOLUTIONS", "MATERIALS", "UPSTREAMS", "ALIASES")
				for _, m := range answer.Models {
					t.row(m.ID, m.Kind, seconds(m.Durations), list(m.Ratios), list(m.Resolutions), m.materials(), list(m.Upstreams), list(m.Aliases))
				}
				return t.write(r.out)
			})
		}),
	}
}

// materials is how many the model takes.
func (m *model) materials() string {
	switch {
	case m.MaxMaterials == 0:
		return none
	case m.MinMaterials == m.MaxMaterials:
		return strconv.Itoa(m.MaxMaterials)
	}
	return fmt.Sprintf("%d to %d", m.MinMaterials, m.MaxMaterials)
}

func list(texts []string) string {
	if len(texts) == 0 {
		return none
	}
	return strings.Join(texts, " ")
}

// seconds writes durations short: "4 to 15" or "5 10".
func seconds(durations []int) string {
	if n := len(durations); n > 2 && durations[n-1]-durations[0] == n-1 {
		return fmt.Sprintf("%d to %d", durations[0], durations[n-1])
	}
	texts := make([]string, len(durations))
	for i, d := range durations {
		texts[i] = strconv.Itoa(d)
	}
	return list(texts)
}

type counts struct {
	Queued, Submitting, Polling, Downloading, Succeeded, Failed, Cancelled, Total int64
}

func (c Connect) stats() *cobra.Command {
	return &cobra.Command{
		Use: "stats", Short: "Count the tasks", Args: cobra.NoArgs,
		RunE: c.on(func(r *run, _ []string) error {
			return ask(r, http.MethodGet, "/api/v1/stats", nil, func(n *counts) error {
				t := newTable("STATUS", "TASKS")
				for _, line := range []struct {
					status string
					tasks  int64
				}{
					{"queued", n.Queued}, {"submitting", n.Submitting}, {"polling", n.Polling}, {"downloading", n.Downloading},
					{"succeeded", n.Succeeded}, {"failed", n.Failed}, {"cancelled", n.Cancelled}, {"total", n.Total},
				} {
					t.row(line.status, strconv.FormatInt(line.tasks, 10))
				}
				return t.write(r.out)
			})
		}),
	}
}
