package cli

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
)

type poolAnswer struct {
	Upstreams []struct {
		Name         string     `json:"name"`
		Configured   bool       `json:"configured"`
		Running      int        `json:"running"`
		Limit        *int       `json:"limit"`
		BenchedUntil *time.Time `json:"benched_until"`
		Reason       *string    `json:"reason"`
	} `json:"upstreams"`
	Sessions []struct {
		session
		Code    string `json:"code"`
		Message string `json:"message"`
		Free    int    `json:"free"`
	} `json:"sessions"`
	Slots   int `json:"slots"`
	Free    int `json:"free"`
	Running int `json:"running"`
	Waiting struct {
		Tasks int        `json:"tasks"`
		Keys  int        `json:"keys"`
		Since *time.Time `json:"since"`
	} `json:"waiting"`
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
	upstreams := newTable("UPSTREAM", "STATE", "RUNNING", "UNTIL", "REASON")
	for _, u := range p.Upstreams {
		state, running := "ready", strconv.Itoa(u.Running)
		if !u.Configured {
			state = "not configured"
		} else if u.BenchedUntil != nil {
			state = "benched"
		}
		if u.Limit != nil {
			running += " of " + strconv.Itoa(*u.Limit)
		}
		upstreams.row(u.Name, state, running, when(u.BenchedUntil), or(u.Reason))
	}
	sessions := newTable("SESSION", "LABEL", "UPSTREAM", "CODE", "RUNNING", "FREE", "CREDITS", "WHY")
	for _, s := range p.Sessions {
		sessions.row(s.ID, s.Label, s.Upstream, s.Code, fmt.Sprintf("%d of %d", s.Running, s.Slots), strconv.Itoa(s.Free), s.credits(), s.Message)
	}
	for _, t := range []*table{upstreams, sessions} {
		if err := t.write(r.out); err != nil {
			return err
		}
		if err := r.say(""); err != nil {
			return err
		}
	}
	line := fmt.Sprintf("%d of %d slots are free, %d tasks run, %d wait.", p.Free, p.Slots, p.Running, p.Waiting.Tasks)
	if p.Waiting.Since != nil {
		line += " The oldest of them waits since " + when(p.Waiting.Since) + "."
	}
	if p.Free == 0 && p.NextSlotAt != nil {
		line += " The next slot is expected at " + when(p.NextSlotAt) + "."
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

	Credits          *float64 `json:"credits"`
	CreditsPerSecond *float64 `json:"credits_per_second"`
}

func (c Connect) models() *cobra.Command {
	return &cobra.Command{
		Use: "models", Short: "List the models and what they can do", Args: cobra.NoArgs,
		RunE: c.on(func(r *run, _ []string) error {
			return ask(r, http.MethodGet, "/api/v1/models", nil, func(answer *struct{ Models []model }) error {
				t := newTable("MODEL", "KIND", "SECONDS", "RATIOS", "RESOLUTIONS", "MATERIALS", "CREDITS", "UPSTREAMS", "ALIASES")
				for _, m := range answer.Models {
					t.row(m.ID, m.Kind, seconds(m.Durations), list(m.Ratios), list(m.Resolutions), m.materials(), m.price(), list(m.Upstreams), list(m.Aliases))
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

// price is what a task costs in the upstream's credits, as far as that is known.
func (m *model) price() string {
	var parts []string
	if m.Credits != nil {
		parts = append(parts, humanize.Ftoa(*m.Credits))
	}
	if m.CreditsPerSecond != nil {
		parts = append(parts, humanize.Ftoa(*m.CreditsPerSecond)+"/s")
	}
	if parts == nil {
		return none
	}
	return strings.Join(parts, " + ")
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
