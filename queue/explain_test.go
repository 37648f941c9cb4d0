package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

func (h *house) explain(id string) *queue.Explanation {
	h.t.Helper()
	_, e, err := h.queue.Explain(h.t.Context(), "", id)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// because waits until a queued task is explained by exactly these reasons.
func (h *house) because(id string, want ...queue.ReasonCode) *queue.Explanation {
	h.t.Helper()
	var e *queue.Explanation
	eventually(h.t, func() string {
		e = h.explain(id)
		var got []queue.ReasonCode
		for _, r := range e.Reasons {
			got = append(got, r.Code)
		}
		if !slices.Equal(got, want) {
			return fmt.Sprintf("the reasons are %+v, want %v", e.Reasons, want)
		}
		return ""
	})
	return e
}

// set changes what the database says of a session.
func (h *house) set(id string, change func(*store.Session)) {
	h.t.Helper()
	err := h.store.Write(h.t.Context(), store.Durable, func(tx *store.Tx) error {
		s, err := tx.Session(id)
		if err != nil {
			return err
		}
		change(s)
		return tx.UpdateSession(s)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// patient settings let a task wait for longer than a test pretends that it does.
func patient(s *queue.Settings) { s.StartDeadline, s.Deadline = 3*time.Hour, 4*time.Hour }

func TestATaskIsToldWhyItWaits(t *testing.T) {
	each(t, options{settings: patient}, func(t *testing.T, h *house) {
		task := h.submit(h.video(admin, "[[delay:100ms]] waits")).ID
		h.because(task, queue.NoSession)
		n := h.video(admin, "in a hurry")
		n.StartDeadline = time.Minute

		session := h.session("account-0000000001", 1)
		h.ended(task) // so a session was all that it needed
		long := h.submit(h.video(admin, "[[delay:1h]] long")).ID
		h.reaches(long, store.Polling)
		task = h.submit(h.video(admin, "waits")).ID
		only := func(want pool.Code) *queue.Explanation {
			t.Helper()
			var e *queue.Explanation
			eventually(t, func() string {
				if e = h.explain(task); len(e.Sessions) != 1 || e.Sessions[0].Code != want || e.Sessions[0].Message == "" || e.Sessions[0].Chosen {
					return fmt.Sprintf("the sessions are %+v, want one that is %s", e.Sessions, want)
				}
				return ""
			})
			return e
		}
		h.because(task, queue.AllBusy)
		only(pool.SessionBusy)
		second := h.submit(h.video(admin, "waits behind")).ID
		if e := h.because(second, queue.AllBusy, queue.OthersFirst); !strings.Contains(e.Reasons[1].Message, "1 tasks") {
			t.Errorf("reasons: %+v", e.Reasons)
		}

		h.enable(session.ID, false)
		only(pool.SessionDisabled)
		h.because(task, queue.NoSession)
		h.enable(session.ID, true)
		h.set(session.ID, func(s *store.Session) { s.State, s.Reason = store.Dead, "login expired" })
		only(pool.SessionDead)
		if e := h.because(task, queue.NoSession); !strings.Contains(e.Reasons[0].Detail, "login expired") || strings.Contains(e.Reasons[0].Message, "login expired") {
			t.Errorf("reasons: %+v", e.Reasons)
		}

		until := time.Now().Add(time.Hour).UnixMilli()
		for state, code := range map[store.SessionState]pool.Code{store.Cooling: pool.SessionCooling, store.Exhausted: pool.SessionExhausted} {
			h.set(session.ID, func(s *store.Session) { s.State, s.Until, s.Slots, s.Reason = state, until, 2, string(state) })
			eventually(t, func() string {
				e := h.because(task, queue.SessionsResting)
				if e.Sessions[0].Code == code && e.Sessions[0].Verdict.Until == until && e.NextSlotAt == until && e.ETA.StartsAt >= until && e.ETA.Confidence != queue.High {
					return ""
				}
				return fmt.Sprintf("%s until %d: %+v, eta %+v", code, until, e, e.ETA)
			})
		}

		hurry := h.submit(n).ID
		h.because(hurry, queue.SessionsResting, queue.OthersFirst, queue.PastDeadline)
		if _, err := h.queue.Cancel(t.Context(), "", hurry); err != nil {
			t.Fatal(err)
		}

		// Its pause is over while the one attempt that decides is still running.
		h.set(session.ID, func(s *store.Session) { s.State, s.Until, s.Reason = store.Cooling, 1, "burst" })
		only(pool.SessionHalfOpen)
		h.because(task, queue.SessionsResting)

		h.set(session.ID, func(s *store.Session) { s.State, s.Until, s.Reason, s.Slots = store.Ready, 0, "", 1 })
		h.because(task, queue.AllBusy)
		err := h.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.Bench("sim", until, "connection refused") })
		if err != nil {
			t.Fatal(err)
		}
		h.set(session.ID, func(s *store.Session) { s.Slots = 2 })
		if e := h.because(task, queue.Benched); e.NextSlotAt != until || !strings.Contains(e.Reasons[0].Detail, "connection refused") {
			t.Errorf("benched: %+v", e)
		}
		only(pool.UpstreamBenched)

		settings := h.settings
		settings.Upstreams = map[string]queue.Upstream{}
		h.queue.Configure(settings)
		h.because(task, queue.NotConfigured)
		only(pool.UpstreamNotConfigured)
	})
}

func TestLimitsAreReasons(t *testing.T) {
	each(t, options{settings: func(s *queue.Settings) { patient(s); s.Concurrency = 2 }}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 10)
		key := h.key("one", func(k *store.Key) { k.Concurrency = 1 })
		h.reaches(h.submit(h.video(key, "[[delay:1h]]")).ID, store.Polling)
		capped := h.submit(h.video(key, "capped")).ID
		h.because(capped, queue.KeyLimit)
		h.reaches(h.submit(h.video(admin, "[[delay:1h]]")).ID, store.Polling)
		h.because(capped, queue.GatewayLimit, queue.KeyLimit)
		h.because(h.submit(h.video(admin, "b")).ID, queue.GatewayLimit, queue.OthersFirst)

		settings := h.settings
		settings.Concurrency = 0
		settings.Upstreams = map[string]queue.Upstream{"sim": {Driver: h.settings.Upstreams["sim"].Driver, Concurrency: 2}}
		h.queue.Configure(settings)
		e := h.because(capped, queue.Full, queue.KeyLimit)
		if e.Sessions[0].Code != pool.UpstreamFull {
			t.Errorf("sessions: %+v", e.Sessions)
		}
	})
}

