package simulator

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// plenty is what an account has whose credits nobody has set.
const plenty = 100_000

// Submit is a paid request that the simulator accepted.
type Submit struct {
	Time      time.Time  `json:"time"`
	Token     string     `json:"token"`
	Path      string     `json:"path"`
	Model     string     `json:"model"`
	Prompt    string     `json:"prompt"`
	ID        string     `json:"id"`
	Outcome   string     `json:"outcome"`        // running, succeeded or failed
	Code      any        `json:"code,omitempty"` // of a failed one: fail code, starling key or envelope code
	Finish    time.Time  `json:"finish"`         // when the outcome is or was known
	Materials []Material `json:"materials"`
}

// Load is how much an account, or all of them, had to do. It is exact: the
// simulator's own clock decides when a generation begins and ends.
type Load struct {
	Running    int `json:"running"`
	MaxRunning int `json:"max_running"`
	Submits    int `json:"submits"`
}

// ledger knows the accounts and everything that they paid for. Nothing is
// forgotten until somebody resets it.
type ledger struct {
	mu       sync.Mutex
	accounts map[string]*account
	submits  []Submit // Outcome and Code as they will be after Finish
	all      timeline
}

type account struct {
	fault   *plan // nil for none
	credits *int  // nil for plenty that never gets less
	daily   int   // what the first collection of the day brings
	load    timeline
}

// timeline counts how many spans of time overlap.
type timeline struct {
	ends    []time.Time // of the open spans, ascending
	max     int
	started int
}

func (t *timeline) running(now time.Time) int {
	n := 0
	for n < len(t.ends) && !t.ends[n].After(now) {
		n++
	}
	t.ends = slices.Delete(t.ends, 0, n)
	return len(t.ends)
}

func (t *timeline) start(now, end time.Time) {
	t.started++
	t.running(now)
	if end.After(now) {
		i, _ := slices.BinarySearchFunc(t.ends, end, time.Time.Compare)
		t.ends = slices.Insert(t.ends, i, end)
	}
	t.max = max(t.max, len(t.ends))
}

func (t *timeline) load(now time.Time) Load {
	return Load{t.running(now), t.max, t.started}
}

func (t *timeline) reset(now time.Time) {
	t.max, t.started = t.running(now), 0
}

func newLedger() *ledger {
	return &ledger{accounts: map[string]*account{}}
}

// account returns the account of a token, which exists as soon as somebody
// asks. The caller holds the lock.
func (l *ledger) account(token string) *account {
	a := l.accounts[token]
	if a == nil {
		a = &account{}
		for _, w := range tokenWords {
			if !strings.Contains(strings.ToLower(token), w.word) {
				continue
			}
			if w.fault == "" {
				a.credits = new(0)
			} else {
				a.fault = mustPlan(w.fault)
			}
			break
		}
		if token == "" {
			a.fault = mustPlan("login_expired")
		}
		l.accounts[token] = a
	}
	return a
}

// faultOf returns what is wrong with the account, nil for nothing.
func (l *ledger) faultOf(token string) *plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.account(token).fault
}

// set changes an account; nil leaves a field as it is.
func (l *ledger) set(token string, fault *plan, clear bool, credits, daily *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(token)
	if fault != nil || clear {
		a.fault = fault
	}
	if credits != nil {
		a.credits = new(*credits)
	}
	if daily != nil {
		a.daily = *daily
	}
}

func (l *ledger) credits(token string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.account(token); a.credits != nil {
		return *a.credits
	}
	return plenty
}

// collect adds the day's credits when none are left, and reports whether it did.
func (l *ledger) collect(token string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.account(token).collect()
}

func (a *account) collect() bool {
	if a.credits == nil || *a.credits > 0 || a.daily <= 0 {
		return false
	}
	*a.credits, a.daily = *a.credits+a.daily, 0
	return true
}

// accept books a submit and its one credit. It reports false, and books
// nothing, when the account has no credits left and none to collect. The submit
// is built with the lock held, so that times ascend and the counts are exact.
func (l *ledger) accept(token string, build func(now time.Time) Submit) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(token)
	if a.credits != nil {
		if *a.credits <= 0 && !a.collect() {
			return false
		}
		*a.credits--
	}
	s := build(time.Now())
	l.submits = append(l.submits, s)
	a.load.start(s.Time, s.Finish)
	l.all.start(s.Time, s.Finish)
	return true
}

// list returns the submits in the order in which they were accepted.
func (l *ledger) list(now time.Time) []Submit {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Submit, len(l.submits))
	copy(list, l.submits)
	for i := range list {
		if list[i].Finish.After(now) {
			list[i].Outcome, list[i].Code = "running", nil
		}
	}
	return list
}

// loads returns the load of everybody together and of each token that ever
// submitted something.
func (l *ledger) loads(now time.Time) (Load, map[string]Load) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tokens := map[string]Load{}
	for token, a := range l.accounts {
		if load := a.load.load(now); load.Submits > 0 || load.MaxRunning > 0 {
			tokens[token] = load
		}
	}
	return l.all.load(now), tokens
}

// reset forgets the submits and begins to count anew; what runs goes on.
func (l *ledger) reset(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.submits = nil
	l.all.reset(now)
	for _, a := range l.accounts {
		a.load.reset(now)
	}
}
