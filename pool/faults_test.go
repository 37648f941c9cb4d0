package pool_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
)

// faulty applies a fault as it is.
func (b *bench) faulty(id string, fault *upstream.Error) *store.Session {
	b.t.Helper()
	b.write(func(tx *store.Tx) error { return b.pool.Fault(tx, id, "u", fault) })
	return b.session(id)
}

func (b *bench) upstream() *store.Upstream {
	b.t.Helper()
	var u *store.Upstream
	b.write(func(tx *store.Tx) error {
		list, err := tx.Upstreams()
		if len(list) > 0 {
			u = list[0]
		}
		return err
	})
	return u
}

const tenYears = 10 * 365 * 24 * time.Hour

// A pause that the upstream asks for wins, within reason.
func TestAskedPausesAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	for asked, want := range map[time.Duration]time.Duration{
		0: 30 * time.Second, 7 * time.Second: 7 * time.Second, 20 * time.Minute: 20 * time.Minute, tenYears: time.Hour,
	} {
		id := b.add("account-of-" + asked.String()).ID
		s := b.faulty(id, &upstream.Error{Kind: upstream.RateLimited, RetryAfter: asked})
		if pause := time.Duration(s.Until-s.UpdatedAt) * time.Millisecond; s.State != store.Cooling || pause != want {
			t.Errorf("asked for %s: %s for %s", asked, s.State, pause)
		}
	}
	for _, again := range []bool{false, true} { // known and not
		if again {
			b.write(func(tx *store.Tx) error { return tx.Unbench("u", true) })
		}
		var now int64
		b.write(func(tx *store.Tx) error {
			now = tx.Now
			return b.pool.Fault(tx, "", "u", &upstream.Error{Kind: upstream.InDoubt, Unreachable: true, RetryAfter: tenYears})
		})
		if pause := time.Duration(b.upstream().BenchedUntil-now) * time.Millisecond; pause != 5*time.Minute {
			t.Errorf("benched for %s", pause)
		}
	}
}

// Every fault after a pause makes the next one longer, up to a bound, and a
// success forgets them.
func TestPausesGrow(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	for kind, want := range map[upstream.Kind][]time.Duration{
		upstream.RateLimited: {30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute},
		upstream.RiskControl: {30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 12 * time.Hour},
	} {
		id := b.add("account-of-" + string(kind)).ID
		for i, pause := range want {
			s := b.fault(id, kind)
			if got := time.Duration(s.Until-s.UpdatedAt) * time.Millisecond; got != pause || s.Faults != i+1 {
				t.Errorf("%s, fault %d: it rests for %s, want %s", kind, i+1, got, pause)
			}
			b.write(func(tx *store.Tx) error { // the pause is over
				_, err := tx.Exec("UPDATE sessions SET until = $2 WHERE id = $1", id, tx.Now-1)
				return err
			})
		}
		b.write(func(tx *store.Tx) error { return b.pool.Works(tx, id, "u") })
		if s := b.session(id); s.State != store.Ready || s.Faults != 0 || s.Until != 0 || s.Reason != "" {
			t.Errorf("%s, after a success: %+v", kind, s)
		}
	}
}

// The circuit breaker of an upstream: its pause grows with faults in a row, a ping
// opens it and does not forget them, a success does both.
func TestTheBreakerOfAnUpstream(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	id := b.add("account-0000000001").ID
	network := &upstream.Error{Kind: upstream.Network, NotAccepted: true, Unreachable: true, Message: "down"}
	for i, want := range []time.Duration{1, 2, 4, 8, 15, 15} {
		var now int64
		b.write(func(tx *store.Tx) error { now = tx.Now; return b.pool.Fault(tx, id, "u", network) })
		u := b.upstream()
		if pause := time.Duration(u.BenchedUntil-now) * time.Millisecond; pause != want*time.Second || u.Faults != i+1 {
			t.Errorf("fault %d: benched for %s", i+1, pause)
		}
		b.faulty(id, network) // of the same moment
		if again := b.upstream(); again.Faults != i+1 || again.BenchedUntil != u.BenchedUntil {
			t.Errorf("fault %d counted twice: %+v", i+1, again)
		}
		b.write(func(tx *store.Tx) error { return tx.Unbench("u", false) })
		if u = b.upstream(); u.BenchedUntil != 0 || u.Faults != i+1 {
			t.Errorf("after a ping: %+v", u)
		}
	}
	b.faulty(id, network)
	benched := b.upstream()
	b.write(func(tx *store.Tx) error { return b.pool.Works(tx, id, "u") })
	if u := b.upstream(); u.BenchedUntil != 0 || u.Faults != 0 || u.Reason != "" {
		t.Errorf("after a success: %+v", u)
	}
	// The ping of before the success fails afterwards.
	b.write(func(tx *store.Tx) error { return b.pool.StillBenched(tx, benched, network) })
	if u := b.upstream(); u.BenchedUntil != 0 {
		t.Errorf("a late ping has benched it again: %+v", u)
	}
	if s := b.session(id); s.State != store.Ready || s.Faults != 0 {
		t.Errorf("session: %+v", s)
	}
}

// spoken puts a stock server behind the pool's upstream that answers a probe so.
func (b *bench) spoken(check, points func(http.ResponseWriter)) {
	b.t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/token/check":
			check(w)
		case "/token/points":
			points(w)
		default:
			io.WriteString(w, `{"code":-1000,"message":"[请求有误]: 正确请求为 POST -> /v1/chat/completions","data":null}`) // the test looks at the pool
		}
	}))
	b.t.Cleanup(web.Close)
	b.drive(web.URL)
}

func (b *bench) drive(address string) {
	b.t.Helper()
	driver, err := freeapi.New(freeapi.Config{URL: address})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { driver.Close() })
	b.pool.Configure(map[string]upstream.Driver{"u": driver})
}

