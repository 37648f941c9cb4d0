// Package e2e drives the built binary from outside, with the shipped Caddyfile
// and the simulator in a process of its own, which counts what was paid.
package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the built gateway; scripts/test.sh names it.
var binary = os.Getenv("GATEWAY_BINARY")

const token = "e2e-admin-token-0123456789"

// secrets never stand in a log, whatever a test does: beginnings of the admin's
// token, of sessions' ids, of keys, and of the key that encrypts the database.
var secrets = []string{"e2e-admin", "e2e-account", "5e5e5e5e"}

// world is a gateway and its upstream.
type world struct {
	t         *testing.T
	dir       string
	simulator string // base URL
	gateway   string // base URL
	env       []string
	caddyfile string // "" for the shipped one
	process   *exec.Cmd
	client    *http.Client
}

func newWorld(t *testing.T, variant, delay string) *world {
	t.Helper()
	w := emptyWorld(t)
	upstream := freeAddress(t)
	w.run(w.command(nil, "jimeng", "simulate", "--listen", upstream, "--variant", variant, "--delay", delay))
	w.connect("http://" + upstream)
	w.waitFor(w.simulator + "/ping")
	return w
}

// emptyWorld has a folder and no upstream yet.
func emptyWorld(t *testing.T) *world {
	t.Helper()
	if binary == "" {
		t.Skip("GATEWAY_BINARY does not name a built gateway (./xcaddy.sh builds one)")
	}
	w := &world{t: t, dir: t.TempDir(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute}}
	t.Cleanup(w.checkLog)
	return w
}

// connect sets the gateway up for the upstream at the address.
func (w *world) connect(simulator string) {
	w.t.Helper()
	w.simulator = simulator
	gateway := freeAddress(w.t)
	_, port, err := net.SplitHostPort(gateway)
	if err != nil {
		w.t.Fatal(err)
	}
	w.gateway = "http://127.0.0.1:" + port
	w.env = []string{
		"PORT=" + port, "JIMENG_UPSTREAM=" + w.simulator, "ADMIN_TOKEN=" + token, "POLL_INTERVAL_SECS=1",
		"DATABASE_URL=sqlite://" + filepath.Join(w.dir, "gateway.db"), "DATA_DIR=" + filepath.Join(w.dir, "data"),
		"CADDY_ADMIN=unix/" + filepath.Join(w.dir, "admin.sock"), "HOME=" + w.dir, "XDG_DATA_HOME=" + w.dir, "XDG_CONFIG_HOME=" + w.dir,
	}
}

func (w *world) command(env []string, args ...string) *exec.Cmd {
	c := exec.Command(binary, args...)
	c.Dir = w.dir
	c.Env = append(os.Environ(), env...)
	return c
}

// run starts a process that is killed at the end of the test.
func (w *world) run(c *exec.Cmd) {
	w.t.Helper()
	log, err := os.OpenFile(filepath.Join(w.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close() // the process has its own
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
}

// checkLog fails if the processes have logged a secret, and shows the end of what
// they have said if the test failed.
func (w *world) checkLog() {
	text, err := os.ReadFile(filepath.Join(w.dir, "log"))
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) { // nothing has run
			w.t.Error(err)
		}
		return
	}
	lines := strings.Split(string(text), "\n")
	for _, secret := range secrets {
		if i := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, secret) }); i >= 0 {
			w.t.Errorf("the log has the secret %q: %s", secret, lines[i])
		}
	}
	if w.t.Failed() {
		w.t.Logf("end of the log:\n%s", strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
}

func (w *world) start() {
	w.t.Helper()
	w.launch()
	w.waitFor(w.gateway + "/ping")
}

// launch starts the gateway and does not wait for it.
func (w *world) launch() {
	w.t.Helper()
	w.process = w.command(w.env, "run", "--config", w.config(), "--adapter", "caddyfile")
	w.run(w.process)
}

// kill ends the gateway as a power cut of the process would.
func (w *world) kill() {
	w.t.Helper()
	if err := w.process.Process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	_ = w.process.Wait() // killed, says its error
}

// signal sends the gateway a signal.
func (w *world) signal(s os.Signal) {
	w.t.Helper()
	if err := w.process.Process.Signal(s); err != nil {
		w.t.Fatal(err)
	}
}

// term ends the gateway as systemd would, and expects it to end well.
func (w *world) term() {
	w.t.Helper()
	if err := w.process.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	if err := w.process.Wait(); err != nil {
		w.t.Errorf("the gateway did not end well: %v", err)
	}
}

// config is the path of the Caddyfile that the gateway runs with.
func (w *world) config() string {
	if w.caddyfile != "" {
		return w.caddyfile
	}
	return caddyfile(w.t)
}

func caddyfile(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func (w *world) waitFor(url string) {
	w.t.Helper()
	w.eventually(30*time.Second, func() string {
		response, err := w.client.Get(url)
		if err != nil {
			return err.Error()
		}
		response.Body.Close()
		return ""
	})
}

func (w *world) eventually(limit time.Duration, try func() string) {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); ; <-tick.C {
		problem := try()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatal(problem)
		}
	}
}

