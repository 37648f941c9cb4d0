package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// control talks to the simulator's control endpoints.
func (w *world) control(path string, body any) {
	w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := w.client.Post(w.simulator+"/_simulator/"+path, "application/json", bytes.NewReader(text))
	if err != nil {
		w.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode/100 != 2 {
		w.t.Fatalf("control %s: %s", path, response.Status)
	}
}

func (w *world) reload() {
	w.t.Helper()
	c := w.command(w.env, "reload", "--config", w.config(), "--adapter", "caddyfile", "--force",
		"--address", "unix/"+filepath.Join(w.dir, "admin.sock"))
	if text, err := c.CombinedOutput(); err != nil {
		w.t.Errorf("reload: %v: %s", err, text)
	}
}

// submitted sends n tasks and waits until all of them are in the status.
func (w *world) submitted(n int, status string) {
	w.t.Helper()
	parallel(n, 16, func(i int) {
		if _, _, err := w.seedance(fmt.Sprint("boat ", i)); err != nil {
			w.t.Errorf("submit %d: %v", i, err)
		}
	})
	w.eventually(time.Minute, func() string {
		if s := w.stats(); s[status] != n {
			return fmt.Sprintf("want %d %s: %v", n, status, s)
		}
		return ""
	})
}

// A reload and a stop with a thousand running tasks: both are quick, and after
// them everything goes on. Nothing is submitted again.
func TestStopWithAThousandRunningTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "1m")
	w.env = append(w.env, "POLL_INTERVAL_SECS=5")
	w.start()
	const tasks = 1000
	w.sessions(100, 10)
	w.submitted(tasks, "polling")
	w.reload()
	if s := w.stats(); s["polling"]+s["downloading"]+s["succeeded"] != tasks {
		t.Errorf("after a reload: %v", s)
	}
	stopped := time.Now()
	w.term()
	t.Logf("the stop took %v", time.Since(stopped).Round(time.Millisecond))
	w.start()
	w.eventually(3*time.Minute, func() string {
		if s := w.stats(); s["succeeded"] != tasks {
			return fmt.Sprint(s)
		}
		return ""
	})
	w.paidOnce(tasks)
	w.term()
}

// A stop waits for submits on the wire as long as the grace period allows, so
// that their answers are known, and begins no others.
func TestStopWaitsForSubmits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "1s")
	w.start()
	const tasks = 30
	w.sessions(5, 2) // so two thirds wait
	w.control("faults", map[string]any{"fault": "slow", "path": "/v1/videos/submit", "delay": "4s"})
	parallel(tasks, 16, func(i int) {
		if _, _, err := w.seedance(fmt.Sprint("boat ", i)); err != nil {
			t.Errorf("submit %d: %v", i, err)
		}
	})
	w.eventually(time.Minute, func() string {
		if s := w.stats(); s["submitting"] != 10 {
			return fmt.Sprint(s)
		}
		return ""
	})
	<-time.After(time.Second) // they are on the wire
	w.term()
	if n := len(w.paid()); n != 10 {
		t.Errorf("after the stop %d tasks were paid, want those 10 that were on the wire", n)
	}
	w.control("faults", map[string]any{"fault": ""})
	w.start()
	w.eventually(2*time.Minute, func() string {
		if s := w.stats(); s["succeeded"] != tasks {
			return fmt.Sprint(s)
		}
		return ""
	})
	w.paidOnce(tasks)
	w.term()
}

// What is on the wire for longer than the grace period is handed over to the next
// start, which cannot tell what became of it, says so, and sends nothing again.
func TestStopHandsOverWhatTakesLonger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "stock", "40s")
	w.start()
	const tasks = 10
	w.sessions(5, 2)
	w.submitted(tasks, "submitting")
	w.eventually(time.Minute, func() string {
		if n := len(w.paid()); n != tasks {
			return fmt.Sprintf("%d of %d are on the wire", n, tasks)
		}
		return ""
	})
	stopped := time.Now()
	w.term()
	// Caddy waits 10 s for requests and the gateway 10 s for calls.
	if took := time.Since(stopped); took > 35*time.Second {
		t.Errorf("the stop took %v", took)
	}
	w.start()
	w.eventually(2*time.Minute, func() string {
		if s := w.stats(); s["failed"] != tasks {
			return fmt.Sprint(s)
		}
		return ""
	})
	for _, id := range w.withStatus("failed") {
		if task := w.task(id); task.ErrorKind != "in_doubt" {
			t.Errorf("task: %+v", task)
		}
	}
	w.paidOnce(tasks)
	w.term()
}
