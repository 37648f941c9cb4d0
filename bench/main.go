// Command bench measures a built gateway against bare Caddy in one run, on one
// machine, and prints the ratios: durable submits and status reads per second,
// both authenticated, and the time from a submit to the upstream call.
//
//	go run ./bench [-binary bin/jimeng-gateway] [-database postgres://…] [-scale 1000000]
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const token = "bench-admin-token"

func main() {
	binary := flag.String("binary", "bin/jimeng-gateway", "the gateway to measure")
	database := flag.String("database", "", "database URL, empty for SQLite in a temporary folder")
	duration := flag.Duration("duration", 5*time.Second, "of each measurement")
	connections := flag.Int("connections", 64, "clients at once")
	many := flag.Int("scale", 0, "compare with so many stored tasks in place of the other measurements, as in 1000000")
	flag.Parse()
	measure := func() error { return run(*binary, *database, *duration, *connections) }
	if *many > 0 {
		measure = func() error { return scale(*binary, *database, 1000, *many) }
	}
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(binary, database string, duration time.Duration, connections int) (err error) {
	dir, err := os.MkdirTemp("", "jimeng-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if database == "" {
		database = "sqlite://" + filepath.Join(dir, "gateway.db")
	}
	b, err := start(binary, dir, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()

	p50, p95, err := b.latency(200)
	if err != nil {
		return fmt.Errorf("measure latency: %w", err)
	}
	fmt.Printf("submit to upstream call, free slot    p50 %s   p95 %s\n", p50.Round(time.Millisecond/10), p95.Round(time.Millisecond/10))

	submit := b.request("POST", "/v1/videos/generations", `{"model":"jimeng-video-3.0","prompt":"a paper boat on a pond","duration":5}`)
	bare, err := hammer(b.bare, submit, 202, connections, duration)
	if err != nil {
		return fmt.Errorf("measure bare Caddy: %w", err)
	}
	fmt.Printf("bare Caddy, respond                   %8.0f /s\n", bare)
	submits, err := hammer(b.gateway, submit, 202, connections, duration)
	if err != nil {
		return fmt.Errorf("measure submits: %w", err)
	}
	fmt.Printf("durable submits, authenticated        %8.0f /s   %.2f × bare Caddy\n", submits, submits/bare)
	reads, err := hammer(b.gateway, b.request("GET", "/api/v1/tasks/"+b.task, ""), 200, connections, duration)
	if err != nil {
		return fmt.Errorf("measure reads: %w", err)
	}
	fmt.Printf("status reads, authenticated           %8.0f /s   %.2f × bare Caddy\n", reads, reads/bare)
	return nil
}

// bench is a running gateway with a simulator behind it and a bare site beside.
type bench struct {
	gateway, bare, simulator string // addresses
	task                     string // id of a task that has ended
	processes                []*exec.Cmd
}

func start(binary, dir, database string) (*bench, error) {
	b := &bench{}
	for _, address := range []*string{&b.gateway, &b.bare, &b.simulator} {
		var err error
		if *address, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	config := filepath.Join(dir, "Caddyfile")
	text := fmt.Sprintf(`{
	admin off
	auto_https off
	log {
		output stderr
		level ERROR
	}
	jimeng {
		database {env.BENCH_DATABASE}
		data_dir %s
		admin_token {env.BENCH_TOKEN}
		upstream free_api {
			url http://%s
		}
	}
}
http://%s {
	respond "bare" 202
}
http://%s {
	jimeng
}
`, dir, b.simulator, b.bare, b.gateway)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"jimeng", "simulate", "--listen", b.simulator, "--variant", "stock", "--delay", "100ms"},
		{"run", "--config", config},
	} {
		process := exec.Command(binary, args...)
		process.Env = append(os.Environ(), "BENCH_DATABASE="+database, "BENCH_TOKEN="+token)
		process.Stderr = os.Stderr
		if err := process.Start(); err != nil {
			return nil, errors.Join(err, b.stop())
		}
		b.processes = append(b.processes, process)
	}
	for _, address := range []string{b.simulator, b.gateway, b.bare} {
		if err := waitFor(address); err != nil {
			return nil, errors.Join(err, b.stop())
		}
	}
	return b, nil
}

func (b *bench) stop() error {
	var errs []error
	for _, process := range b.processes {
		errs = append(errs, process.Process.Signal(syscall.SIGTERM))
	}
	for _, process := range b.processes {
		if err := process.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", process, err))
		}
	}
	return errors.Join(errs...)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func waitFor(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", address, err)
		}
	}
}

// latency measures the time from the first byte of a submit to the moment at
// which the upstream had the request, one task after the other.
func (b *bench) latency(n int) (p50, p95 time.Duration, err error) {
	session := struct {
		Session struct {
			ID string `json:"id"`
		} `json:"session"`
	}{}
	if err := b.call("POST", "/api/v1/sessions", `{"session_id":"bench-account-0000000001","slots":500}`, &session); err != nil {
		return 0, 0, err
	}
	sent := make(map[string]time.Time, n)
	pause := time.NewTicker(30 * time.Millisecond)
	defer pause.Stop()
	for i := range n {
		prompt := fmt.Sprintf("boat %d", i)
		sent[prompt] = time.Now()
		created := struct {
			Task struct {
				ID string `json:"id"`
			} `json:"task"`
		}{}
		body := fmt.Sprintf(`{"model":"jimeng-video-3.0","prompt":%q,"duration":5}`, prompt)
		if err := b.call("POST", "/v1/videos/generations", body, &created); err != nil {
			return 0, 0, err
		}
		b.task = created.Task.ID
		<-pause.C
	}
	var submits []struct {
		Time   time.Time `json:"time"`
		Prompt string    `json:"prompt"`
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); len(submits) < n; <-tick.C {
		if err := getJSON("http://"+b.simulator+"/_simulator/submits", &submits); err != nil {
			return 0, 0, err
		}
		if time.Now().After(deadline) {
			return 0, 0, fmt.Errorf("%d of %d tasks reached the upstream", len(submits), n)
		}
	}
	took := make([]time.Duration, 0, n)
	for _, s := range submits {
		took = append(took, s.Time.Sub(sent[s.Prompt]))
	}
	slices.Sort(took)
	// From here on nothing runs: submits are measured without the work after them.
	return took[n/2], took[n*95/100], b.call("PATCH", "/api/v1/sessions/"+session.Session.ID, `{"enabled":false}`, nil)
}

// call is an ordinary request with the admin token.
func (b *bench) call(method, path, body string, into any) error {
	r, err := http.NewRequest(method, "http://"+b.gateway+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	return do(r, into)
}

func getJSON(url string, into any) error {
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return err
	}
	return do(r, into)
}

func do(r *http.Request, into any) error {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", r.Method, r.URL.Path, response.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}
