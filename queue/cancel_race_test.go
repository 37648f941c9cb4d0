package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// race cancels many tasks, each at another moment of its life, and checks that
// each has one end, that who was told that it is cancelled was told the truth,
// and that it stays so.
func race(t *testing.T, h *house, tasks []*store.Task, ready func(*store.Task) bool) (cancelled int) {
	t.Helper()
	answers := make([]*store.Task, len(tasks))
	var wg sync.WaitGroup
	for i, task := range tasks {
		wg.Go(func() {
			h.until(task.ID, "ready", func(now *store.Task) bool { return ready(now) || now.Status.Ended() })
			answer, err := h.queue.Cancel(t.Context(), "", task.ID)
			switch {
			case err == nil:
				answers[i] = answer
			case !errors.Is(err, queue.ErrEnded):
				t.Errorf("cancel: %v", err)
			}
		})
	}
	wg.Wait()
	paid := map[string]int{}
	for _, s := range h.sim.Submits() {
		paid[s.Prompt]++
	}
	for i, task := range tasks {
		ended := h.ended(task.ID)
		h.settled(task.ID)
		if answers[i] != nil {
			cancelled++
		}
		if (answers[i] != nil) != (ended.Status == store.Cancelled) {
			t.Errorf("the answer was %+v, and the task is %s", answers[i], ended.Status)
		}
		if n := paid[task.Prompt]; n > 1 || n > 0 && ended.Money == queue.NotStarted || n == 0 && ended.Status == store.Succeeded {
			t.Errorf("%s was paid %d times, and the task is %s, %s", task.Prompt, n, ended.Status, ended.Money)
		}
		history, err := h.store.History(t.Context(), task.ID, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		ends := 0
		for _, e := range history {
			if e.What == store.Ended {
				ends++
			}
			if ends > 0 && e.Change.Status != ended.Status {
				t.Errorf("after its end, the task is %s: %+v", e.Change.Status, e)
			}
		}
		if ends != 1 {
			t.Errorf("the task ended %d times", ends)
		}
	}
	h.consistent()
	return cancelled
}

func many(h *house, n int, prompt string) (tasks []*store.Task) {
	for i := range n {
		tasks = append(tasks, h.submit(h.video(admin, fmt.Sprintf("%s %d", prompt, i))))
	}
	return tasks
}

func TestCancelAgainstSuccess(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		h := build(t, databaseURL, options{delay: 20 * time.Millisecond})
		h.stop()
		h.away = true // a poster would take longer than everything else
		h.start()
		h.session("account-0000000001", 8)
		tasks := many(h, 24, "a boat")
		n := race(t, h, tasks, func(task *store.Task) bool {
			return task.Status == store.Downloading && h.queue.Mirror(task.ID, 0) != nil
		})
		t.Logf("%d of %d were cancelled", n, len(tasks))
	})
}

// Each attempt ends with a login that has expired, and the next session takes
// over, until somebody cancels.
func TestCancelAgainstFailover(t *testing.T) {
	each(t, options{settings: func(s *queue.Settings) { s.MaxFailovers = 100 }}, func(t *testing.T, h *house) {
		for i := range 12 {
			h.session(fmt.Sprintf("expired-account-%010d", i), 4)
		}
		tasks := many(h, 12, "a boat")
		dead := func() bool { // then some have never had an attempt
			sessions, err := h.pool.Sessions(t.Context())
			return err == nil && !slices.ContainsFunc(sessions, func(s *store.Session) bool { return s.State == store.Ready })
		}
		race(t, h, tasks, func(task *store.Task) bool { return task.Attempt > 0 || dead() })
		for _, task := range tasks {
			// A call that was given up leaves a doubt, whatever its answer would have been.
			attempt := h.settled(task.ID)
			doubt := attempt != nil && attempt.State == store.InDoubt
			if task := h.ended(task.ID); task.Status != store.Cancelled || doubt != (task.Money != queue.NotStarted) {
				t.Errorf("task: %s, %s, attempt %+v", task.Status, task.Money, attempt)
			}
		}
		if n := len(h.sim.Submits()); n != 0 {
			t.Errorf("%d paid submits", n)
		}
	})
}

func TestCancelAgainstTheDeadline(t *testing.T) {
	each(t, options{delay: time.Hour, settings: func(s *queue.Settings) { s.RunDeadline = 1500 * time.Millisecond }}, func(t *testing.T, h *house) {
		sit(t, h, false)
		h.session("account-0000000001", 12)
		tasks := many(h, 12, "a boat")
		race(t, h, tasks, func(task *store.Task) bool {
			return task.RunDeadline > 0 && time.Now().UnixMilli() >= task.RunDeadline
		})
		for _, task := range tasks {
			if attempt := h.settled(task.ID); attempt != nil && attempt.State == store.Accepted {
				h.until(task.ID, "stopped", func(t *store.Task) bool { return t.Money == queue.Stopped })
			}
		}
	})
}

// A stop with a request that has not left yet is no fault of anybody: the next
// start sends it.
func TestAStopBeforeTheRequestHasLeft(t *testing.T) {
	each(t, options{delay: time.Millisecond}, func(t *testing.T, h *house) {
		d := newDesk(t, h)
		held := d.hold(beforeDetect)
		d.sit(false)
		h.session("account-0000000001", 1)
		task := h.submit(h.video(admin, "a boat"))
		<-held.arrived
		eventually(t, func() string {
			if attempt, err := h.store.Attempt(t.Context(), task.ID, 1); err != nil || attempt.State != store.Sending {
				return "the attempt is not on its way"
			}
			return ""
		})
		h.stop()
		held.release()
		h.start()
		if task := h.ended(task.ID); task.Status != store.Succeeded || task.Attempt != 1 {
			t.Errorf("task: %+v", task)
		}
		if n := len(h.sim.Submits()); n != 1 {
			t.Errorf("%d paid submits", n)
		}
		h.consistent()
	})
}

// What a reload allows begins at once, and not when somebody happens to look.
func TestAReloadLetsTasksStart(t *testing.T) {
	each(t, options{delay: time.Hour, settings: func(s *queue.Settings) { s.Concurrency = 1 }}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 2)
		tasks := many(h, 2, "a boat")
		h.reaches(tasks[0].ID, store.Polling)
		h.settings.Concurrency = 2
		began := time.Now()
		h.queue.Configure(h.settings)
		h.reaches(tasks[1].ID, store.Polling)
		// Without being told, admission looks every 15 s.
		if took := time.Since(began); took > patience(8*time.Second) {
			t.Errorf("the task started after %s", took)
		}
	})
}
