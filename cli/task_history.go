package cli

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type historyEntry struct {
	At            *time.Time `json:"at"`
	What          string     `json:"what"`
	Status        string     `json:"status"`
	Waited        *float64   `json:"waited"` // seconds
	Attempt       *int       `json:"attempt"`
	Upstream      *string    `json:"upstream"`
	SessionPoolID *string    `json:"session_pool_id"`
	QueuePosition *int       `json:"queue_position"`
	QueueTotal    *int       `json:"queue_total"`
	QueueETA      *string    `json:"queue_eta"`
	ErrorKind     *string    `json:"error_kind"`
	ErrorMessage  *string    `json:"error_message"`
	Money         *string    `json:"money"`
}

// note is what the entry says beside its columns.
func (h *historyEntry) note() string {
	var parts []string
	if h.Waited != nil {
		parts = append(parts, "waited "+span(time.Duration(*h.Waited*float64(time.Second))))
	}
	if place := (&task{QueuePosition: h.QueuePosition, QueueTotal: h.QueueTotal, QueueETA: h.QueueETA}).upstreamPlace(); place != "" {
		parts = append(parts, place)
	}
	for _, part := range []*string{h.ErrorKind, h.ErrorMessage, h.Money} {
		if part != nil && *part != "" {
			parts = append(parts, *part)
		}
	}
	return strings.Join(parts, ": ")
}

func (c Connect) taskHistory() *cobra.Command {
	return &cobra.Command{
		Use: "history <id>", Short: "Show what happened to a task, and when", Args: cobra.ExactArgs(1),
		RunE: c.on(func(r *run, args []string) error {
			return ask(r, http.MethodGet, at("tasks", args[0], "history"), nil, func(answer *struct{ History []historyEntry }) error {
				t := newTable("AT", "WHAT", "STATUS", "ATTEMPT", "UPSTREAM", "SESSION", "NOTE")
				for _, h := range answer.History {
					attempt := none
					if h.Attempt != nil {
						attempt = strconv.Itoa(*h.Attempt)
					}
					t.row(when(h.At), h.What, h.Status, attempt, or(h.Upstream), or(h.SessionPoolID), h.note())
				}
				return t.write(r.out)
			})
		}),
	}
}
