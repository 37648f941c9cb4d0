package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

func newTask(key string) *store.Task {
	far := time.Now().Add(time.Hour).UnixMilli()
	return &store.Task{ID: strings.ToLower(ulid.Make().String()), KeyID: key, Kind: "video", Model: "m", Route: "u", Prompt: "p",
		Duration: 4, Ratio: "1:1", StartDeadline: far, Deadline: far}
}

func write(t *testing.T, st *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := st.Write(t.Context(), store.Durable, fn); err != nil {
		t.Fatal(err)
	}
}

// setup gives a key "admin" and a session "s" with one slot.
func setup(t *testing.T, databaseURL string) *store.Store {
	st := storetest.Open(t, databaseURL)
	if err := st.EnsureImplicitKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, st, func(tx *store.Tx) error {
		return tx.InsertSession(&store.Session{ID: "s", Upstream: "u", Secret: []byte{1}, Fingerprint: "f", Slots: 1, Enabled: true, State: store.Ready})
	})
	return st
}

func TestTaskRoundTrip(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		task := newTask("admin")
		task.Prompt, task.Priority = "一只纸船 \U0001f6a2 '\"", 3
		task.Materials = []store.Material{{Kind: "image", Name: "a.png", Blob: "materials/x", Size: 7}, {Kind: "video", URL: "https://x/y.mp4"}}
		write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
		got, err := st.Task(t.Context(), "admin", task.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(task, got); diff != "" {
			t.Errorf("task differs (-stored +read):\n%s", diff)
		}
		if _, err := st.Task(t.Context(), "other", task.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another key's task: got %v, want ErrNotFound", err)
		}
	})
}

func TestLifeKeepsCountersEqualToRows(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		task := newTask("admin")
		write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
		session := &store.Session{ID: "s", Upstream: "u"}
		write(t, st, func(tx *store.Tx) error { return tx.Admit(task, session, 1, task.Deadline) })
		expectRunning(t, st, 1)
		write(t, st, func(tx *store.Tx) error { return tx.Requeue(task, true, nil) })
		expectRunning(t, st, 0)
		write(t, st, func(tx *store.Tx) error { return tx.Admit(task, session, 2, task.Deadline) })
		write(t, st, func(tx *store.Tx) error { return tx.Intend(task, "node") })
		write(t, st, func(tx *store.Tx) error {
			if err := tx.Settle(task.ID, task.Attempt, store.Accepted, "ref", "", ""); err != nil {
				return err
			}
			return tx.Accept(task, "ref")
		})
		write(t, st, func(tx *store.Tx) error { return tx.HasResults(task, "ref", "[]") })
		expectRunning(t, st, 1)
		write(t, st, func(tx *store.Tx) error { return tx.End(task, store.Ending{Status: store.Succeeded}) })
		expectRunning(t, st, 0)
		for _, key := range []string{"", "admin"} {
			counts, err := st.Stats(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			want := map[store.Status]int64{}
			for _, s := range store.Statuses {
				want[s] = 0
			}
			want[store.Succeeded] = 1
			if diff := cmp.Diff(want, counts); diff != "" {
				t.Errorf("counts of key %q (-want +got):\n%s", key, diff)
			}
		}
		attempt, err := st.Attempt(t.Context(), task.ID, 2)
		if err != nil || attempt.State != store.Accepted || attempt.Node != "node" {
			t.Errorf("attempt: %+v, %v", attempt, err)
		}
		if _, err := st.Attempt(t.Context(), task.ID, 3); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a third attempt: %v", err)
		}
	})
}

func expectRunning(t *testing.T, st *store.Store, n int) {
	t.Helper()
	session, err := st.Session(t.Context(), "s")
	if err != nil || session.Running != n {
		t.Fatalf("running: got %+v, %v, want %d", session, err, n)
	}
}

func TestAnEndIsFinal(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		task := newTask("admin")
		write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
		write(t, st, func(tx *store.Tx) error {
			return tx.Admit(task, &store.Session{ID: "s", Upstream: "u"}, 1, task.Deadline)
		})
		stale := *task // what a step has read before the cancel
		write(t, st, func(tx *store.Tx) error { return tx.End(task, store.Ending{Status: store.Cancelled}) })
		for name, change := range map[string]func(tx *store.Tx, task *store.Task) error{
			"accept":   func(tx *store.Tx, task *store.Task) error { return tx.Accept(task, "r") },
			"results":  func(tx *store.Tx, task *store.Task) error { return tx.HasResults(task, "r", "[]") },
			"requeue":  func(tx *store.Tx, task *store.Task) error { return tx.Requeue(task, false, nil) },
			"progress": func(tx *store.Tx, task *store.Task) error { return tx.Progress(task, nil, nil, "") },
			"end":      func(tx *store.Tx, task *store.Task) error { return tx.End(task, store.Ending{Status: store.Succeeded}) },
		} {
			old := stale
			err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return change(tx, &old) })
			if !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s after the end: got %v, want ErrConflict", name, err)
			}
		}
		got, err := st.Task(t.Context(), "", task.ID)
		if err != nil || got.Status != store.Cancelled {
			t.Errorf("task: %+v, %v", got, err)
		}
		expectRunning(t, st, 0)
	})
}

