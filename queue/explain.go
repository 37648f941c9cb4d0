package queue

import (
	"context"
	"fmt"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// ReasonCode says in one stable word why a task does not run now.
type ReasonCode string

const (
	NoSession       ReasonCode = "no_session"
	AllBusy         ReasonCode = "all_busy"
	SessionsResting ReasonCode = "sessions_resting"
	Benched         ReasonCode = "upstream_benched"
	Full            ReasonCode = "upstream_full"
	NotConfigured   ReasonCode = "upstream_not_configured"
	GatewayLimit    ReasonCode = "gateway_concurrency"
	KeyLimit        ReasonCode = "key_concurrency"
	OthersFirst     ReasonCode = "others_first"
	PastDeadline    ReasonCode = "start_deadline"
	DailyQuota      ReasonCode = "daily_quota"
	CreditBudget    ReasonCode = "credit_budget"
	Starting        ReasonCode = "starting"
)

// Reason is one of possibly several why a task does not run now.
type Reason struct {
	Code    ReasonCode
	Message string // for people; names neither accounts nor upstreams
	Detail  string // for admins: which, and the upstream's own words; may be ""
}

// ModelNotServed is the verdict on sessions of upstreams that do not run the
// task's model; the others are those of [pool.Judge].
const ModelNotServed pool.Code = "model_not_served"

// SessionVerdict is a session, and whether it may take an attempt now.
type SessionVerdict struct {
	*store.Session
	pool.Verdict
	Chosen bool // the task runs on it
}

// Explanation is why a task runs where it runs, or does not run now.
type Explanation struct {
	Forecast
	Reasons    []Reason         // of a queued task, at least one
	Sessions   []SessionVerdict // all; those that could serve the task first
	NextSlotAt int64            // when one of these has a free slot, Unix milliseconds, 0 when nobody knows
	Attempts   []*store.Attempt
}

// Explain tells of a task why it does not run now, or with which session it
// does. The task is the key's, or any if keyID is "".
func (q *Queue) Explain(ctx context.Context, keyID, id string) (*store.Task, *Explanation, error) {
	task, err := q.store.Task(ctx, keyID, id)
	if err != nil {
		return nil, nil, err
	}
	attempts, err := q.store.Attempts(ctx, id)
	if err != nil || task.Status.Ended() {
		return task, &Explanation{Attempts: attempts}, err
	}
	f, err := q.Forecast(ctx, task)
	if err != nil {
		return nil, nil, err
	}
	p, err := q.picture(ctx)
	if err != nil {
		return nil, nil, err
	}
	e := &Explanation{Forecast: *f, Attempts: attempts, Sessions: p.verdicts(task)}
	if task.Status != store.Queued {
		return task, e, nil
	}
	l, err := q.line(ctx, task)
	if err != nil {
		return nil, nil, err
	}
	e.Reasons = p.reasons(task, l.key, f)
	e.NextSlotAt = p.nextSlot(task.Route)
	return task, e, nil
}

// verdicts judges every session for the task, or for any if task is nil.
func (p *picture) verdicts(task *store.Task) []SessionVerdict {
	var serving, others []SessionVerdict
	for _, s := range p.sessions {
		v := SessionVerdict{Session: s, Verdict: pool.Judge(s, p.upstreams[s.Upstream], p.now)}
		if task != nil && !crosses(task.Route, s.Upstream) {
			v.Verdict = pool.Verdict{Code: ModelNotServed, Message: "its upstream does not run what the task asks for"}
			others = append(others, v)
			continue
		}
		v.Chosen = task != nil && task.SessionID == s.ID
		serving = append(serving, v)
	}
	return append(serving, others...)
}

// nextSlot is when a session of the route has a free slot, 0 when nobody knows.
func (p *picture) nextSlot(route string) int64 {
	if at, ok := p.newOutlook(nil).nextSlot(route); ok {
		return at
	}
	return 0
}

// reasons are why a task that is queued, or may be, does not run now.
func (p *picture) reasons(task *store.Task, key *store.Lane, f *Forecast) []Reason {
	reasons := p.poolReasons(task)
	if limit := p.settings.Concurrency; limit > 0 && p.room() <= 0 {
		reasons = append(reasons, Reason{Code: GatewayLimit, Message: fmt.Sprintf("the gateway runs %d tasks at once, which is its limit", limit)})
	}
	if key.Concurrency > 0 && key.Running >= key.Concurrency {
		reasons = append(reasons, Reason{Code: KeyLimit, Message: fmt.Sprintf("the key runs %d tasks at once, which is its limit", key.Concurrency)})
	}
	if f.Place.InQueue > 1 || f.Place.InKey > 1 {
		reasons = append(reasons, Reason{Code: OthersFirst, Message: f.Place.String()})
	}
	if f.ETA.StartsAt > task.StartDeadline {
		reasons = append(reasons, Reason{Code: PastDeadline, Message: "it is not expected to start before its start deadline, when it fails"})
	}
	if len(reasons) == 0 {
		reasons = append(reasons, Reason{Code: Starting, Message: "nothing holds it back; it starts at once"})
	}
	return reasons
}

// String says in words who goes first.
func (p *Place) String() string {
	least := ""
	if p.AtLeast {
		least = "at least "
	}
	return fmt.Sprintf("%s%d tasks that wait for the same sessions go first, %s%d of the key's own", least, p.InQueue-1, least, p.InKey-1)
}

// poolReasons are why no session takes the task, none if one could.
func (p *picture) poolReasons(task *store.Task) []Reason {
	configured := false
	for name := range strings.SplitSeq(task.Route, ",") {
		configured = configured || p.upstream(name).Configured
	}
	if !configured {
		return []Reason{{NotConfigured, "no upstream that runs its model is in the configuration any more", "needed: " + task.Route}}
	}
	found := make(map[pool.Code][]SessionVerdict)
	for _, v := range p.verdicts(task) {
		if v.Code == pool.SessionReady {
			return nil
		}
		found[v.Code] = append(found[v.Code], v)
	}
	var reasons []Reason
	add := func(code ReasonCode, detail bool, format string, of ...pool.Code) {
		var list []SessionVerdict
		for _, c := range of {
			list = append(list, found[c]...)
		}
		if len(list) == 0 {
			return
		}
		r := Reason{Code: code, Message: fmt.Sprintf(format, sessions(len(list)))}
		if until := earliest(list); until > 0 {
			r.Message += "; the next is tried at " + pool.Clock(until)
		}
		if detail {
			r.Detail = p.details(list)
		}
		reasons = append(reasons, r)
	}
	add(AllBusy, false, "all slots of %s are taken", pool.SessionBusy)
	add(SessionsResting, true, "%s cannot take a task before the end of a pause", pool.SessionCooling, pool.SessionExhausted, pool.SessionHalfOpen)
	add(Benched, true, "the upstream of %s did not answer", pool.UpstreamBenched)
	add(Full, false, "the upstream of %s runs as many tasks as it may", pool.UpstreamFull)
	if len(reasons) == 0 {
		out := []pool.Code{pool.SessionDead, pool.SessionDisabled, pool.UpstreamNotConfigured}
		if add(NoSession, true, "%s could run it, but an admin must bring it back first", out...); len(reasons) == 0 {
			reasons = append(reasons, Reason{Code: NoSession, Message: "there is no session that could run it", Detail: "add one for " + task.Route})
		}
	}
	return reasons
}

func sessions(n int) string {
	if n == 1 {
		return "one session"
	}
	return fmt.Sprintf("%d sessions", n)
}

// earliest is when the first of the sessions is tried again, 0 if none is.
func earliest(list []SessionVerdict) int64 {
	at := int64(0)
	for _, v := range list {
		if v.Verdict.Until > 0 && (at == 0 || v.Verdict.Until < at) {
			at = v.Verdict.Until
		}
	}
	return at
}

// details tells admins what is wrong, in the words of the upstream.
func (p *picture) details(list []SessionVerdict) string {
	const most = 5
	var words []string
	for _, v := range list {
		reason := v.Reason
		if v.Code == pool.UpstreamBenched {
			reason = p.upstreams[v.Upstream].Reason
		}
		if text := strings.TrimSuffix(fmt.Sprintf("%s (%s) is %s: %s", v.Label, v.Upstream, v.Code, reason), ": "); len(words) < most {
			words = append(words, strings.TrimSpace(text))
		}
	}
	return strings.Join(words, "; ")
}
