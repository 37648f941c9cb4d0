package store_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// insert stores so many tasks, with the prompt in every tenth of them.
func insert(t *testing.T, st *store.Store, n int, prompt string) {
	t.Helper()
	write(t, st, func(tx *store.Tx) error {
		for i := range n {
			task := newTask("admin")
			if i%10 == 0 {
				task.Prompt = prompt
			}
			if err := tx.InsertTask(task); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tasks that are added while a list looks for few among many do not show one
// twice.
func TestListsShowNoTaskTwiceWhileOthersCome(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		insert(t, st, 100, "a needle")
		ctx, cancel := context.WithCancel(t.Context())
		var inserter sync.WaitGroup
		defer inserter.Wait()
		defer cancel()
		inserter.Go(func() {
			for ctx.Err() == nil {
				insert(t, st, 5, "a straw")
			}
		})
		for range 60 {
			tasks, _, err := st.Tasks(t.Context(), store.TaskFilter{Text: "needle"}, "", 20)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, task := range tasks {
				ids = append(ids, task.ID)
			}
			slices.Sort(ids)
			if different := len(slices.Compact(ids)); different != len(tasks) {
				t.Fatalf("%d tasks, %d of them different", len(tasks), different)
			}
		}
	})
}

// A count that did not look at all tasks says so, also when it found none.
func TestACountKnowsWhatItHasNotSeen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		insert(t, st, 150, "a needle") // the window is smaller, see init
		for text, want := range map[string]int64{"needle": 10, "nothing": 0} {
			counts, err := st.Count(t.Context(), store.TaskFilter{Text: text})
			if err != nil || counts.Complete || counts.ByStatus[store.Queued] != want {
				t.Errorf("%s: %+v, %v; want %d and more to see", text, counts, err, want)
			}
		}
		few, err := st.Count(t.Context(), store.TaskFilter{Text: "nothing", KeyID: "anonymous"})
		if err != nil || !few.Complete {
			t.Errorf("a key without tasks: %+v, %v", few, err)
		}
	})
}

// Databases differ in which letters they know the small ones of; the text as it
// stands is found in any case.
func TestTextIsFoundInAnyScript(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		insert(t, st, 1, "Ein Äffchen im ЛЕС, 船 и Δέλτα")
		for _, text := range []string{"Äffchen", "ein Ä", "ЛЕС", "船", "Δέλτα", "EIN"} {
			if tasks, _, err := st.Tasks(t.Context(), store.TaskFilter{Text: text}, "", 5); err != nil || len(tasks) != 1 {
				t.Errorf("%q finds %d tasks, %v", text, len(tasks), err)
			}
		}
	})
}

func TestTasksThatWereRetried(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		first, again := newTask("admin"), newTask("admin")
		again.RetryOf = first.ID
		write(t, st, func(tx *store.Tx) error {
			for task, want := range map[*store.Task]bool{first: true, again: false} {
				if err := tx.InsertTask(task); err != nil {
					return err
				}
				defer func() {
					if got, err := tx.Retried(task.ID); err != nil || got != want {
						t.Errorf("retried: %v, %v; want %v", got, err, want)
					}
				}()
			}
			return nil
		})
		if tasks, _, err := st.Tasks(t.Context(), store.TaskFilter{NotRetried: true}, "", 5); err != nil || len(tasks) != 1 || tasks[0].ID != again.ID {
			t.Errorf("not retried are %d tasks, %v; want the retry alone", len(tasks), err)
		}
	})
}
