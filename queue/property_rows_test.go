package queue_test

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// each row of a query.
func (p *property) rows(tx *sql.Tx, query string, scan func(func(...any) error) error) {
	p.t.Helper()
	rows, err := tx.Query(query)
	if err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows.Scan); err != nil {
			p.t.Fatalf("%s: %v", query, err)
		}
	}
	if err := rows.Err(); err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
}

// check compares all rows of one moment with each other and with the events.
func (p *property) check() {
	p.t.Helper()
	tx, err := p.watch.BeginTx(context.Background(), &sql.TxOptions{Isolation: p.isolation(), ReadOnly: p.isolation() != 0})
	if err != nil {
		p.t.Fatal(err)
	}
	defer tx.Rollback() // it has only read
	p.checkTasks(tx)
	p.checkCounters(tx)
	p.checkAttempts(tx)
	p.checkUsage(tx)
	p.checkSessions(tx)
	p.checks++
	if len(p.model.problems) > 0 {
		p.t.Fatalf("after %d steps:\n%s", p.step, strings.Join(p.model.problems, "\n"))
	}
}

func (p *property) isolation() sql.IsolationLevel {
	if strings.HasPrefix(p.database, "sqlite://") {
		return 0
	}
	return sql.LevelRepeatableRead
}

// checkTasks replays the new events; the rows must be what comes out.
func (p *property) checkTasks(tx *sql.Tx) {
	type row struct {
		status     store.Status
		attempt    int
		session    string
		money      string
		errorKind  string
		job        int64
		finishedAt int64
		deadline   int64
	}
	found := map[string]row{}
	p.rows(tx, "SELECT id, key_id, route, priority, prompt, status, attempt, session_id, money, error_kind, job_id, finished_at, deadline, model, duration, credits FROM tasks",
		func(scan func(...any) error) error {
			t := &modelTask{}
			var r row
			var credits int64
			if err := scan(&t.id, &t.key, &t.route, &t.priority, &t.prompt, &r.status, &r.attempt, &r.session, &r.money, &r.errorKind, &r.job, &r.finishedAt, &r.deadline, &t.model, &t.duration, &credits); err != nil {
				return err
			}
			if p.model.tasks[t.id] == nil {
				p.model.tasks[t.id] = t
				tag, _, _ := strings.Cut(t.prompt, " ")
				p.chains[tag] = append(p.chains[tag], t.id)
			}
			p.model.tasks[t.id].credits = credits
			found[t.id] = r
			return nil
		})
	p.rows(tx, "SELECT seq, task_id, key_id, type, at, data FROM events WHERE seq > "+itoa(p.model.last)+" ORDER BY seq",
		func(scan func(...any) error) error {
			e, err := readEvent(scan)
			if err == nil {
				p.model.happened(e)
			}
			return err
		})
	for id, t := range p.model.tasks {
		r, there := found[id]
		switch {
		case t.deleted == there:
			p.model.problem("task %s: deleted %t, and its row is there %t", id, t.deleted, there)
		case there && (r.status != t.Status || r.attempt != t.Attempt || r.money != t.Money || r.errorKind != t.ErrorKind || r.finishedAt != t.FinishedAt):
			p.model.problem("task %s: its events say %s attempt %d %s %s, its row %+v", id, t.Status, t.Attempt, t.Money, t.ErrorKind, r)
		case there && r.status.Ended() && t.ends != 1 || t.ends > 1:
			p.model.problem("task %s ended %d times", id, t.ends)
		case there && r.errorKind == "timeout" && r.finishedAt < min(t.StartDeadline, r.deadline) && !strings.Contains(t.prompt, "timeout"):
			p.model.problem("task %s failed with timeout, and its time is not over: %s", id, t.ErrorMessage)
		case there && r.status == store.Cancelled && r.money == "":
			p.model.problem("task %s is cancelled and does not say what it costs", id)
		}
	}
	p.rows(tx, `SELECT id FROM tasks WHERE status IN ('submitting', 'polling', 'downloading') AND NOT EXISTS (
		SELECT 1 FROM river_job j WHERE j.id = tasks.job_id AND j.state NOT IN ('completed', 'cancelled', 'discarded'))`,
		func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			p.model.problem("nothing runs task %s any more", id)
			return err
		})
}