// A task that was ended between its admission and its submit is not sent: the
// client was told that nothing is spent.
func TestNothingIsSentForAnEndedTask(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		task := newTask("admin")
		write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
		write(t, st, func(tx *store.Tx) error {
			return tx.Admit(task, &store.Session{ID: "s", Upstream: "u"}, 1, task.Deadline)
		})
		write(t, st, func(tx *store.Tx) error { return tx.End(task, store.Ending{Status: store.Cancelled}) })
		err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error { return tx.Intend(task, "node") })
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("got %v, want ErrConflict", err)
		}
	})
}

func TestTextOfUpstreamsIsStorable(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		task := newTask("admin")
		write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
		write(t, st, func(tx *store.Tx) error {
			return tx.End(task, store.Ending{Status: store.Failed, ErrorKind: "unknown", ErrorMessage: "a\x00b\xffc"})
		})
		got, err := st.Task(t.Context(), "", task.ID)
		if err != nil || got.ErrorMessage != "ab\uFFFDc" {
			t.Errorf("message: %q, %v", got.ErrorMessage, err)
		}
	})
}

func TestSlotsAreNeverExceeded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		var admitted int
		for range 3 {
			task := newTask("admin")
			write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
			err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
				return tx.Admit(task, &store.Session{ID: "s", Upstream: "u"}, 1, task.Deadline)
			})
			if err == nil {
				admitted++
			} else if !errors.Is(err, store.ErrConflict) {
				t.Fatal(err)
			}
		}
		if admitted != 1 {
			t.Errorf("admitted %d tasks to one slot", admitted)
		}
		counts, err := st.Stats(t.Context(), "")
		if err != nil || counts[store.Queued] != 2 || counts[store.Submitting] != 1 {
			t.Errorf("a refused admission left its traces: %v, %v", counts, err)
		}
	})
}

func TestWritesShareATransactionButNotTheirErrors(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		refused := errors.New("refused")
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				task := newTask("admin")
				task.Prompt = fmt.Sprint(i)
				err := st.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
					if err := tx.InsertTask(task); err != nil {
						return err
					}
					if i%3 == 0 {
						return refused
					}
					return nil
				})
				if i%3 == 0 && !errors.Is(err, refused) || i%3 != 0 && err != nil {
					t.Errorf("write %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		tasks, _, err := st.Tasks(t.Context(), store.TaskFilter{}, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		counts, err := st.Stats(t.Context(), "admin")
		if err != nil {
			t.Fatal(err)
		}
		if used, _ := st.Today(t.Context(), "admin"); len(tasks) != 133 || counts[store.Queued] != 133 || used.Tasks != 133 {
			t.Errorf("rows %d, counted %d, used today %d, want 133", len(tasks), counts[store.Queued], used.Tasks)
		}
	})
}

func TestACallerThatGaveUpLeavesNothing(t *testing.T) {
	t.Parallel()
	st := setup(t, storetest.SQLite(t))
	ctx, cancel := context.WithCancel(t.Context())
	inside, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		write(t, st, func(*store.Tx) error { close(inside); <-release; return nil })
	})
	<-inside
	wg.Go(func() {
		err := st.Write(ctx, store.Durable, func(tx *store.Tx) error { t.Error("ran"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		close(release)
	})
	cancel()
	wg.Wait()
	write(t, st, func(*store.Tx) error { return nil })
}

func TestListsGoOnWithoutGapOrDouble(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		var want []string
		add := func() {
			task := newTask("admin")
			write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
			want = append([]string{task.ID}, want...)
		}
		for range 7 {
			add()
		}
		expected := want
		var got []string
		filter := store.TaskFilter{KeyID: "admin", Statuses: []store.Status{store.Queued}}
		for next := ""; ; {
			page, after, err := st.Tasks(t.Context(), filter, next, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range page {
				got = append(got, task.ID)
			}
			if next = after; next == "" {
				break
			}
			add()
		}
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
	})
}

func TestSilentNodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		if err := st.Heartbeat(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if nodes, err := st.SilentNodes(t.Context(), time.Minute); err != nil || len(nodes) != 0 {
			t.Errorf("alive: %v, %v", nodes, err)
		}
		if nodes, err := st.SilentNodes(t.Context(), -time.Minute); err != nil || len(nodes) != 1 {
			t.Errorf("silent: %v, %v", nodes, err)
		}
	})
}
