package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func (c Connect) usage() *cobra.Command {
	cmd := &cobra.Command{
		Use: "usage", Short: "Show what was used: requests, tasks, seconds of video, credits", Args: cobra.NoArgs,
		Example: "  usage --by key,model --from 2026-11-01 --to 2026-11-30\n  usage --key 01JC… --csv > usage.csv",
	}
	flags := cmd.Flags()
	flags.String("key", "", "only what the key with this id has used")
	flags.String("model", "", "only these models, separated by commas")
	flags.String("from", "", "the first day, such as 2026-11-01")
	flags.String("to", "", "the last day (default: today)")
	flags.String("by", "day", "what gets lines of its own, separated by commas: key, model, day")
	asTable := flags.Bool("csv", false, "print a table for spreadsheets")
	cmd.RunE = c.on(func(r *run, _ []string) error {
		query := url.Values{}
		for flag, name := range map[string]string{"key": "key", "model": "model", "from": "from", "to": "to", "by": "group_by"} {
			if value, _ := flags.GetString(flag); value != "" {
				query.Set(name, value)
			}
		}
		if *asTable {
			query.Set("format", "csv")
			return r.copy("/api/v1/usage?" + query.Encode())
		}
		return ask(r, http.MethodGet, "/api/v1/usage?"+query.Encode(), nil, r.showUsage)
	})
	return cmd
}

type used struct {
	Day       *string `json:"day"`
	KeyID     *string `json:"key_id"`
	KeyName   *string `json:"key_name"`
	Model     *string `json:"model"`
	Requests  int64   `json:"requests"`
	Tasks     int64   `json:"tasks"`
	Succeeded int64   `json:"succeeded"`
	Failed    int64   `json:"failed"`
	Cancelled int64   `json:"cancelled"`
	Seconds   int64   `json:"seconds"`
	Credits   float64 `json:"credits"`
}

func (u *used) numbers() (texts []string) {
	for _, n := range []int64{u.Requests, u.Tasks, u.Succeeded, u.Failed, u.Cancelled, u.Seconds} {
		texts = append(texts, strconv.FormatInt(n, 10))
	}
	return append(texts, strconv.FormatFloat(u.Credits, 'f', -1, 64))
}

func (r *run) showUsage(answer *struct {
	From  string
	To    string
	Zone  string `json:"time_zone"`
	Rows  []used
	Total used
}) error {
	var t *table
	for i, row := range answer.Rows {
		var head, texts []string
		for _, column := range []struct {
			name string
			text *string
		}{{"DAY", row.Day}, {"KEY", row.KeyID}, {"NAME", row.KeyName}, {"MODEL", row.Model}} {
			if column.text != nil {
				head, texts = append(head, column.name), append(texts, or(column.text))
			}
		}
		if i == 0 {
			t = newTable(append(head, "REQUESTS", "TASKS", "SUCCEEDED", "FAILED", "CANCELLED", "SECONDS", "CREDITS")...)
		}
		t.row(append(texts, row.numbers()...)...)
		if i == len(answer.Rows)-1 && i > 0 {
			t.row(append(append([]string{"total"}, make([]string, len(head)-1)...), answer.Total.numbers()...)...)
		}
	}
	if t == nil {
		return r.say("nothing was used from %s to %s (%s)", answer.From, answer.To, answer.Zone)
	}
	return t.write(r.out)
}

// copy prints an answer that is a file, as it comes.
func (r *run) copy(path string) error {
	response, err := r.send(r.ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(r.out, response.Body); err != nil {
		return fmt.Errorf("the answer ended before its end: %s", clean(strings.TrimSpace(err.Error())))
	}
	return nil
}
