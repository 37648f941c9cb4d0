package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// reloaded is what a reload changes.
type reloaded struct {
	gateway  int
	upstream map[string]int
	retry    int // most failovers
	revert   func()
}

// What an account may do, and what a request may ask the upstream to do wrong.
var (
	accountFaults = []string{"login_expired", "account_punished", "account_banned", "shark_not_pass", "rate_limited", "daily_limit"}
	taskFaults    = []string{"content_filtered@submit", "content_filtered@generation", "2038@generation", "generation_failed@generation",
		"bad_param@submit", "all_files@submit", "econnrefused@submit", "econnreset@submit", "video_timeout@generation", "down@submit", "cut", "truncated"}
	files = []string{"cut:1", "short:1", "page:1", "forbidden:1", "garbage:2"}
)

// act does one thing, chosen by weight.
func (p *property) act() {
	steps := []struct {
		weight int
		do     func()
	}{
		{30, p.submit}, {16, p.cancel}, {6, p.retry}, {5, p.remove}, {2, p.bulk},
		{7, p.accountFault}, {7, p.healOne}, {3, p.credits}, {12, p.disturb},
		{3, p.addOne}, {5, p.able}, {2, p.removeSession}, {4, p.changeSlots}, {4, p.probe},
		{4, p.reload}, {3, p.changeKey}, {2, p.restart}, {2, p.crashAndStart},
	}
	p.passTroubles()
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	n := p.random.IntN(total)
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			s.do()
			return
		}
	}
}

// passTroubles ends what has gone wrong for some steps. The gateway asks the less
// often the longer something does not answer, and a test has no time for that.
func (p *property) passTroubles() {
	for _, name := range slices.Sorted(maps.Keys(p.until)) {
		if p.until[name] > p.step {
			continue
		}
		delete(p.until, name)
		if g := p.process.gates[name]; g != nil {
			p.note("upstream %s is as it should be", name)
			g.be("")
		} else {
			p.heal(name)
		}
	}
}

func pick[T any](p *property, list []T) T { return list[p.random.IntN(len(list))] }

func (p *property) submit() {
	key := pick(p, p.keys)
	if p.random.IntN(3) > 0 {
		key = p.keys[0] // the one that wants everything
	}
	for range 1 + p.random.IntN(7) {
		p.tags++
		prompt := fmt.Sprintf("t%d [[delay:%dms]]", p.tags, 20+p.random.IntN(400))
		deadline := time.Duration(0)
		switch p.random.IntN(8) {
		case 0:
			prompt += fmt.Sprintf(" [[fault:%s]]", pick(p, taskFaults))
			deadline = 4 * time.Second // some of them put the task back each time
		case 1:
			prompt += fmt.Sprintf(" [[file:%s]]", pick(p, files))
		}
		n := p.house.video(key, prompt)
		n.Deadline = deadline
		n.Model = pick(p, []string{"seedance-2.0", "seedance-2.0", "only-a", "only-b", "slow"})
		n.Priority = p.random.IntN(3)
		switch p.random.IntN(12) {
		case 0:
			n.StartDeadline = time.Second
		case 1:
			n.Deadline = 2 * time.Second
		}
		p.beside(fmt.Sprintf("submit %s for %s to %s, priority %d", prompt, key.ID, n.Model, n.Priority), func() error {
			_, err := p.house.queue.Submit(p.t.Context(), n)
			return err
		})
	}
}

// beside does something while the next steps are done. That a task is not in
// the state for it any more is an answer like any other.
func (p *property) beside(what string, do func() error) {
	p.busy.Go(func() {
		err := do()
		p.note("%s: %v", what, err)
		for _, fine := range []error{nil, queue.ErrEnded, queue.ErrNotEnded, queue.ErrRetried, store.ErrNotFound, pool.ErrBusy} {
			if errors.Is(err, fine) {
				return
			}
		}
		if _, ok := errors.AsType[*upstream.InvalidError](err); !ok {
			p.t.Errorf("%s: %v", what, err)
		}
	})
}

