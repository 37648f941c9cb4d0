package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// auditFilters are the flags that the API takes by another name or the same.
var auditFilters = []struct{ flag, query, usage string }{
	{"actor", "actor", "only what the person or key with this id did"},
	{"action", "action", "only this action, or all that begin with it if it ends with a dot: key.change, session."},
	{"target", "target", "only what was done to the key, session, task or material with this id"},
	{"result", "result", "only with this result: ok, or the code of an error"},
	{"since", "since", "only at this time or after, such as 2026-11-01 or 2026-11-01T12:00:00Z"},
	{"until", "until", "only before this time"},
	{"text", "q", "only lines with this anywhere in them"},
	{"cursor", "cursor", "go on after the page that named this"},
}

func (c Connect) audit() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", Short: "Show who changed what, the newest first", Args: cobra.NoArgs,
		Example: "  audit --action key. --since 2026-11-01\n  audit --target ses_01JC…\n  audit --csv > audit.csv",
	}
	flags := cmd.Flags()
	for _, f := range auditFilters {
		flags.String(f.flag, "", f.usage)
	}
	number := flags.Int("limit", 50, "how many, at most 500")
	asTable := flags.Bool("csv", false, "print all lines as a table for spreadsheets")
	asLines := flags.Bool("jsonl", false, "print all lines as JSON")
	cmd.MarkFlagsMutuallyExclusive("csv", "jsonl")
	cmd.RunE = c.on(func(r *run, _ []string) error {
		query := url.Values{"limit": {strconv.Itoa(*number)}}
		for _, f := range auditFilters {
			if value, _ := flags.GetString(f.flag); value != "" {
				query.Set(f.query, value)
			}
		}
		for format, wanted := range map[string]bool{"csv": *asTable, "jsonl": *asLines} {
			if wanted {
				query.Set("format", format)
				return r.copy("/api/v1/audit?" + query.Encode())
			}
		}
		return ask(r, http.MethodGet, "/api/v1/audit?"+query.Encode(), nil, r.listAudit)
	})
	return cmd
}

func (r *run) listAudit(answer *struct {
	Lines []struct {
		At       *time.Time            `json:"at"`
		Actor    struct{ Name string } `json:"actor"`
		Address  *string               `json:"address"`
		Action   string                `json:"action"`
		TargetID *string               `json:"target_id"`
		Was      json.RawMessage       `json:"was"`
		Became   json.RawMessage       `json:"became"`
		Result   string                `json:"result"`
	}
	Next *string
}) error {
	t := newTable("TIME", "WHO", "FROM", "ACTION", "ON", "RESULT", "WAS", "BECAME")
	for _, l := range answer.Lines {
		t.row(when(l.At), l.Actor.Name, or(l.Address), l.Action, or(l.TargetID), l.Result, facts(l.Was), facts(l.Became))
	}
	if err := t.write(r.out); err != nil || answer.Next == nil {
		return err
	}
	_, err := fmt.Fprintln(r.err, "There are more: --cursor "+clean(*answer.Next))
	return err
}

// factsWidth is how many cells of what changed a list shows; --json has it all.
const factsWidth = 60

func facts(text json.RawMessage) string {
	if len(text) == 0 || bytes.Equal(text, []byte("null")) {
		return none
	}
	return shorten(string(text), factsWidth)
}
