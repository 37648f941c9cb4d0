package store_test

import (
	"errors"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// Nothing stays of a deleted task but the event that says so, also when the
// task changed in the same transaction.
func TestADeletedTaskLeavesOneEvent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		aged := ended(t, st, "admin", 0, 100)
		write(t, st, func(tx *store.Tx) error { return errors.Join(tx.DropArtifacts(aged), tx.DeleteTask(aged)) })
		brief := newTask("admin")
		write(t, st, func(tx *store.Tx) error {
			return errors.Join(tx.InsertTask(brief), tx.End(brief, store.Ending{Status: store.Cancelled}), tx.DeleteTask(brief))
		})
		for _, task := range []*store.Task{aged, brief} {
			history, err := st.History(t.Context(), task.ID, 0, 100)
			if err != nil || len(history) != 1 || history[0].Type != store.TaskDeleted {
				t.Errorf("%d events are left, want the last one alone (%v)", len(history), err)
			}
		}
	})
}

// What a late poll has to tell of a task that was cancelled meanwhile is not
// told: listeners would take the task for one that still runs.
func TestNothingIsNotedAfterTheEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		task := newTask("admin")
		session := &store.Session{ID: "s", Upstream: "u"}
		write(t, st, func(tx *store.Tx) error {
			return errors.Join(tx.InsertTask(task), tx.Admit(task, session, 1, task.Deadline), tx.Accept(task, "ref"))
		})
		note := func(task *store.Task) error {
			return st.Write(t.Context(), store.Relaxed, func(tx *store.Tx) error {
				return tx.Note(task, store.PollFailed, &store.Fault{Message: "no answer"})
			})
		}
		if err := note(task); err != nil {
			t.Error(err)
		}
		before := *task // as the poll has read it
		write(t, st, func(tx *store.Tx) error { return tx.End(task, store.Ending{Status: store.Cancelled}) })
		if err := note(&before); !errors.Is(err, store.ErrConflict) {
			t.Errorf("note after the end: %v, want ErrConflict", err)
		}
		history, err := st.History(t.Context(), task.ID, 0, 100)
		if err != nil || history[len(history)-1].What != store.Ended || history[len(history)-2].What != store.PollFailed {
			t.Errorf("history ends with %+v, %v", history[len(history)-1], err)
		}
	})
}
