package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"go.uber.org/zap/zaptest"

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
		if _, used, _ := st.Today(t.Context(), "admin"); len(tasks) != 133 || counts[store.Queued] != 133 || used != 133 {
			t.Errorf("rows %d, counted %d, used today %d, want 133", len(tasks), counts[store.Queued], used)
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

func TestKeys(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		ctx := t.Context()
		key := &store.Key{ID: "key_1", Name: "ci", Hash: "abc", Prefix: "gw_12345678", Scopes: []string{"video:create", "task:read"},
			Enabled: true, Weight: 1}
		if err := st.CreateKey(ctx, key); err != nil {
			t.Fatal(err)
		}
		if err := st.CreateKey(ctx, &store.Key{ID: "key_2", Hash: "abc", Weight: 1}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("same hash: got %v, want ErrConflict", err)
		}
		got, err := st.KeyByHash(ctx, "abc")
		if diff := cmp.Diff(key, got); err != nil || diff != "" {
			t.Errorf("key: %v\n%s", err, diff)
		}
		refused := errors.New("refused")
		if _, err := st.UpdateKey(ctx, "key_1", func(k *store.Key) error { k.Name = "x"; return refused }); !errors.Is(err, refused) {
			t.Errorf("refused change: %v", err)
		}
		if got, err := st.UpdateKey(ctx, "key_1", func(k *store.Key) error { k.Enabled = false; return nil }); err != nil || got.Enabled || got.Name != "ci" {
			t.Errorf("changed key: %+v, %v", got, err)
		}
		if list, err := st.Keys(ctx); err != nil || len(list) != 1 {
			t.Errorf("keys without the implicit ones: %d, %v", len(list), err)
		}
		if err := st.DeleteKey(ctx, "key_1"); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"read":      func() error { _, err := st.Key(ctx, "key_1"); return err }(),
			"by hash":   func() error { _, err := st.KeyByHash(ctx, "abc"); return err }(),
			"no hash":   func() error { _, err := st.KeyByHash(ctx, ""); return err }(),
			"delete":    st.DeleteKey(ctx, "key_1"),
			"implicit":  st.DeleteKey(ctx, "admin"),
			"of nobody": st.DeleteKey(ctx, "nobody"),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", name, err)
			}
		}
		if err := st.AddRequests(ctx, map[string]int64{"admin": 5}, 42); err != nil {
			t.Fatal(err)
		}
		if requests, _, err := st.Today(ctx, "admin"); err != nil || requests != 5 {
			t.Errorf("requests today: %d, %v", requests, err)
		}
	})
}

func TestBrowserSessions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		ctx := t.Context()
		for token, expiry := range map[string]time.Time{"old": time.Now().Add(-time.Second), "new": time.Now().Add(time.Hour)} {
			if err := st.PutBrowserSession(ctx, token, []byte{0, 1, 2}, expiry); err != nil {
				t.Fatal(err)
			}
		}
		if data, found, err := st.BrowserSession(ctx, "new"); err != nil || !found || len(data) != 3 {
			t.Errorf("new: %v %v %v", data, found, err)
		}
		if _, found, err := st.BrowserSession(ctx, "old"); err != nil || found {
			t.Errorf("an expired sign-in was found: %v", err)
		}
		if err := st.DeleteBrowserSession(ctx, "new"); err != nil {
			t.Fatal(err)
		}
		if _, found, _ := st.BrowserSession(ctx, "new"); found {
			t.Error("an ended sign-in was found")
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

func TestOpenAgainGoesOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := st.EnsureImplicitKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		task := newTask("admin")
		write(t, st, func(tx *store.Tx) error { return tx.InsertTask(task) })
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		if err := st.Write(t.Context(), store.Durable, func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("write after close: %v", err)
		}
		again := storetest.Open(t, databaseURL)
		if _, err := again.Task(t.Context(), "", task.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	used := "sqlite://" + filepath.Join(dir, "used.db")
	storetest.Open(t, used)
	for databaseURL, want := range map[string]string{
		"":                                     "must begin with sqlite:// or postgres://",
		"mysql://x":                            "must begin with sqlite:// or postgres://",
		"sqlite://":                            "must name a file",
		"sqlite://" + text:                     "is not an SQLite database",
		"sqlite:///proc/nowhere/gateway.db":    "create the database's folder",
		"sqlite://" + dir + "/folder.db":       "cannot be opened or created",
		used:                                   "in use by another process",
		"postgres://u:hunter2@127.0.0.1:1/x":   "connect to the database at 127.0.0.1",
		"postgres://u:hunter2@127.0.0.1:bad/x": "not a valid postgres:// URL",
	} {
		st, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t))
		if err == nil {
			t.Errorf("%s: opened", databaseURL)
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "\n") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: got %q, want one line with %q", databaseURL, text, want)
		}
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t))
		if err != nil {
			t.Fatal(err)
		}
		write(t, st, func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)", 9999, true)
			return err
		})
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), databaseURL, zaptest.NewLogger(t)); err == nil || !strings.Contains(err.Error(), "newer version of the gateway") {
			t.Errorf("got %v", err)
		}
	})
}

func TestVault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, err := store.OpenVault(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "secret.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	sealed := v.Seal([]byte("session id"))
	if strings.Contains(string(sealed), "session") {
		t.Error("the secret is readable")
	}
	again, err := store.OpenVault(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := again.Open(sealed); err != nil || string(secret) != "session id" {
		t.Errorf("open again: %q, %v", secret, err)
	}
	other, err := store.OpenVault(dir, strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(sealed); err == nil {
		t.Error("another key opened the secret")
	}
	if _, err := store.OpenVault(dir, "short"); err == nil {
		t.Error("a short key was taken")
	}
}
