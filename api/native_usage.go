package api

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

const (
	// usageDays is the longest range of one answer: a year, and what is needed to
	// compare its ends.
	usageDays = 400
	// usageDefault is the range of an answer that nobody asks another for.
	usageDefault = 30
)

func (a *api) usageOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/usage", "get-usage", "status", "Read what was used",
		fmt.Sprintf("Requests, tasks, their ends, seconds of finished video and credits, by day, key and model; one's own, or everybody's for who sees all tasks. "+
			"Days are those of the configured time zone, %d at most. Ends and seconds count on the day of the end, everything else on the day of the request; "+
			"requests belong to no model. Credits are what the catalogue says that the tasks cost, less what was surely not spent. "+
			"With `format=csv`, or `Accept: text/csv`, the rows come as a table for spreadsheets.", usageDays)), a.getUsage)
}

type usageInput struct {
	Key     string   `query:"key" maxLength:"64" doc:"Only what the key with this id has used."`
	Model   []string `query:"model" minItems:"1" maxItems:"20" doc:"Only these models, by any of their names. This leaves out the requests."`
	From    string   `query:"from" maxLength:"10" doc:"The first day. Default: 29 days before the last." example:"2026-11-01"`
	To      string   `query:"to" maxLength:"10" doc:"The last day. Default: today." example:"2026-11-30"`
	GroupBy []string `query:"group_by" minItems:"1" maxItems:"3" enum:"key,model,day" doc:"What gets rows of its own, any of these with commas between them." default:"day"`
	Format  string   `query:"format" enum:"json,csv" doc:"Default: json, unless the header Accept asks for CSV."`
	Accept  string   `header:"Accept" hidden:"true"`
}

type usageAnswer struct {
	From     string     `json:"from" doc:"The first day."`
	To       string     `json:"to" doc:"The last day."`
	TimeZone string     `json:"time_zone" doc:"Whose days they are." example:"Asia/Shanghai"`
	Rows     []usageRow `json:"rows" nullable:"false" doc:"The oldest day first. Where nothing was used there is no row."`
	Total    UsageSums  `json:"total"`
}

type usageRow struct {
	Day     *string `json:"day,omitempty" doc:"Only with group_by=day."`
	KeyID   *string `json:"key_id,omitempty" doc:"Only with group_by=key."`
	KeyName *string `json:"key_name,omitempty" doc:"Likewise."`
	Model   *string `json:"model,omitempty" doc:"Only with group_by=model, by the name that the client used; empty for the requests."`
	UsageSums
}

// UsageSums is what was used. It has a capital for huma, which looks only into
// embedded structs that are exported.
type UsageSums struct {
	Requests  int64   `json:"requests" doc:"Answered requests, some seconds behind."`
	Tasks     int64   `json:"tasks" doc:"Tasks that were created."`
	Succeeded int64   `json:"succeeded" doc:"Tasks that ended so."`
	Failed    int64   `json:"failed"`
	Cancelled int64   `json:"cancelled"`
	Seconds   int64   `json:"seconds" doc:"Length of the finished videos, as they were asked for."`
	Credits   float64 `json:"credits" doc:"What the tasks cost by the catalogue, less what was surely not spent."`
}

func usageSumsOf(u store.Usage) UsageSums {
	return UsageSums{u.Requests, u.Tasks, u.Succeeded, u.Failed, u.Cancelled, u.Seconds, creditsOf(u.Credits)}
}

// creditsOf are the store's thousandths in an answer.
func creditsOf(thousandths int64) float64 { return float64(thousandths) / 1000 }

func (a *api) getUsage(ctx context.Context, in *usageInput) (*huma.StreamResponse, error) {
	filter, err := a.usageFilter(ctx, in)
	if err != nil {
		return nil, err
	}
	answer := usageAnswer{From: filter.From, To: filter.To, TimeZone: a.Store.Zone().String(), Rows: []usageRow{}}
	owner := callerOf(ctx).Owner()
	if owner == "" || filter.KeyID == owner { // nobody sees what another key has used
		lines, err := a.Store.Usage(ctx, filter)
		if errors.Is(err, store.ErrTooMany) {
			return nil, invalid("group_by", "makes too many rows; name fewer days or a key, or group by less")
		}
		if err != nil {
			return nil, err
		}
		var total store.Usage
		for _, line := range lines {
			total.Add(line.Usage)
			answer.Rows = append(answer.Rows, usageRowOf(line, filter))
		}
		answer.Total = usageSumsOf(total)
	}
	if in.Format == "csv" || in.Format == "" && wantsCSV(in.Accept) {
		name := fmt.Sprintf("usage_%s_%s.csv", answer.From, answer.To)
		return download("text/csv; charset=utf-8", name, func(w io.Writer) error { return answer.writeCSV(w, filter) }), nil
	}
	return answerJSON(answer)
}

