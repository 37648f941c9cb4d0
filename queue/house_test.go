package queue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

func TestMain(m *testing.M) {
	// Tests run beside each other, so most cannot name a collector of their own.
	if err := os.Setenv("OTEL_TRACES_EXPORTER", "none"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// house is a gateway without its HTTP side, on a real database, against the
// simulator over real HTTP.
type house struct {
	t     *testing.T
	dir   string
	url   string // of the database
	store *store.Store
	pool  *pool.Pool
	queue *queue.Queue
	blobs *blob.Disk
	sim   *simulator.Server
	web   *httptest.Server

	settings queue.Settings
	log      *zap.Logger
	away     bool // the blobs lie elsewhere, so that nobody can make posters
	stop     func()
}

// elsewhere are blobs on another machine.
type elsewhere struct{ *blob.Disk }

// Open implements [blob.Store] with a file that has no path here.
func (e elsewhere) Open(ctx context.Context, name string) (blob.File, error) {
	file, err := e.Disk.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return struct{ blob.File }{file}, nil
}

// options of a house; the zero value is a fork that takes 200 ms per video.
type options struct {
	variant  simulator.Variant
	delay    time.Duration
	settings func(*queue.Settings)
	log      *zap.Logger // nil for none, or for the terminal with TEST_LOG
}

func build(t *testing.T, databaseURL string, o options) *house {
	t.Helper()
	if o.variant == "" {
		o.variant = simulator.Fork
	}
	if o.delay == 0 {
		o.delay = 200 * time.Millisecond
	}
	h := &house{t: t, dir: t.TempDir(), url: databaseURL, log: o.log}
	h.sim = simulator.New(simulator.Config{Variant: o.variant, Delay: o.delay, Log: zap.NewNop()})
	h.web = httptest.NewServer(h.sim)
	t.Cleanup(h.web.Close)
	driver, err := freeapi.New(freeapi.Config{URL: h.web.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Close() })
	h.settings = queue.Settings{
		Upstreams:     map[string]queue.Upstream{"sim": {Driver: driver}},
		PollInterval:  100 * time.Millisecond,
		StartDeadline: 10 * time.Minute, Deadline: 20 * time.Minute, MaxFailovers: 3,
	}
	if o.settings != nil {
		o.settings(&h.settings)
	}
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

// start begins to work on the data that is there.
func (h *house) start() {
	h.t.Helper()
	h.open()
	if err := h.queue.Start(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// open opens everything that a process holds, but does not begin to work:
// tasks are taken and admitted, and nothing is sent.
func (h *house) open() {
	t := h.t
	t.Helper()
	ctx := context.Background()
	log, slogger := h.log, slog.New(slog.DiscardHandler)
	switch {
	case log != nil:
		slogger = slog.New(slog.NewTextHandler(zap.NewStdLog(log).Writer(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	case os.Getenv("TEST_LOG") != "":
		log, _ = zap.NewDevelopment()
	default:
		log = zap.NewNop()
	}
	var err error
	if h.store, err = store.Open(ctx, h.url, log); err != nil {
		t.Fatal(err)
	}
	if h.blobs, err = blob.OpenDisk(filepath.Join(h.dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	vault, err := store.OpenVault(h.dir, "", "")
	if err != nil {
		t.Fatal(err)
	}
	h.pool = pool.New(h.store, vault, logs.NewSecrets(), log)
	var blobs blob.Store = h.blobs
	if h.away {
		blobs = elsewhere{h.blobs}
	}
	h.queue, err = queue.New(ctx, queue.Config{Store: h.store, Pool: h.pool, Blobs: blobs, DataDir: h.dir, Logger: log,
		Slogger: slogger})
	if err != nil {
		t.Fatal(err)
	}
	h.queue.Configure(h.settings)
	h.stop = func() {
		grace, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if err := h.queue.Stop(grace); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := h.store.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
		if err := h.blobs.Close(); err != nil {
			t.Errorf("close blobs: %v", err)
		}
	}
}

// session adds an account whose token the simulator knows by its name.
func (h *house) session(token string, slots int) *store.Session {
	h.t.Helper()
	s, err := h.pool.Add(h.t.Context(), pool.NewSession{Secret: token, Slots: slots})
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

var admin = &store.Key{ID: "admin", Implicit: true}

func (h *house) key(id string, change func(*store.Key)) *store.Key {
	h.t.Helper()
	key := &store.Key{ID: id, Name: id, Hash: id, Enabled: true, Weight: 1, MaxPriority: 100}
	if change != nil {
		change(key)
	}
	if err := h.store.CreateKey(h.t.Context(), key); err != nil {
		h.t.Fatal(err)
	}
	return key
}

// video is a request that every variant can serve by submit and status: a
// Seedance model with one material.
func (h *house) video(key *store.Key, prompt string) *queue.NewTask {
	h.t.Helper()
	name := "materials/" + ulid.Make().String()
	var content bytes.Buffer
	content.WriteString("\x89PNG\r\n\x1a\n" + prompt)
	size := int64(content.Len())
	if _, err := h.blobs.Put(h.t.Context(), name, &content); err != nil {
		h.t.Fatal(err)
	}
	return &queue.NewTask{Key: key, Kind: upstream.Video, Model: "seedance-2.0", Prompt: prompt,
		Materials: []store.Material{{Kind: "image", Name: "a.png", ContentType: "image/png", Size: size, Blob: name}}}
}

func (h *house) submit(n *queue.NewTask) *store.Task {
	h.t.Helper()
	task, err := h.queue.Submit(h.t.Context(), n)
	if err != nil {
		h.t.Fatal(err)
	}
	return task
}

// until reads the task again and again until ok, and fails after a while.
func (h *house) until(id, what string, ok func(*store.Task) bool) *store.Task {
	h.t.Helper()
	var last *store.Task
	eventually(h.t, func() string {
		task, err := h.store.Task(h.t.Context(), "", id)
		if err != nil {
			return err.Error()
		}
		if last = task; ok(task) {
			return ""
		}
		return fmt.Sprintf("task %s is not %s: %s attempt %d, %s: %s", id, what, task.Status, task.Attempt, task.ErrorKind, task.ErrorMessage)
	})
	return last
}

func (h *house) ended(id string) *store.Task {
	h.t.Helper()
	return h.until(id, "ended", func(t *store.Task) bool { return t.Status.Ended() })
}

func (h *house) reaches(id string, status store.Status) *store.Task {
	h.t.Helper()
	return h.until(id, string(status), func(t *store.Task) bool { return t.Status == status })
}

// patience is how long something may take that takes d at most without the race
// detector.
func patience(d time.Duration) time.Duration {
	if storetest.Race {
		return 8 * d
	}
	return d
}

// eventually fails the test when try has not returned "" for some minutes, which
// a machine that is busy with other tests under the race detector may need.
func eventually(t *testing.T, try func() string) {
	t.Helper()
	deadline := time.NewTimer(5 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := try()
		if problem == "" {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal(problem)
		}
	}
}

// control talks to the simulator's control endpoints.
func (h *house) control(path string, body any) {
	h.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	response, err := http.Post(h.web.URL+"/_simulator/"+path, "application/json", bytes.NewReader(text))
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		h.t.Fatalf("control %s: %s", path, response.Status)
	}
}

// consistent fails unless every counter equals the rows that it counts.
func (h *house) consistent() {
	h.t.Helper()
	ctx := h.t.Context()
	tasks, _, err := h.store.Tasks(ctx, store.TaskFilter{}, "", 1<<20)
	if err != nil {
		h.t.Fatal(err)
	}
	counted, err := h.store.Stats(ctx, "")
	if err != nil {
		h.t.Fatal(err)
	}
	status, running := map[store.Status]int64{}, map[string]int{}
	for _, task := range tasks {
		status[task.Status]++
		if task.Status != store.Queued && !task.Status.Ended() {
			running[task.SessionID]++
		}
	}
	for _, s := range store.Statuses {
		if counted[s] != status[s] {
			h.t.Errorf("%d tasks are %s, %d are counted", status[s], s, counted[s])
		}
	}
	sessions, err := h.store.Sessions(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, s := range sessions {
		if s.Running != running[s.ID] {
			h.t.Errorf("session %s runs %d tasks, %d are counted", s.ID, running[s.ID], s.Running)
		}
	}
}

// each runs a test on both databases.
func each(t *testing.T, o options, test func(*testing.T, *house)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) { test(t, build(t, databaseURL, o)) })
}