// checkCounters counts everything that is counted again.
func (p *property) checkCounters(tx *sql.Tx) {
	equal := func(what, query string) {
		p.rows(tx, query, func(scan func(...any) error) error {
			var id string
			var counted, there int64
			err := scan(&id, &counted, &there)
			if counted != there {
				p.model.problem("%s of %q is %d, and there are %d", what, id, counted, there)
			}
			return err
		})
	}
	const running = "status IN ('submitting', 'polling', 'downloading')"
	equal("running of session", "SELECT id, running, (SELECT count(*) FROM tasks t WHERE t.session_id = s.id AND "+running+") FROM sessions s")
	equal("running of upstream", "SELECT name, running, (SELECT count(*) FROM tasks t WHERE t.upstream = u.name AND "+running+") FROM upstreams u")
	equal("running of key", "SELECT id, running, (SELECT count(*) FROM tasks t WHERE t.key_id = k.id AND "+running+") FROM keys k")
	equal("queued of lane", "SELECT key_id || ' ' || route, queued, (SELECT count(*) FROM tasks t WHERE t.key_id = l.key_id AND t.route = l.route AND status = 'queued') FROM lanes l")
	equal("count", "SELECT key_id || ' ' || status, n, (SELECT count(*) FROM tasks t WHERE (t.key_id = c.key_id OR c.key_id = '') AND t.status = c.status) FROM task_counts c")
	equal("lanes", "SELECT 'all', (SELECT coalesce(sum(queued), 0) FROM lanes), (SELECT count(*) FROM tasks WHERE status = 'queued')")
	equal("counts", "SELECT 'all', (SELECT coalesce(sum(n), 0) FROM task_counts WHERE key_id = ''), (SELECT count(*) FROM tasks)")
	equal("bytes", "SELECT name, value, (SELECT coalesce(sum(artifact_bytes), 0) FROM tasks) FROM counters WHERE name = 'artifact_bytes'")
}

// attempt is what a row says of one submit.
type attempt struct {
	n       int
	session string
	state   store.AttemptState
	fault   string
}

// mayBePaid lists the states of an attempt that the upstream may have accepted.
var mayBePaid = []store.AttemptState{store.Sending, store.Accepted, store.InDoubt}

// checkAttempts makes sure that no task may have been paid twice, and that what
// is said about money is what is known.
func (p *property) checkAttempts(tx *sql.Tx) {
	all := map[string][]attempt{}
	p.rows(tx, "SELECT task_id, n, session_id, state, error_kind FROM attempts ORDER BY task_id, n", func(scan func(...any) error) error {
		var id string
		var a attempt
		err := scan(&id, &a.n, &a.session, &a.state, &a.fault)
		all[id] = append(all[id], a)
		return err
	})
	for id, t := range p.model.tasks {
		if t.deleted {
			continue // what was known before stays known
		}
		attempts := all[id]
		if len(attempts) != t.Attempt {
			p.model.problem("task %s has %d attempts, and %d are counted", id, len(attempts), t.Attempt)
		}
		p.attempts[id] = attempts
		paid := 0
		for i, a := range attempts {
			if a.n != i+1 {
				p.model.problem("attempt %d of task %s has the number %d", i+1, id, a.n)
			}
			if slices.Contains(mayBePaid, a.state) {
				paid++
			}
		}
		state := store.AttemptState("")
		if len(attempts) > 0 {
			state = attempts[len(attempts)-1].state
		}
		may := slices.Contains(mayBePaid, state)
		switch {
		case paid > 1 || paid == 1 && !may:
			p.model.problem("task %s was sent again after an attempt that may be paid: %+v", id, attempts)
		case t.Money == queue.NotStarted && may, (t.Money == queue.RunsOnUpstream || t.Money == queue.Stopped) && !may:
			p.model.problem("task %s says %s, and its attempt is %s", id, t.Money, state)
		case t.Status == store.Queued && may, t.Status == store.Succeeded && state != store.Accepted:
			p.model.problem("task %s is %s, and its attempt is %s", id, t.Status, state)
		case t.Status == store.Polling && state != store.Accepted, t.Status == store.Downloading && state != store.Accepted:
			p.model.problem("task %s is %s, and its attempt is %s", id, t.Status, state)
		case t.Status == store.Failed && t.Money == "" && t.ErrorKind != "in_doubt" && (state == store.InDoubt || state == store.Sending):
			// Some faults leave a doubt under their own name, and the message says so.
			if !strings.Contains(t.ErrorMessage, "may charge") {
				p.model.problem("task %s failed with %s and says nothing of the doubt: %s", id, t.ErrorKind, t.ErrorMessage)
			}
		}
	}
}

