package queue_test

import (
	"os"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// TestALongCall keeps one call open for as long as a slow generation takes, with
// everything as it is in the product. It runs in real time, so it has to be
// asked for:
//
//	LONG_CALL=20m go test ./queue -run TestALongCall -timeout 60m -v
//
// What every run of the tests checks instead is in upstream/freeapi, where hours
// pass in no time.
func TestALongCall(t *testing.T) {
	t.Parallel()
	long, err := time.ParseDuration(os.Getenv("LONG_CALL"))
	if err != nil {
		t.Skip("LONG_CALL is not a duration")
	}
	h := build(t, storetest.SQLite(t), options{variant: simulator.Stock, delay: long, settings: func(s *queue.Settings) {
		s.Deadline = long + 10*time.Minute
	}})
	session := h.session("account-0000000001", 1)
	started := time.Now()
	id := h.submit(h.video(admin, "a boat")).ID
	deadline := time.After(long + 5*time.Minute)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	task := h.reaches(id, store.Submitting)
	for !task.Status.Ended() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the task is still %s after %s", task.Status, time.Since(started))
		}
		if task, err = h.store.Task(t.Context(), "", id); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the task is %s after %s", task.Status, time.Since(started).Round(time.Second))
	if task.Status != store.Succeeded || task.Attempt != 1 || time.Since(started) < long {
		t.Errorf("task: %+v", task)
	}
	if n := len(h.sim.Submits()); n != 1 {
		t.Errorf("%d paid submits", n)
	}
	if s, err := h.pool.Session(t.Context(), session.ID); err != nil || s.State != store.Ready || s.Succeeded != 1 {
		t.Errorf("session: %+v, %v", s, err)
	}
	h.consistent()
}
