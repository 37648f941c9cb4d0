package pool_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// A session that an admin cools gets no tasks until it is brought back, and is then
// as it was.
func TestCoolAndBringBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		b := setup(t, databaseURL)
		id := b.add("account-0000000001").ID
		for asked, want := range map[time.Duration]time.Duration{0: pool.DefaultPause, time.Hour: time.Hour} {
			s, err := b.pool.Cool(t.Context(), id, asked, "")
			if err != nil || s.State != store.Cooling || s.Reason == "" || time.Duration(s.Until-s.UpdatedAt)*time.Millisecond != want {
				t.Errorf("cooled for %s: %+v %v", asked, s, err)
			}
		}
		if b.free() != 0 {
			t.Error("it takes tasks")
		}
		if s, err := b.pool.BringBack(t.Context(), id); err != nil || s.State != store.Ready || s.Until != 0 || b.free() != pool.DefaultSlots {
			t.Errorf("brought back: %+v %v", s, err)
		}
		if s, err := b.pool.BringBack(t.Context(), id); err != nil || s.State != store.Ready {
			t.Errorf("brought back again: %+v %v", s, err)
		}
	})
}

// After a fault one attempt decides, and the next fault rests longer than the first.
func TestBringBackAfterAFault(t *testing.T) {
	t.Parallel()
	for _, kind := range []upstream.Kind{upstream.RateLimited, upstream.Quota, upstream.Auth} {
		b := setup(t, storetest.SQLite(t))
		id := b.add("account-0000000001").ID
		was := b.fault(id, kind)
		for range 2 { // twice is not more
			s, err := b.pool.BringBack(t.Context(), id)
			if err != nil || s.State == store.Ready || b.free() != 1 {
				t.Fatalf("%s: %+v %v", kind, s, err)
			}
			if v := pool.Judge(s, &pool.Upstream{Configured: true}, s.UpdatedAt); v.Free != 1 {
				t.Errorf("%s: %+v", kind, v)
			}
		}
		if kind == upstream.RateLimited {
			if s := b.fault(id, kind); s.Until-s.UpdatedAt <= was.Until-was.UpdatedAt {
				t.Error("the pauses do not grow any more")
			}
		}
		b.write(func(tx *store.Tx) error { return b.pool.Works(tx, id, "u") })
		if s := b.session(id); kind != upstream.RateLimited && s.State != store.Ready {
			t.Errorf("%s: it works and is %s", kind, s.State)
		}
	}
}

// The end of a pause must not revive what an admin or the upstream has switched off.
func TestCoolOnlyWhatIsInService(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	id := b.add("account-0000000001").ID
	b.fault(id, upstream.Auth)
	if _, err := b.pool.Cool(t.Context(), id, time.Minute, ""); !errors.Is(err, pool.ErrOutOfService) {
		t.Errorf("a dead one: %v", err)
	}
	if _, err := b.pool.Change(t.Context(), id, pool.Change{Enabled: new(false)}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.BringBack(t.Context(), id); !errors.Is(err, pool.ErrOutOfService) {
		t.Errorf("a disabled one: %v", err)
	}
	if s := b.session(id); s.Enabled || s.State != store.Dead {
		t.Errorf("it became %+v", s)
	}
}