// checkSessions makes sure that only an account's own fault takes it out of
// service.
func (p *property) checkSessions(tx *sql.Tx) {
	p.rows(tx, "SELECT id, state, faults, until FROM sessions", func(scan func(...any) error) error {
		var id string
		var state store.SessionState
		var faults int
		var until int64
		if err := scan(&id, &state, &faults, &until); err != nil {
			return err
		}
		s := p.model.sessions[id]
		switch {
		case s == nil:
			p.model.problem("nobody has added session %s", id)
		case steady(s.token) && (state != store.Ready || faults != 0 || until != 0):
			p.model.problem("the account %s has never failed, and its session is %s with %d faults", s.token, state, faults)
		case state == store.Ready && until != 0, state == store.Dead && until != 0, state != store.Ready && state != store.Dead && until == 0:
			p.model.problem("session %s is %s until %d", id, state, until)
		}
		return nil
	})
}

// checkLedger compares what the upstreams have counted with what the gateway
// says, when everything has ended.
func (p *property) checkLedger() {
	paid := map[string]int{}
	for name, sim := range p.sims {
		submits := sim.Submits()
		p.paid += len(submits)
		for i, s := range submits {
			tag, _, _ := strings.Cut(s.Prompt, " ")
			paid[tag]++
			// How many attempts held a slot of the account at that moment?
			now, held := s.Time.UnixMilli(), 0
			for _, o := range submits[:i+1] {
				if o.Token == s.Token && (o.ID == s.ID || o.Finish.After(s.Time)) && p.holds(name, o.Token, o.Prompt, o.Time, now) {
					held++
				}
			}
			if most := p.slots(name, s.Token, now); held > most {
				p.model.problem("%s ran %d attempts at once at %s, it has %d slots", s.Token, held, s.Time, most)
			}
		}
	}
	for tag, ids := range p.chains {
		surely, perhaps := 0, 0
		for _, id := range ids {
			for _, a := range p.attempts[id] {
				if a.state == store.Accepted && a.fault == "" { // some refusals leave open whether it began
					surely++
				}
				if slices.Contains(mayBePaid, a.state) {
					perhaps++
				}
			}
		}
		if paid[tag] < surely || paid[tag] > perhaps {
			p.model.problem("%s was paid %d times, the gateway says from %d to %d: tasks %v", tag, paid[tag], surely, perhaps, ids)
		}
		delete(paid, tag)
	}
	if len(paid) > 0 {
		p.model.problem("paid for nothing that anybody has asked for: %v", paid)
	}
	if len(p.model.problems) > 0 {
		p.t.Fatal(strings.Join(p.model.problems, "\n"))
	}
}

// holds reports whether the task that sent a submit held its slot at a moment.
func (p *property) holds(upstream, token, prompt string, sent time.Time, at int64) bool {
	tag, _, _ := strings.Cut(prompt, " ")
	var latest *holding
	for _, id := range p.chains[tag] {
		for i, h := range p.model.tasks[id].held {
			s := p.model.sessions[h.session]
			if s.token == token && s.upstream == upstream && h.from <= sent.UnixMilli() && (latest == nil || h.from > latest.from) {
				latest = &p.model.tasks[id].held[i]
			}
		}
	}
	if latest == nil {
		p.model.problem("%s was sent to %s at %s without a slot", tag, token, sent)
		return false
	}
	return latest.to > at
}

// slots is how many slots an account had at most at a moment.
func (p *property) slots(upstream, token string, at int64) (most int) {
	for _, s := range p.model.sessions {
		if s.upstream == upstream && s.token == token {
			_, high := s.slots.between(func(v limitValue) bool { return v.from.at <= at && at <= v.to.at })
			most = max(most, high)
		}
	}
	if most == math.MaxInt {
		return 0
	}
	return most
}
