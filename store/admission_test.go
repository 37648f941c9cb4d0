package store_test

import (
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// A session whose pause is over has one attempt, also if the clock stands still
// at the very moment at which it ends.
func TestOneAttemptDecidesAfterAPause(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		for _, late := range []int64{0, 1, 1000} {
			task := newTask("admin")
			write(t, st, func(tx *store.Tx) error {
				session, err := tx.Session("s")
				if err != nil {
					return err
				}
				session.Slots, session.State, session.Until = 5, store.Cooling, tx.Now
				if err := tx.UpdateSession(session); err != nil {
					return err
				}
				tx.Now += late
				if err := tx.InsertTask(task); err != nil {
					return err
				}
				free, err := tx.FreeSessions("u", 10)
				if err != nil || len(free) == 0 {
					return err
				}
				return tx.Admit(task, free[0], 1, task.Deadline)
			})
			write(t, st, func(tx *store.Tx) error {
				session, err := tx.Session("s")
				if err != nil {
					return err
				}
				tx.Now = session.Until + late + 1
				free, err := tx.FreeSessions("u", 10)
				if session.Running+len(free) != 1 {
					t.Errorf("%d ms after the pause, %d attempts run and %d may", late, session.Running, len(free))
				}
				return err
			})
			write(t, st, func(tx *store.Tx) error {
				task, err := tx.Task(task.ID)
				if err != nil {
					return err
				}
				return tx.End(task, store.Ending{Status: store.Cancelled})
			})
		}
	})
}