// call sends a request with the admin token and decodes the answer.
func (w *world) call(method, path string, body, into any) (status int, err error) {
	status, _, err = w.callWith(nil, method, path, body, into)
	return status, err
}

// callOnce posts a request that may be repeated until there is an answer.
func (w *world) callOnce(path, idempotencyKey string, body, into any) (status int, err error) {
	status, _, err = w.callWith(map[string]string{"Idempotency-Key": idempotencyKey}, "POST", path, body, into)
	return status, err
}

// callWith is call with headers, and tells those of the answer.
func (w *world) callWith(headers map[string]string, method, path string, body, into any) (status int, header http.Header, err error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequest(method, w.gateway+path, reader)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := w.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	if response.StatusCode/100 != 2 {
		return response.StatusCode, response.Header, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	if into == nil {
		return response.StatusCode, response.Header, nil
	}
	return response.StatusCode, response.Header, json.Unmarshal(text, into)
}

func (w *world) sessions(n, slots int) {
	w.t.Helper()
	for i := range n {
		body := map[string]any{"session_id": fmt.Sprintf("e2e-account-%010d", i), "slots": slots}
		if _, err := w.call("POST", "/api/v1/sessions", body, nil); err != nil {
			w.t.Fatal(err)
		}
	}
}

type task struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	ErrorKind string `json:"error_kind"`
	VideoURL  string `json:"video_url"`
}

// seedance asks for a video that the fork makes by submit and status.
func (w *world) seedance(prompt string) (id string, status int, err error) {
	id, status, _, err = w.submit(nil, prompt)
	return id, status, err
}

// submit is seedance with headers, and tells when to try again.
func (w *world) submit(headers map[string]string, prompt string) (id string, status int, retryAfter string, err error) {
	var created struct {
		Task task `json:"task"`
	}
	status, header, err := w.callWith(headers, "POST", "/v1/videos/generations", request(prompt), &created)
	return created.Task.ID, status, header.Get("Retry-After"), err
}

func (w *world) task(id string) task {
	w.t.Helper()
	var answer struct {
		Task task `json:"task"`
	}
	if _, err := w.call("GET", "/api/v1/tasks/"+id, nil, &answer); err != nil {
		w.t.Fatal(err)
	}
	return answer.Task
}

// withStatus lists the tasks that have one of the statuses, a page at most.
func (w *world) withStatus(statuses ...string) (ids []string) {
	w.t.Helper()
	var list struct {
		Tasks []task `json:"tasks"`
	}
	if _, err := w.call("GET", "/api/v1/tasks?limit=100&status="+strings.Join(statuses, ","), nil, &list); err != nil {
		w.t.Fatal(err)
	}
	for _, task := range list.Tasks {
		ids = append(ids, task.ID)
	}
	return ids
}

// ends counts the ends in the history of a task.
func (w *world) ends(id string) (n int) {
	w.t.Helper()
	var history struct {
		History []struct {
			What string `json:"what"`
		} `json:"history"`
	}
	if _, err := w.call("GET", "/api/v1/tasks/"+id+"/history", nil, &history); err != nil {
		w.t.Fatal(err)
	}
	for _, e := range history.History {
		if e.What == "ended" {
			n++
		}
	}
	return n
}

func (w *world) stats() map[string]int {
	w.t.Helper()
	var stats map[string]int
	if _, err := w.call("GET", "/api/v1/stats", nil, &stats); err != nil {
		w.t.Fatal(err)
	}
	return stats
}

// fromSimulator asks the upstream what it has counted.
func (w *world) fromSimulator(what string, into any) error {
	response, err := w.client.Get(w.simulator + "/_simulator/" + what)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}

// paid lists what the upstream has accepted, by prompt.
func (w *world) paid() map[string]int {
	w.t.Helper()
	var submits []struct {
		Prompt string `json:"prompt"`
	}
	if err := w.fromSimulator("submits", &submits); err != nil {
		w.t.Fatal(err)
	}
	paid := make(map[string]int)
	for _, s := range submits {
		paid[s.Prompt]++
	}
	return paid
}

// forget lets the upstream count anew.
func (w *world) forget() error {
	r, err := http.NewRequest("DELETE", w.simulator+"/_simulator/submits", nil)
	if err != nil {
		return err
	}
	response, err := w.client.Do(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// plays fetches the beginning of a video by its link, without a token.
func (w *world) plays(link string) error {
	r, err := http.NewRequest("GET", link, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Range", "bytes=0-31")
	response, err := w.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	head, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusPartialContent || !bytes.Contains(head, []byte("ftyp"))) {
		err = fmt.Errorf("%s %q", response.Status, head)
	}
	return err
}

// parallel runs do for 0 to n-1 from a few goroutines.
func parallel(n, workers int, do func(int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