func TestARunningTaskTellsItsSessionAndAttempts(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		ill := h.session("expired-account-0000000001", 1)
		task := h.submit(h.video(admin, "[[delay:2s]] a boat")).ID
		h.until(task, "back in the queue", func(t *store.Task) bool { return t.Attempt == 1 && t.Status == store.Queued })
		well := h.session("account-0000000002", 1)
		h.reaches(task, store.Polling)
		eventually(t, func() string {
			e := h.explain(task)
			if len(e.Sessions) != 2 {
				return "the picture is old"
			}
			if e.Place != nil || len(e.Reasons) != 0 || len(e.Attempts) != 2 || e.Attempts[0].SessionID != ill.ID || e.Attempts[0].ErrorKind != "auth" || e.Attempts[1].SessionID != well.ID {
				t.Errorf("explained as %+v with %d attempts", e, len(e.Attempts))
			}
			for _, s := range e.Sessions {
				if s.Chosen != (s.ID == well.ID) {
					t.Errorf("session %s is chosen: %v", s.ID, s.Chosen)
				}
			}
			return ""
		})
		h.ended(task)
		if e := h.explain(task); e.ETA != nil || len(e.Sessions) != 0 || len(e.Attempts) != 2 {
			t.Errorf("of an ended task: %+v", e)
		}
	})
}

