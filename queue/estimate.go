package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// Estimate is what would become of a task that was submitted now.
type Estimate struct {
	Forecast
	// Credits is what the task costs by the upstream's own list, nil when that is
	// not known; then CreditsReason says why.
	Credits       *float64
	CreditsReason string
	WhyNotSooner  []Reason // none if it would start at once
	Upstreams     []string // that can run it
}

// Estimate checks a task as [Queue.Submit] does, with the same errors but for
// those of quotas and budgets, and says when it would start. Nothing is stored.
func (q *Queue) Estimate(ctx context.Context, n *NewTask) (*Estimate, error) {
	task, err := q.plan(n)
	if err != nil {
		return nil, err
	}
	p, err := q.picture(ctx)
	if err != nil {
		return nil, err
	}
	l, err := q.line(ctx, task)
	if err != nil {
		return nil, err
	}
	for i, row := range l.lanes {
		if row.Route == task.Route { // the task would be one more
			row.Queued = max(row.Queued, l.ahead[i]) + 1
		}
	}
	f := p.forecast(task, l)
	e := &Estimate{Forecast: *f, Upstreams: strings.Split(task.Route, ",")}
	for _, r := range p.reasons(task, l.key, f) {
		if r.Code != Starting {
			e.WhyNotSooner = append(e.WhyNotSooner, r)
		}
	}
	err = q.wouldAdmit(ctx, n.Key, task)
	if limit, ok := errors.AsType[*LimitError](err); ok {
		code := DailyQuota
		if limit.Limit != "daily_quota" {
			code = CreditBudget
		}
		e.WhyNotSooner = append([]Reason{{Code: code, Message: limit.Message}}, e.WhyNotSooner...)
		e.ETA = &ETA{Samples: e.ETA.Samples, Reason: limit.Message}
	} else if err != nil {
		return nil, err
	}
	e.Credits, e.CreditsReason = credits(q.Model(task.Model), task)
	return e, nil
}

// credits is what a task costs by the catalogue, or why nobody knows.
func credits(m *Model, task *store.Task) (*float64, string) {
	if m == nil || m.Credits == 0 && m.CreditsPerSecond == 0 {
		return nil, fmt.Sprintf("nobody has told the gateway what the model %s costs", task.Model)
	}
	return new(m.Credits + m.CreditsPerSecond*float64(task.Duration)), ""
}
