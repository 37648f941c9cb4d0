package queue_test

import (
	"database/sql"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// shanghai is the zone of the property test: its days are never those of UTC.
var shanghai = func() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err)
	}
	return zone
}()

// price is what a task costs by the settings of the test, in thousandths.
func (t *modelTask) price() int64 {
	switch t.model {
	case "only-a":
		return 1500
	case "only-b":
		return 250 * int64(t.duration)
	}
	return 0
}

// spent is what a task counts for: its price, unless it has ended and its last
// attempt was surely not accepted.
func (p *property) spent(t *modelTask) int64 {
	attempts := p.attempts[t.id]
	may := len(attempts) > 0 && slices.Contains(mayBePaid, attempts[len(attempts)-1].state)
	if t.Status.Ended() && (!may || t.Money == queue.NotStarted) {
		return 0
	}
	return t.price()
}

// checkUsage counts again, from the tasks that there are and those that were
// deleted, what is counted by key, day and model.
func (p *property) checkUsage(tx *sql.Tx) {
	type line struct{ key, day, model string }
	day := func(ms int64) string { return time.UnixMilli(ms).In(shanghai).Format(time.DateOnly) }
	want := map[line]store.Usage{}
	count := func(t *modelTask, at int64, u store.Usage) {
		l := line{t.key, day(at), t.model}
		u.Add(want[l])
		want[l] = u
	}
	for id, t := range p.model.tasks {
		spent := p.spent(t)
		if !t.deleted && t.credits != spent {
			p.model.problem("task %s is %s (%s), its attempts are %+v, and its row has %d credits, want %d", id, t.Status, t.Money, p.attempts[id], t.credits, spent)
		}
		count(t, t.createdAt, store.Usage{Tasks: 1, Credits: spent})
		switch t.Status {
		case store.Succeeded:
			count(t, t.FinishedAt, store.Usage{Succeeded: 1, Seconds: int64(t.duration)})
		case store.Failed:
			count(t, t.FinishedAt, store.Usage{Failed: 1})
		case store.Cancelled:
			count(t, t.FinishedAt, store.Usage{Cancelled: 1})
		}
	}
	got := map[line]store.Usage{}
	p.rows(tx, "SELECT key_id, day, model, requests, tasks, succeeded, failed, cancelled, seconds, credits FROM usage_by_model", func(scan func(...any) error) error {
		var l line
		var u store.Usage
		err := scan(&l.key, &l.day, &l.model, &u.Requests, &u.Tasks, &u.Succeeded, &u.Failed, &u.Cancelled, &u.Seconds, &u.Credits)
		got[l] = u
		return err
	})
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		p.model.problem("usage (-want +got):\n%s", diff)
	}
}
