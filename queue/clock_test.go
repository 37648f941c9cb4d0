package queue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// times are all columns that hold a moment, in Unix milliseconds.
var times = map[string][]string{
	"tasks":     {"created_at", "updated_at", "started_at", "finished_at", "start_deadline", "deadline", "run_deadline"},
	"attempts":  {"created_at", "sent_at", "settled_at"},
	"sessions":  {"until", "last_used_at", "probed_at", "created_at"},
	"upstreams": {"benched_until"},
	"keys":      {"served_at"},
	"nodes":     {"heartbeat_at"},
}

// jump makes the clock jump, as far as what is stored can tell: everything that
// was written lies so much further in the past, or in the future.
func (h *house) jump(forward time.Duration) {
	h.t.Helper()
	err := h.store.Write(h.t.Context(), store.Durable, func(tx *store.Tx) error {
		for table, columns := range times {
			for _, column := range columns {
				if _, err := tx.Exec(fmt.Sprintf("UPDATE %s SET %s = %s - $1 WHERE %s > 0", table, column, column, column), forward.Milliseconds()); err != nil {
					return err
				}
			}
		}
		for _, column := range []string{"scheduled_at", "attempted_at", "created_at"} {
			shifted := fmt.Sprintf("strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s, '%d seconds')", column, -int(forward.Seconds()))
			if h.store.Pgx() != nil {
				shifted = fmt.Sprintf("%s - interval '%d seconds'", column, int(forward.Seconds()))
			}
			if _, err := tx.Exec(fmt.Sprintf("UPDATE river_job SET %s = %s WHERE %s IS NOT NULL", column, shifted, column)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// stopFor stops the gateway for so long, in which the first task becomes ready.
func (h *house) stopFor(d time.Duration) {
	h.t.Helper()
	h.stop()
	eventually(h.t, func() string { return strings.TrimPrefix(h.sim.Submits()[0].Outcome, "succeeded") })
	var err error
	if h.store, err = store.Open(h.t.Context(), h.url, zap.NewNop()); err != nil {
		h.t.Fatal(err)
	}
	h.jump(d)
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
}

// The clock jumps an hour forward or back while tasks wait, run and cool: all of
// them end well, soon, and nothing is bought twice.
func TestTheClockJumps(t *testing.T) {
	for name, by := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			o := options{delay: 2 * time.Second, settings: func(s *queue.Settings) {
				s.PollInterval, s.StartDeadline, s.Deadline = time.Second, 3*time.Hour, 6*time.Hour
			}}
			each(t, o, func(t *testing.T, h *house) {
				h.session("account-0000000001", 2)
				cooling := h.session("account-0000000002", 2)
				err := h.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
					s, err := tx.Session(cooling.ID)
					if err != nil {
						return err
					}
					s.State, s.Until, s.Reason, s.Faults = store.Cooling, tx.Now+2000, "test", 1
					if _, err := tx.Exec("UPDATE sessions SET last_used_at = $1 WHERE id = $2", tx.Now, s.ID); err != nil {
						return err
					}
					return tx.UpdateSession(s)
				})
				if err != nil {
					t.Fatal(err)
				}
				var ids []string
				for i := range 8 {
					ids = append(ids, h.submit(h.video(admin, fmt.Sprint("boat ", i))).ID)
				}
				h.reaches(ids[0], store.Polling)
				h.jump(by)
				began := time.Now()
				for _, id := range ids {
					if task := h.ended(id); task.Status != store.Succeeded || task.Attempt != 1 {
						t.Errorf("task: %+v", task)
					}
				}
				if took := time.Since(began); took > 10*time.Minute {
					t.Errorf("it took %v", took)
				}
				eventually(t, func() string {
					s, err := h.pool.Session(t.Context(), cooling.ID)
					if err != nil || s.Until > time.Now().Add(time.Minute).UnixMilli() || s.LastUsedAt > time.Now().Add(time.Minute).UnixMilli() {
						return fmt.Sprintf("session: %+v, %v", s, err)
					}
					return ""
				})
				if n := len(h.sim.Submits()); n != len(ids) {
					t.Errorf("%d paid submits", n)
				}
				h.consistent()
			})
		})
	}
}

// The gateway was away when the upstream finished a task, and the task's time was
// over when it came back: the result, which is paid for, is fetched all the same.
func TestALastLookAfterTheDeadline(t *testing.T) {
	o := options{delay: time.Second, settings: func(s *queue.Settings) {
		s.PollInterval, s.StartDeadline, s.Deadline, s.RunDeadline = time.Second, 3*time.Hour, 6*time.Hour, 30*time.Minute
	}}
	each(t, o, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		task := h.submit(h.video(admin, "a boat"))
		h.reaches(task.ID, store.Polling)
		never := h.submit(h.video(admin, "[[delay:1h]] a boat")) // after the other: stopFor waits for the first
		h.session("account-0000000002", 1)
		h.reaches(never.ID, store.Polling)
		h.stopFor(time.Hour)
		if ended := h.ended(task.ID); ended.Status != store.Succeeded {
			t.Errorf("task: %+v", ended)
		}
		if ended := h.ended(never.ID); ended.ErrorKind != "timeout" || ended.Money != queue.RunsOnUpstream {
			t.Errorf("the one that is not ready: %+v", ended)
		}
		h.consistent()
	})
}
