package queue_test

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// One line per event of a task, each with what joins it to the task, its key, its
// session and its request.
func TestTheLogTellsOfATask(t *testing.T) {
	t.Parallel()
	storetest.Each(t, theLogTellsOfATask)
}

func theLogTellsOfATask(t *testing.T, databaseURL string) {
	core, lines := observer.New(zap.InfoLevel)
	h := build(t, databaseURL, options{log: zap.New(core)})
	session := h.session("account-0000000001", 1).ID
	ctx := store.WithRequestID(t.Context(), "request-1")
	submit := func(prompt string) string {
		t.Helper()
		task, err := h.queue.Submit(ctx, h.video(admin, prompt))
		if err != nil {
			t.Fatal(err)
		}
		return task.ID
	}
	told := func(id string, want ...string) {
		t.Helper()
		eventually(t, func() string {
			if lines.FilterMessage(want[len(want)-1]).FilterField(zap.String("task", id)).Len() == 0 {
				return "the last line is missing"
			}
			return ""
		})
		var got []string
		for _, line := range lines.FilterField(zap.String("task", id)).All() {
			got = append(got, line.Message)
			fields := line.ContextMap()
			if fields["key"] != "admin" || fields["request_id"] != "request-1" {
				t.Errorf("%s: %v", line.Message, fields)
			}
			if _, attempt := fields["attempt"]; attempt && (fields["session"] != session || fields["upstream"] == "" || fields["session_label"] == nil) {
				t.Errorf("%s: %v", line.Message, fields)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("lines: %q, want %q", got, want)
		}
	}
	done := submit("a boat")
	h.ended(done)
	told(done, "task accepted", "attempt begun", "attempt accepted", "result stored", "task succeeded")
	failed := submit("[[fault:content_violation@submit]] a boat")
	h.ended(failed)
	told(failed, "task accepted", "attempt begun", "task failed")
	cancelled := submit("[[delay:1h]] a boat")
	h.until(cancelled, "polling", func(t *store.Task) bool { return t.Status == store.Polling })
	if _, err := h.queue.Cancel(ctx, "", cancelled); err != nil {
		t.Fatal(err)
	}
	told(cancelled, "task accepted", "attempt begun", "attempt accepted", "task cancelled")
	if err := h.queue.Delete(ctx, "", cancelled); err != nil {
		t.Fatal(err)
	}
	told(cancelled, "task accepted", "attempt begun", "attempt accepted", "task cancelled", "task deleted")
	line := lines.FilterMessage("task succeeded").All()[0].ContextMap()
	if line["took"].(time.Duration) <= 0 || line["bytes"].(int64) <= 0 || line["artifacts"].(int64) < 1 {
		t.Errorf("succeeded: %v", line)
	}
	if money := lines.FilterMessage("task cancelled").All()[0].ContextMap()["money"]; money != queue.Stopped && money != queue.RunsOnUpstream {
		t.Errorf("cancelled: money %v", money)
	}
}