// known lists tasks that the model has seen, oldest first.
func (p *property) known(ok func(*modelTask) bool) (ids []string) {
	for id, t := range p.model.tasks {
		if !t.deleted && ok(t) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (p *property) ended() []string {
	return p.known(func(t *modelTask) bool { return t.Status.Ended() })
}

// cancel takes a task as it is now, and rather one that is in the middle of a
// call to its upstream.
func (p *property) cancel() {
	open := map[store.Status][]string{}
	rows, err := p.watch.Query("SELECT id, status FROM tasks WHERE status IN ('queued', 'submitting', 'polling', 'downloading') ORDER BY id")
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var status store.Status
		if err := rows.Scan(&id, &status); err != nil {
			p.t.Fatal(err)
		}
		open[status] = append(open[status], id)
	}
	wanted := []store.Status{store.Queued, store.Submitting, store.Polling, store.Downloading}
	for _, i := range p.random.Perm(len(wanted)) {
		if ids := open[wanted[i]]; len(ids) > 0 {
			id := pick(p, ids)
			for range 1 + p.random.IntN(2) {
				p.beside(fmt.Sprintf("cancel %s, which is %s", id, wanted[i]), func() error {
					_, err := p.house.queue.Cancel(p.t.Context(), "", id)
					return err
				})
			}
			return
		}
	}
}

func (p *property) retry() {
	if ended := p.ended(); len(ended) > 0 {
		id := pick(p, ended)
		p.beside("retry "+id, func() error {
			_, err := p.house.queue.Retry(p.t.Context(), "", id, "")
			return err
		})
	}
}

func (p *property) remove() {
	p.check() // what is deleted takes its history with it
	if ended := p.ended(); len(ended) > 0 {
		id := pick(p, ended)
		p.beside("delete "+id, func() error { return p.house.queue.Delete(p.t.Context(), "", id) })
	}
}

func (p *property) bulk() {
	p.check()
	action := pick(p, []queue.Action{queue.CancelAll, queue.RetryAll, queue.DeleteAll})
	filter := store.TaskFilter{KeyID: pick(p, p.keys).ID}
	if action != queue.CancelAll {
		for _, id := range p.ended() {
			if p.random.IntN(3) == 0 {
				filter.IDs = append(filter.IDs, id)
			}
		}
		if len(filter.IDs) == 0 {
			return
		}
	}
	p.beside(fmt.Sprintf("%s all of %s", action, filter.KeyID), func() error {
		_, err := p.house.queue.Bulk(p.t.Context(), action, filter, false)
		return err
	})
}

// shaky lists the accounts that may do wrong.
func (p *property) shaky() (tokens []string) {
	for _, s := range p.model.sessions {
		if !steady(s.token) && !slices.Contains(tokens, s.token) {
			tokens = append(tokens, s.token)
		}
	}
	slices.Sort(tokens)
	return tokens
}

// account changes what an account is at all upstreams.
func (p *property) account(token, change string) {
	p.note("account %s: %s", token, change)
	for _, sim := range p.sims {
		answer := httptest.NewRecorder()
		sim.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/_simulator/tokens/"+token, bytes.NewBufferString(change)))
		if answer.Code/100 != 2 {
			p.t.Fatalf("account %s: %s: %s", token, change, answer.Body)
		}
	}
}

func (p *property) accountFault() {
	token := pick(p, p.shaky())
	p.account(token, fmt.Sprintf(`{"fault":%q}`, pick(p, accountFaults)))
	p.until[token] = p.step + 20
}

func (p *property) heal(token string) { p.account(token, `{"fault":"","credits":100000}`) }
func (p *property) healOne()          { p.heal(pick(p, p.shaky())) }
func (p *property) credits() {
	p.account(pick(p, p.shaky()), fmt.Sprintf(`{"credits":%d}`, p.random.IntN(3)))
}

// disturb causes trouble between the gateway and an upstream.
func (p *property) disturb() {
	name := pick(p, []string{"a", "b"})
	g := p.process.gates[name]
	switch p.random.IntN(4) {
	case 0:
		if what := pick(p, []trouble{down, down, nonsense}); p.random.IntN(2) == 0 {
			p.note("upstream %s: %s", name, what)
			g.be(what)
			p.until[name] = p.step + 10
			return
		}
		fallthrough
	case 1:
		p.note("upstream %s is as it should be", name)
		g.be("")
	default:
		path := pick(p, []string{"submit", "submit", "status", "generations"})
		what, times := pick(p, []trouble{lose, down, nonsense}), 1+p.random.IntN(3)
		p.note("upstream %s: %s, %d times at %s", name, what, times, path)
		g.cause(path, what, times)
	}
}

func (p *property) addSession(upstream, token string, slots int) {
	s, err := p.house.pool.Add(p.t.Context(), pool.NewSession{Upstream: upstream, Secret: token, Slots: slots})
	p.note("session for %s at %s with %d slots: %v", token, upstream, slots, err)
	if errors.Is(err, store.ErrConflict) {
		return
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.model.sessions[s.ID] = &modelSession{token: token, upstream: upstream, slots: newLimit(slots)}
}

func (p *property) addOne() {
	name := pick(p, []string{"a", "b"})
	p.addSession(name, fmt.Sprintf("shaky-%s-%d", name, 1+p.random.IntN(4)), 1+p.random.IntN(3))
}

// someSession is a session that was not removed.
func (p *property) someSession(ok func(*modelSession) bool) string {
	all, err := p.house.pool.Sessions(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(s *store.Session) bool { return !ok(p.model.sessions[s.ID]) })
	return pick(p, all).ID
}

func anySession(*modelSession) bool { return true }

func (p *property) enable(id string, enabled bool) {
	_, err := p.house.pool.Change(p.t.Context(), id, pool.Change{Enabled: &enabled})
	p.note("session %s enabled %t: %v", id, enabled, err)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		p.t.Fatal(err)
	}
}

func (p *property) able() { p.enable(p.someSession(anySession), p.random.IntN(5) > 1) }

func (p *property) removeSession() {
	id := p.someSession(func(s *modelSession) bool { return !steady(s.token) || p.random.IntN(3) == 0 })
	if steady(p.model.sessions[id].token) {
		return
	}
	p.beside("remove session "+id, func() error { return p.house.pool.Remove(p.t.Context(), id) })
}

func (p *property) changeSlots() {
	id, slots := p.someSession(anySession), 1+p.random.IntN(4)
	p.note("session %s has %d slots", id, slots)
	before := p.now()
	_, err := p.house.pool.Change(p.t.Context(), id, pool.Change{Slots: &slots})
	if err == nil {
		p.model.sessions[id].slots.set(slots, before, p.now())
	} else if !errors.Is(err, store.ErrNotFound) {
		p.t.Fatal(err)
	}
}

func (p *property) probe() {
	if p.random.IntN(3) == 0 {
		p.beside("probe all", func() error {
			_, err := p.house.pool.TestAll(p.t.Context(), nil)
			return err
		})
		return
	}
	id := p.someSession(anySession)
	p.beside("probe "+id, func() error {
		_, err := p.house.pool.Test(p.t.Context(), id)
		return err
	})
}

// inForce is what the last reload that holds says.
func (p *property) inForce() *reloaded {
	if len(p.stack) == 0 {
		return &reloaded{upstream: map[string]int{}, retry: 2}
	}
	return p.stack[len(p.stack)-1]
}

// apply makes settings of it.
func (p *property) apply(c *reloaded) queue.Settings {
	s := queue.Settings{
		Upstreams: map[string]queue.Upstream{}, Concurrency: c.gateway, MaxFailovers: c.retry,
		PollInterval: 50 * time.Millisecond, StartDeadline: 10 * time.Minute, Deadline: 10 * time.Minute, Zone: shanghai,
		Models: map[string]queue.ModelSettings{
			"only-a": {Upstreams: map[string]string{"a": "seedance-2.0"}, Override: upstream.Override{Credits: 1.5}},
			"only-b": {Upstreams: map[string]string{"b": "seedance-2.0"}, Override: upstream.Override{CreditsPerSecond: 0.25}},
			"slow":   {Upstreams: map[string]string{"a": "jimeng-video-3.0", "b": "jimeng-video-3.0"}}, // a call that blocks
		},
	}
	for name, u := range p.drivers {
		u.Concurrency = c.upstream[name]
		s.Upstreams[name] = u
	}
	return s
}

// limits notes what holds after a change of the configuration, and that during
// it either may.
func (p *property) limits(change func()) {
	before := mark{}
	if p.watch != nil {
		before = p.now()
	}
	change()
	after := before
	if p.watch != nil && p.process != nil && p.house.queue != nil {
		if err := p.house.queue.Kick(p.t.Context()); err == nil {
			after = p.now()
		}
	}
	c := p.inForce()
	p.model.gateway.set(c.gateway, before, after)
	for name, l := range p.model.upstream {
		l.set(c.upstream[name], before, after)
	}
}

func (p *property) reload() {
	if len(p.stack) > 0 && p.random.IntN(2) == 0 {
		i := p.random.IntN(len(p.stack))
		p.limits(func() {
			p.stack[i].revert()
			p.stack = slices.Delete(p.stack, i, i+1)
		})
		p.note("reload %d is taken back: %+v", i, *p.inForce())
		return
	}
	c := &reloaded{gateway: pick(p, []int{0, 1, 3, 6}), retry: p.random.IntN(4), upstream: map[string]int{}}
	for name := range p.sims {
		c.upstream[name] = pick(p, []int{0, 1, 4})
	}
	p.note("reload: %+v", *c)
	p.limits(func() {
		c.revert = p.house.queue.Configure(p.apply(c))
		p.stack = append(p.stack, c)
	})
}

func (p *property) changeKey() {
	key, n := pick(p, p.keys), p.random.IntN(5)
	p.note("key %s may run %d", key.ID, n)
	before := p.now()
	_, err := p.house.store.UpdateKey(p.t.Context(), key.ID, func(k *store.Key) error {
		k.Concurrency = n
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.model.keys[key.ID].limit.set(n, before, p.now())
}

func (p *property) restart() {
	p.busy.Wait()
	hold := p.random.IntN(2) == 0
	p.note("stop, and what is on the wire waits for an answer: %t", hold)
	if hold {
		for _, g := range p.process.gates {
			g.hold()
			p.process.ended = append([]func(){g.release}, p.process.ended...)
		}
	}
	p.stop()
	p.check()
	p.restarts++
	p.up()
	p.note("started")
}

func (p *property) crashAndStart() {
	p.busy.Wait()
	p.note("crash")
	p.crash()
	p.check()
	p.restarts++
	p.up()
	p.note("started")
}
