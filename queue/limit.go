package queue

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// LimitError is returned for a task that a limit of its key refuses.
type LimitError struct {
	Limit   string    // the attribute of the key: daily_quota, credits_per_day, …
	Value   any       // of the attribute, as clients see it
	Until   time.Time // when the limit lets a task through again, zero when time does not help
	Message string    // for the client: what the limit is, and when it ends
}

func (e *LimitError) Error() string { return e.Message }

// allow checks what of a key's limits is known of a task in advance.
func (c *catalogue) allow(key *store.Key, task *store.Task, e *entry) error {
	if !c.offered(key, e) {
		return &LimitError{Limit: "models", Value: key.Models,
			Message: fmt.Sprintf("%q is not among the key's models, which are %s", task.Model, strings.Join(key.Models, ", "))}
	}
	if task.Priority == 0 && !key.Implicit { // not asked for
		task.Priority = min(0, key.MaxPriority)
	}
	// Those of ADMIN_TOKEN and of people were made by nobody, who could have set one.
	if !key.Implicit && task.Priority > key.MaxPriority {
		return &LimitError{Limit: "max_priority", Value: key.MaxPriority,
			Message: fmt.Sprintf("must be at most %d for this key", key.MaxPriority)}
	}
	return nil
}

// offered reports whether the key may use the model, which it may name by its id or
// by any alias.
func (c *catalogue) offered(key *store.Key, e *entry) bool {
	return len(key.Models) == 0 || slices.ContainsFunc(key.Models, func(name string) bool { return c.entries[name] == e })
}

// ModelsFor lists the models that the key may use. Nobody may change the list.
func (q *Queue) ModelsFor(key *store.Key) []Model {
	c := q.catalogue()
	if len(key.Models) == 0 {
		return c.models
	}
	var models []Model
	for _, m := range c.models {
		if c.offered(key, c.entries[m.ID]) {
			models = append(models, m)
		}
	}
	return models
}

// counted reports whether the key has a limit that needs the database.
func counted(key *store.Key) bool {
	return key.DailyQuota > 0 || key.CreditsPerDay > 0 || key.CreditsPerMonth > 0
}

// admits is the error of a task that is one too many for its key. It is part of the
// transaction that stores the task, so no two tasks can both be the last one.
func (q *Queue) admits(tx *store.Tx, key *store.Key, task *store.Task) error {
	var quota, credits *LimitError
	if key.DailyQuota > 0 {
		used, err := tx.TasksToday(key.ID)
		if err != nil {
			return err
		}
		quota = q.checkQuota(key, used, time.UnixMilli(tx.Now))
	}
	if task.Credits > 0 && (key.CreditsPerDay > 0 || key.CreditsPerMonth > 0) {
		day, month, err := tx.CreditsUsed(key.ID)
		if err != nil {
			return err
		}
		credits = q.checkCredits(key, task.Credits, day, month, time.UnixMilli(tx.Now))
	}
	return longer(quota, credits)
}

// longer is the limit that holds longer, so that whoever waits for its end is not
// refused by the other one then.
func longer(a, b *LimitError) error {
	switch {
	case a == nil && b == nil:
		return nil
	case b == nil || a != nil && !b.Until.IsZero() && (a.Until.IsZero() || a.Until.After(b.Until)):
		return a
	}
	return b
}

// wouldAdmit is admits for a task that nobody stores, as far as anybody can tell.
func (q *Queue) wouldAdmit(ctx context.Context, key *store.Key, task *store.Task) error {
	now := time.Now()
	var quota, credits *LimitError
	if key.DailyQuota > 0 {
		used, err := q.store.Today(ctx, key.ID)
		if err != nil {
			return err
		}
		quota = q.checkQuota(key, used.Tasks, now)
	}
	if task.Credits > 0 && (key.CreditsPerDay > 0 || key.CreditsPerMonth > 0) {
		day, month, err := q.store.CreditsUsed(ctx, key.ID)
		if err != nil {
			return err
		}
		credits = q.checkCredits(key, task.Credits, day, month, now)
	}
	return longer(quota, credits)
}

func (q *Queue) checkQuota(key *store.Key, used int64, now time.Time) *LimitError {
	if used < int64(key.DailyQuota) {
		return nil
	}
	until, _ := q.store.Ends(now)
	return &LimitError{Limit: "daily_quota", Value: key.DailyQuota, Until: until,
		Message: fmt.Sprintf("the key may create %d tasks a day and has done so; the day ends at %s", key.DailyQuota, until.Format(time.RFC3339))}
}

// checkCredits compares thousandths. The month comes first, because the end of the
// day does not help when both are used up.
func (q *Queue) checkCredits(key *store.Key, cost, day, month int64, now time.Time) *LimitError {
	dayEnds, monthEnds := q.store.Ends(now)
	for _, budget := range []struct {
		limit, span string
		most, used  int64
		until       time.Time
	}{
		{"credits_per_month", "month", key.CreditsPerMonth, month, monthEnds},
		{"credits_per_day", "day", key.CreditsPerDay, day, dayEnds},
	} {
		if budget.most == 0 || budget.used+cost <= budget.most {
			continue
		}
		e := &LimitError{Limit: budget.limit, Value: float64(budget.most) / 1000}
		e.Message = fmt.Sprintf("the key may spend %s credits a %s and has spent %s; the task costs %s",
			thousandths(budget.most), budget.span, thousandths(budget.used), thousandths(cost))
		if cost > budget.most { // the next day would not take it either
			e.Message += ", which is more than the whole budget"
			return e
		}
		e.Until = budget.until
		e.Message += fmt.Sprintf(", and the %s ends at %s", budget.span, e.Until.Format(time.RFC3339))
		return e
	}
	return nil
}

// thousandths writes them as the number they are.
func thousandths(n int64) string { return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64) }

// cost is what a task costs by the catalogue, in thousandths of a credit; 0 when
// nobody knows.
func cost(m *Model, task *store.Task) int64 {
	known, _ := credits(m, task)
	if known == nil {
		return 0
	}
	return int64(math.Ceil(*known*1000 - 1e-6))
}
