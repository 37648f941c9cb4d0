package store_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// ear collects the numbers of the events that a store tells of.
type ear struct {
	mu   sync.Mutex
	seqs []int64
}

func (e *ear) hear(events []*store.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range events {
		e.seqs = append(e.seqs, event.Seq)
	}
}

func (e *ear) await(t *testing.T, n int) []int64 {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		e.mu.Lock()
		seqs := slices.Clone(e.seqs)
		e.mu.Unlock()
		if len(seqs) >= n {
			return seqs
		}
		select {
		case <-deadline:
			t.Fatalf("%d of %d events came", len(seqs), n)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Every node hears every event of all nodes, once and in the order of their
// numbers, which have no gaps.
func TestEventsReachAllNodes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		nodes := []*store.Store{setup(t, databaseURL)}
		if nodes[0].Pgx() != nil {
			nodes = append(nodes, storetest.Open(t, databaseURL))
		}
		ears := make([]ear, len(nodes))
		for i, node := range nodes {
			node.OnEvents(ears[i].hear)
		}
		first, _, err := nodes[0].EventRange(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const tasks = 300
		var wg sync.WaitGroup
		for i := range tasks {
			wg.Go(func() {
				task := newTask("admin")
				if err := nodes[i%len(nodes)].InsertTask(t.Context(), task); err != nil {
					t.Error(err)
					return
				}
				err := nodes[(i+1)%len(nodes)].Write(t.Context(), store.Durable, func(tx *store.Tx) error {
					return tx.End(task, store.Ending{Status: store.Cancelled})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i := range ears {
			seqs := ears[i].await(t, 2*tasks)
			for j, seq := range seqs {
				if seq != first+int64(j)+1 {
					t.Fatalf("node %d: event %d has the number %d, want %d", i, j, seq, first+int64(j)+1)
				}
			}
		}
	})
}

// The same request at once, from all nodes: one task.
func TestOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		nodes := []*store.Store{setup(t, databaseURL)}
		if nodes[0].Pgx() != nil {
			nodes = append(nodes, storetest.Open(t, databaseURL))
		}
		var mu sync.Mutex
		ids := map[string]int{}
		submit := func(node *store.Store, keyID, key, request string) (string, error) {
			task := newTask(keyID)
			id := task.ID
			err := node.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
				earlier, err := tx.Once(task, key, request)
				if err != nil || earlier != "" {
					id = earlier
					return err
				}
				return tx.InsertTask(task)
			})
			return id, err
		}
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				id, err := submit(nodes[i%len(nodes)], "admin", "k", "r")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				ids[id]++
			})
		}
		wg.Wait()
		if len(ids) != 1 {
			t.Errorf("tasks %v, want one", ids)
		}
		if _, err := submit(nodes[0], "admin", "k", "other"); !errors.Is(err, store.ErrOtherRequest) {
			t.Errorf("another request: %v", err)
		}
		if id, err := submit(nodes[0], "anonymous", "k", "other"); err != nil || ids[id] != 0 {
			t.Errorf("another key: %s, %v", id, err)
		}
		counts, err := nodes[0].Stats(t.Context(), "admin")
		if err != nil || counts[store.Queued] != 1 {
			t.Errorf("counted %v, %v", counts, err)
		}
	})
}

// A reader with a copy sees a change as soon as its write has returned.
func TestPeekIsExact(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				task := newTask("admin")
				if err := st.InsertTask(t.Context(), task); err != nil {
					t.Error(err)
					return
				}
				stop := make(chan struct{})
				var readers sync.WaitGroup
				for range 3 {
					readers.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
								if _, err := st.PeekTask(t.Context(), "", task.ID); err != nil {
									t.Error(err)
									return
								}
							}
						}
					})
				}
				for i := range 30 {
					err := st.Write(t.Context(), store.Relaxed, func(tx *store.Tx) error {
						return tx.Progress(task, &i, nil, "")
					})
					if err != nil {
						t.Error(err)
					}
					if got, err := st.PeekTask(t.Context(), "", task.ID); err != nil || got.QueuePosition == nil || *got.QueuePosition != i {
						t.Errorf("after change %d: %v, %v", i, got.QueuePosition, err)
					}
				}
				close(stop)
				readers.Wait()
			})
		}
		wg.Wait()
	})
}

// A list with a filter that few tasks pass neither misses any nor ends early.
func TestListThroughManyRows(t *testing.T) {
	const scanned = 500 // ten windows, see init
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		st := setup(t, databaseURL)
		var want []string
		for chunk := range scanned / 100 {
			write(t, st, func(tx *store.Tx) error {
				for i := range 100 {
					task := newTask("admin")
					if (chunk*100+i)%97 == 0 {
						task.Prompt = "A Needle"
						want = append(want, task.ID)
					}
					if err := tx.InsertTask(task); err != nil {
						return err
					}
				}
				return nil
			})
		}
		slices.Sort(want)
		slices.Reverse(want)
		var got []string
		for next := ""; ; {
			tasks, after, err := st.Tasks(t.Context(), store.TaskFilter{Text: "needle"}, next, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range tasks {
				got = append(got, task.ID)
			}
			if next = after; next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("found %v, want %v", got, want)
		}
	})
}

func TestPurgeDoesNotGoThroughAllEvents(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	var id, parent, unused int
	var plan string
	if err := s.SQL().QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+store.LastDeleted, 1).Scan(&id, &parent, &unused, &plan); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plan, "events_deleted") {
		t.Error(plan)
	}
}