func says(status int, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		io.WriteString(w, text) // the test looks at the pool
	}
}

const live = `{"live":true}`

func has(credits int) func(http.ResponseWriter) {
	return says(200, fmt.Sprintf(`[{"token":"x","points":{"totalCredit":%d}}]`, credits))
}

// A probe that cannot tell says so and changes nothing, whatever state the
// session is in.
func TestAProbeThatCannotTell(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	states := map[string]store.SessionState{"ready": store.Ready, "cooling": store.Cooling, "exhausted": store.Exhausted, "dead": store.Dead}
	ids := map[string]string{}
	for name, state := range states {
		ids[name] = b.add("account-of-" + name).ID
		if state != store.Ready {
			b.set(ids[name], state, time.Hour)
		}
	}
	abort := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	good := says(200, live)
	for name, answer := range map[string][2]func(http.ResponseWriter){
		"cut":                {abort, abort},
		"HTML":               {says(200, "<html>"), says(200, "<html>")},
		"500":                {says(500, "no"), says(500, "")},
		"502":                {says(502, ""), says(502, "")},
		"429":                {says(429, ""), says(429, "")},
		"empty":              {says(200, ""), says(200, "")},
		"null":               {says(200, "null"), says(200, "null")},
		"another shape":      {says(200, `{"live":"perhaps"}`), says(200, `{"points":1}`)},
		"network":            {says(200, `{"code":-1000,"message":"read ECONNRESET","data":null}`), has(5)},
		"risk control":       {says(200, `{"code":-2001,"message":"shark not pass","data":null}`), has(5)},
		"unknown":            {says(200, `{"code":-2001,"message":"[请求jimeng失败]: odd","data":null}`), has(5)},
		"no points":          {good, says(200, "[]")},
		"points of two":      {good, says(200, `[{"points":{"totalCredit":1}},{"points":{"totalCredit":2}}]`)},
		"no number":          {good, says(200, `[{"points":{"totalCredit":"many"}}]`)},
		"more than there is": {good, says(200, `[{"points":{"totalCredit":1e400}}]`)},
		"points are cut":     {good, abort},
	} {
		b.spoken(answer[0], answer[1])
		b.unmoved(name, ids)
	}
	b.drive("http://127.0.0.1:1")
	b.unmoved("refused", ids)
}

// unmoved probes the sessions and fails if that changed them.
func (b *bench) unmoved(name string, ids map[string]string) {
	b.t.Helper()
	for state, id := range ids {
		before := b.session(id)
		result, err := b.pool.Test(b.t.Context(), id)
		if err != nil || result.OK || !strings.HasPrefix(result.Message, "cannot tell: ") {
			b.t.Errorf("%s, %s: %+v, %v", name, state, result, err)
		}
		s := b.session(id)
		if s.State != before.State || s.Until != before.Until || s.Reason != before.Reason || s.Faults != before.Faults || s.Credits != nil {
			b.t.Errorf("%s, %s: became %+v", name, state, s)
		}
		if u := b.upstream(); u != nil && u.BenchedUntil != 0 {
			b.t.Errorf("%s, %s: a probe has benched the upstream", name, state)
		}
	}
}

// Credits bring a session back that had none. They say nothing about the quota of
// a day, nor about the pause that a burst or risk control asks for.
func TestWhatCreditsTell(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	credits, daily, risk := b.add("account-0000000001").ID, b.add("account-0000000002").ID, b.add("account-0000000003").ID
	probe := func(n int) {
		t.Helper()
		b.spoken(says(200, live), has(n))
		for _, id := range []string{credits, daily, risk} {
			if _, err := b.pool.Test(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	states := func(what string, want ...store.SessionState) {
		t.Helper()
		for i, id := range []string{credits, daily, risk} {
			if s := b.session(id); s.State != want[i] {
				t.Errorf("%s: session %d is %s until %d, %s; want %s", what, i, s.State, s.Until, s.Reason, want[i])
			}
		}
	}
	probe(50)
	b.fault(credits, upstream.Quota)
	b.fault(daily, upstream.DailyLimit)
	held := b.fault(risk, upstream.RiskControl)
	states("at first", store.Exhausted, store.Exhausted, store.Cooling)
	probe(0)
	states("without credits", store.Exhausted, store.Exhausted, store.Cooling)
	if s := b.session(risk); s.Until != held.Until || *s.Credits != 0 {
		t.Errorf("risk control: %+v", s)
	}
	b.write(func(tx *store.Tx) error { // as the last probe has seen it
		_, err := tx.Exec("UPDATE sessions SET credits = 50 WHERE id = $1", daily)
		return err
	})
	probe(60)
	states("with credits", store.Ready, store.Exhausted, store.Cooling)
	b.set(daily, store.Exhausted, -time.Second)
	if n := b.free(); n != pool.DefaultSlots+1 {
		t.Errorf("%d slots after the reset, want those of the ready one and an attempt of the other", n)
	}
}

// An upstream that does not answer a probe is not asked for each of its sessions:
// those of others would wait for that.
func TestASilentUpstreamIsProbedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	var probes atomic.Int64
	b.spoken(func(http.ResponseWriter) { probes.Add(1); panic(http.ErrAbortHandler) }, has(1))
	for i := range 5 {
		b.add(fmt.Sprintf("account-%010d", i))
	}
	b.write(func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE sessions SET created_at = $1", tx.Now-time.Hour.Milliseconds())
		return err
	})
	for round := range int64(3) {
		if err := b.pool.ProbeDue(t.Context()); err != nil || probes.Load() != round+1 {
			t.Errorf("round %d: %d probes, %v", round, probes.Load(), err)
		}
	}
}