func TestThePoolInNumbers(t *testing.T) {
	each(t, options{settings: func(s *queue.Settings) { s.Concurrency = 9 }}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 3)
		h.enable(h.session("account-0000000002", 5).ID, false)
		dead := h.session("account-0000000003", 7)
		h.set(dead.ID, func(s *store.Session) { s.State = store.Dead })
		cooling := h.session("account-0000000004", 2)
		h.set(cooling.ID, func(s *store.Session) { s.State, s.Until = store.Cooling, time.Now().Add(time.Hour).UnixMilli() })
		wait := func(what string, ok func(*queue.PoolView) bool) {
			t.Helper()
			eventually(t, func() string {
				v, err := h.queue.PoolView(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !ok(v) {
					return fmt.Sprintf("%s: %+v", what, v)
				}
				return ""
			})
		}
		one := h.key("one", func(k *store.Key) { k.Concurrency = 2 })
		wait("nothing runs", func(v *queue.PoolView) bool {
			return len(v.Sessions) == 4 && v.Slots == 5 && v.Free == 3 && v.Running == 0 && v.WaitingTasks == 0 && v.OldestWaiting == 0 &&
				v.NextSlotAt > 0 && len(v.Upstreams) == 1 && v.Upstreams[0].Models > 0
		})
		var first *store.Task
		for i := range 4 {
			if task := h.submit(h.video(one, "[[delay:1h]]")); i == 2 {
				first = task
			}
		}
		wait("two run and two wait", func(v *queue.PoolView) bool {
			return v.Running == 2 && v.Free == 1 && v.WaitingTasks == 2 && v.WaitingKeys == 1 && v.OldestWaiting == first.CreatedAt &&
				v.Upstreams[0].Running == 2
		})
	})
}

func TestEstimate(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		key := h.key("one", func(k *store.Key) { k.Concurrency, k.DailyQuota = 1, 3 })
		estimate := func(priority int) *queue.Estimate {
			t.Helper()
			n := h.video(key, "a boat")
			n.Priority = priority
			e, err := h.queue.Estimate(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		codes := func(e *queue.Estimate) (list []queue.ReasonCode) {
			for _, r := range e.WhyNotSooner {
				list = append(list, r.Code)
			}
			return list
		}
		if e := estimate(0); *e.Place != (queue.Place{InKey: 1, OfKey: 1, InQueue: 1, OfQueue: 1}) || !slices.Equal(codes(e), []queue.ReasonCode{queue.NoSession}) {
			t.Errorf("in an empty house: %+v, place %+v", e, e.Place)
		}
		h.session("account-0000000001", 5)
		eventually(t, func() string {
			if e := estimate(0); len(e.WhyNotSooner) != 0 || e.ETA.StartsAt == 0 || e.Upstreams[0] != "sim" {
				return fmt.Sprintf("with a free session: %+v, eta %+v", e, e.ETA)
			}
			return ""
		})
		h.reaches(h.submit(h.video(key, "[[delay:1h]]")).ID, store.Polling)
		h.submit(h.video(key, "waits"))
		eventually(t, func() string {
			e := estimate(0)
			if !slices.Equal(codes(e), []queue.ReasonCode{queue.KeyLimit, queue.OthersFirst}) || e.Place.InKey != 2 || e.Place.OfKey != 2 {
				return fmt.Sprintf("behind another: %+v, place %+v", e, e.Place)
			}
			return ""
		})
		if e := estimate(1); !slices.Equal(codes(e), []queue.ReasonCode{queue.KeyLimit}) || e.Place.InKey != 1 || e.Place.OfKey != 2 {
			t.Errorf("with priority: %+v, place %+v", e, e.Place)
		}
		h.submit(h.video(key, "the last of the day"))
		if e := estimate(0); !slices.Contains(codes(e), queue.DailyQuota) || e.ETA.StartsAt != 0 || e.ETA.Reason == "" {
			t.Errorf("when the day's tasks are used up: %+v, eta %+v", e, e.ETA)
		}
		if counts, err := h.store.Stats(t.Context(), key.ID); err != nil || counts[store.Queued] != 2 {
			t.Errorf("an estimate was stored: %v, %v", counts, err)
		}
	})
}

func TestAnEstimateRefusesWhatASubmitRefuses(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.SQLite(t), options{})
	n := h.video(admin, "a boat")
	n.Duration = 99
	_, submitted := h.queue.Submit(t.Context(), n)
	_, estimated := h.queue.Estimate(t.Context(), n)
	if submitted == nil || estimated == nil || submitted.Error() != estimated.Error() {
		t.Errorf("a submit says %v, an estimate %v", submitted, estimated)
	}
}