func (a *api) usageFilter(ctx context.Context, in *usageInput) (f store.UsageFilter, err error) {
	f.KeyID = callerOf(ctx).Owner()
	if in.Key != "" {
		f.KeyID = in.Key
	}
	f.Models = a.everyName(store.TaskFilter{Models: in.Model}).Models
	for field, values := range map[string][]string{"key": {in.Key}, "model": in.Model} {
		if slices.ContainsFunc(values, func(v string) bool { return !storable(v) }) {
			return f, invalid(field, "has characters that no task has")
		}
	}
	f.By.Key, f.By.Model, f.By.Day = slices.Contains(in.GroupBy, "key"), slices.Contains(in.GroupBy, "model"), slices.Contains(in.GroupBy, "day")
	to, err := day("to", in.To, a.Store.Day(time.Now().UnixMilli()))
	if err != nil {
		return f, err
	}
	from, err := day("from", in.From, to.AddDate(0, 0, 1-usageDefault).Format(time.DateOnly))
	if err != nil {
		return f, err
	}
	switch days := int(to.Sub(from).Hours()/24) + 1; {
	case days < 1:
		return f, invalid("from", "must not be after to, which is %s", to.Format(time.DateOnly))
	case days > usageDays:
		return f, invalid("from", "must be at most %d days before the end of %s; ask for the rest with another request", usageDays, to.Format(time.DateOnly))
	}
	f.From, f.To = from.Format(time.DateOnly), to.Format(time.DateOnly)
	return f, nil
}

// day reads a day; what it is a day of does not matter here.
func day(field, text, otherwise string) (time.Time, error) {
	if text == "" {
		text = otherwise
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1970 {
		return t, invalid(field, "must be a day such as 2026-11-30")
	}
	return t, nil
}

func usageRowOf(line store.UsageLine, f store.UsageFilter) usageRow {
	row := usageRow{UsageSums: usageSumsOf(line.Usage)}
	if f.By.Day {
		row.Day = &line.Day
	}
	if f.By.Key {
		row.KeyID, row.KeyName = &line.KeyID, &line.KeyName
	}
	if f.By.Model {
		row.Model = &line.Model
	}
	return row
}

// writeCSV writes the rows; a table that is added up by whoever reads it has no
// line with the total.
func (u *usageAnswer) writeCSV(w io.Writer, f store.UsageFilter) error {
	out := csv.NewWriter(w)
	var head []string
	column := func(chosen bool, names ...string) {
		if chosen {
			head = append(head, names...)
		}
	}
	column(f.By.Day, "day")
	column(f.By.Key, "key_id", "key_name")
	column(f.By.Model, "model")
	column(true, "requests", "tasks", "succeeded", "failed", "cancelled", "seconds", "credits")
	_ = out.Write(head) // the writer keeps its first error
	for _, row := range u.Rows {
		var cells []string
		for _, text := range []*string{row.Day, row.KeyID, row.KeyName, row.Model} {
			if text != nil {
				cells = append(cells, cell(*text))
			}
		}
		for _, n := range []int64{row.Requests, row.Tasks, row.Succeeded, row.Failed, row.Cancelled, row.Seconds} {
			cells = append(cells, strconv.FormatInt(n, 10))
		}
		_ = out.Write(append(cells, strconv.FormatFloat(row.Credits, 'f', -1, 64)))
	}
	out.Flush()
	return out.Error()
}

// cell keeps a spreadsheet from taking a text for a formula that it runs: names
// are anybody's.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// wantsCSV reports whether a client asks for CSV and not for JSON. A browser that
// takes anything gets JSON.
func wantsCSV(accept string) bool {
	return strings.Contains(accept, "text/csv") && !strings.Contains(accept, "application/json")
}

// download answers with a file that is written while it is made. An error on the
// way cuts the connection, so that nobody takes a part for the whole.
func download(contentType, name string, write func(io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(h huma.Context) {
		h.SetHeader("Content-Type", contentType)
		h.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		if err := write(h.BodyWriter()); err != nil {
			panic(http.ErrAbortHandler)
		}
	}}
}
