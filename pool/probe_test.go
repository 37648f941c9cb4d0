package pool_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// answer puts a simulator behind the pool's upstream and returns what it was
// asked: how often for a session's credits, and how many requests at once. It
// waits with the credits of the first until together of them are asked for.
func (b *bench) answer(together int) (probes, most *atomic.Int64) {
	b.t.Helper()
	var gate sync.WaitGroup
	gate.Add(together)
	sim := simulator.New(simulator.Config{Log: zap.NewNop()})
	var running atomic.Int64
	probes, most = &atomic.Int64{}, &atomic.Int64{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if r.URL.Path == "/token/points" {
			if probes.Add(1) <= int64(together) {
				gate.Done()
			}
			gate.Wait()
		}
		sim.ServeHTTP(w, r)
	}))
	b.t.Cleanup(web.Close)
	driver, err := freeapi.New(freeapi.Config{URL: web.URL})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { driver.Close() })
	b.pool.Configure(map[string]upstream.Driver{"u": driver})
	return probes, most
}

func TestAllSessionsAreProbedAtOnceButNotTooManyTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		b := setup(t, databaseURL)
		const atOnce = 8
		_, most := b.answer(atOnce)
		for i := range 40 {
			b.add(fmt.Sprintf("account-%010d", i))
		}
		expired := b.add("expired-account-0000000001").ID
		tested, err := b.pool.TestAll(t.Context(), nil)
		if err != nil || len(tested) != 41 {
			t.Fatalf("%d were probed: %v", len(tested), err)
		}
		for _, one := range tested {
			switch {
			case one.Session.ID == expired:
				if one.OK || one.Session.State != store.Dead || one.Message == "" {
					t.Errorf("the expired one: %+v, %+v", one.TestResult, one.Session)
				}
			case !one.OK || one.Session.Credits == nil || one.Session.ProbedAt == 0:
				t.Errorf("one that works: %+v, %+v", one.TestResult, one.Session)
			}
		}
		if n := most.Load(); n != atOnce {
			t.Errorf("%d requests at once", n)
		}
		if tested, err = b.pool.TestAll(t.Context(), []string{expired}); err != nil || len(tested) != 1 || tested[0].Session.ID != expired {
			t.Errorf("only one: %+v, %v", tested, err)
		}
		if _, err = b.pool.TestAll(t.Context(), []string{expired, "ses_nobody"}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an id of nobody: %v", err)
		}
	})
}

func TestSessionsThatAreIllAreProbedMoreOften(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	probes, _ := b.answer(0)
	b.add("account-0000000001")
	ill := b.add("account-0000000002").ID
	b.fault(ill, upstream.Quota)
	due := func(age time.Duration) int64 {
		t.Helper()
		b.write(func(tx *store.Tx) error {
			_, err := tx.Exec("UPDATE sessions SET probed_at = $1, created_at = $1", tx.Now-age.Milliseconds())
			return err
		})
		before := probes.Load()
		if err := b.pool.ProbeDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		return probes.Load() - before
	}
	if n := due(9 * time.Minute); n != 0 {
		t.Errorf("%d were probed after 9 minutes", n)
	}
	if n := due(11 * time.Minute); n != 1 || b.session(ill).State != store.Ready {
		t.Errorf("%d were probed after 11 minutes, the ill one is %s", n, b.session(ill).State)
	}
	if n := due(31 * time.Minute); n != 2 {
		t.Errorf("%d were probed after 31 minutes", n)
	}
	b.pool.ProbeEvery(time.Hour)
	if n := due(31 * time.Minute); n != 0 {
		t.Errorf("%d were probed after 31 minutes although it is every hour", n)
	}
}
