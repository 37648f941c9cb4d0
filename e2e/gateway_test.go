package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// long is how long the tests under load go on; E2E_LONG sets it.
func long(t *testing.T) time.Duration {
	d, err := time.ParseDuration(os.Getenv("E2E_LONG"))
	if err != nil {
		return 8 * time.Second
	}
	t.Logf("under load for %s", d)
	return d
}

func TestAPromptGoesInAVideoComesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "1s")
	w.start()
	w.sessions(1, 2)
	id, _, err := w.seedance("a paper boat")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Task task `json:"task"`
	}
	w.eventually(30*time.Second, func() string {
		if _, err := w.call("GET", "/api/v1/tasks/"+id, nil, &answer); err != nil {
			return err.Error()
		}
		if answer.Task.Status != "succeeded" {
			return fmt.Sprintf("%+v", answer.Task)
		}
		return ""
	})
	if err := w.plays(answer.Task.VideoURL); err != nil {
		t.Errorf("video: %v", err)
	}
	w.term()
}

// A thousand tasks at once over 20 sessions of 2 slots: all succeed, no session
// runs more than 2, and all run the same number. On an idle machine that is
// within one; a machine that stalls makes sessions differ in speed, hence two.
func TestAThousandTasks(t *testing.T) {
	w := newWorld(t, "fork", "900ms")
	w.start()
	const tasks, sessions = 1000, 20
	w.sessions(sessions, 2)
	parallel(tasks, 64, func(i int) {
		if _, _, err := w.seedance(fmt.Sprint("boat ", i)); err != nil {
			t.Errorf("submit %d: %v", i, err)
		}
	})
	w.eventually(3*time.Minute, func() string {
		s := w.stats()
		if s["failed"] > 0 || s["succeeded"] != tasks {
			return fmt.Sprint(s)
		}
		return ""
	})
	w.paidOnce(tasks)
	var stats struct {
		Tokens map[string]struct {
			MaxRunning int `json:"max_running"`
			Submits    int `json:"submits"`
		} `json:"tokens"`
	}
	if err := w.fromSimulator("stats", &stats); err != nil {
		t.Fatal(err)
	}
	least, most := tasks, 0
	for token, load := range stats.Tokens {
		if load.MaxRunning > 2 {
			t.Errorf("%s ran %d at once", token, load.MaxRunning)
		}
		least, most = min(least, load.Submits), max(most, load.Submits)
	}
	if len(stats.Tokens) != sessions || least < tasks/sessions-2 || most > tasks/sessions+2 {
		t.Errorf("%d sessions ran between %d and %d tasks, want %d", len(stats.Tokens), least, most, tasks/sessions)
	}
	t.Logf("each session ran between %d and %d tasks", least, most)
	w.term()
}

// A reload every second while a thousand tasks come in and run: nothing is lost,
// nothing is bought twice, nobody gets a 5xx.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "300ms")
	w.start()
	w.sessions(20, 2)
	span := long(t)
	stop := make(chan struct{})
	var background sync.WaitGroup
	reloads := 0
	background.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			w.reload()
			reloads++
		}
	})
	background.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			list := func() (int, error) { return w.call("GET", "/api/v1/tasks?limit=5", nil, nil) }
			if err := w.again(list); err != nil {
				t.Errorf("list: %v", err)
			}
		}
	})
	const tasks = 1000
	begin := time.Now()
	parallel(tasks, 16, func(i int) {
		// spread over the whole span, so that every reload meets submits
		if pause := time.Until(begin.Add(span * time.Duration(i) / tasks)); pause > 0 {
			<-time.After(pause)
		}
		if err := w.again(func() (int, error) {
			_, status, err := w.seedance(fmt.Sprint("boat ", i))
			return status, err
		}); err != nil {
			t.Errorf("submit %d: %v", i, err)
		}
	})
	close(stop)
	background.Wait()
	if t.Failed() {
		return
	}
	w.eventually(3*time.Minute, func() string {
		if s := w.stats(); s["succeeded"] != tasks {
			return fmt.Sprint(s)
		}
		return ""
	})
	w.paidOnce(tasks)
	t.Logf("%d reloads", reloads)
	w.term()
}

// again repeats a request that got no answer at all, after a short pause. When
// Caddy swaps its servers it closes idle connections, and the kernel those that
// wait to be accepted; nothing of such a request has been read. An answer,
// whatever it says, is final.
func (w *world) again(request func() (status int, err error)) error {
	status, err := request()
	for pause := 20 * time.Millisecond; err != nil && status == 0 && pause < time.Second; pause *= 4 {
		w.client.CloseIdleConnections()
		<-time.After(pause)
		status, err = request()
	}
	return err
}

// paidOnce fails unless exactly n prompts were paid, once each.
func (w *world) paidOnce(n int) {
	w.t.Helper()
	paid := w.paid()
	for prompt, times := range paid {
		if times != 1 {
			w.t.Errorf("%q was paid %d times", prompt, times)
		}
	}
	if len(paid) != n {
		w.t.Errorf("%d tasks were paid, want %d", len(paid), n)
	}
}

func TestBadStartIsOneClearLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "1s")
	text := filepath.Join(w.dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"mysql://u:hunter2@db/x":               "allowed: sqlite://PATH or postgres://",
		"postgres://u:hunter2@127.0.0.1:1/x":   "connect to the database at 127.0.0.1",
		"sqlite://" + text:                     "not an SQLite database",
		"sqlite:///proc/nowhere/gateway.db":    "create the database's folder",
		"postgres://u:hunter2@127.0.0.1:bad/x": "allowed: sqlite://PATH or postgres://",
	} {
		c := w.command(append(w.env, "DATABASE_URL="+url), "run", "--config", caddyfile(t), "--adapter", "caddyfile")
		out, err := c.CombinedOutput()
		if err == nil {
			t.Errorf("%s: the gateway started", url)
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if last := lines[len(lines)-1]; !strings.Contains(last, want) {
			t.Errorf("%s: the last line is %q, want %q", url, last, want)
		}
		if strings.Contains(string(out), "hunter2") {
			t.Errorf("%s: the password is in the output", url)
		}
	}
}
