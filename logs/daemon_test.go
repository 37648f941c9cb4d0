package logs_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/jimeng-gateway/jimeng-gateway/health"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

// ownDaemon is a Docker engine that a test may kill.
type ownDaemon struct {
	t       *testing.T
	dir     string
	options []string
	process *exec.Cmd
}

func newDaemon(t *testing.T, options ...string) *ownDaemon {
	t.Helper()
	dockerEngine(t) // where none runs, none can be started
	if _, err := exec.LookPath("dockerd"); err != nil || os.Getuid() != 0 {
		t.Skip("needs dockerd and root")
	}
	dir, err := os.MkdirTemp("", "jimeng-dockerd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	d := &ownDaemon{t: t, dir: dir, options: options}
	t.Cleanup(func() {
		d.stop(syscall.SIGTERM)
		d.clear()
	})
	return d
}

func (d *ownDaemon) host() string { return "unix://" + d.dir + "/docker.sock" }

func (d *ownDaemon) start() *engine {
	d.t.Helper()
	d.process = exec.Command("dockerd", append([]string{"--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
		"--data-root=" + d.dir + "/data", "--exec-root=" + d.dir + "/exec", "--pidfile=" + d.dir + "/pid", "-H", d.host()}, d.options...)...)
	out, err := os.Create(d.dir + "/out") // no pipe, which containerd would keep open
	if err != nil {
		d.t.Fatal(err)
	}
	defer out.Close()
	d.process.Stdout, d.process.Stderr = out, out
	if err := d.process.Start(); err != nil {
		d.t.Fatal(err)
	}
	e := engineAt(d.t, d.host())
	for deadline := time.Now().Add(time.Minute); ; {
		if _, err := e.Ping(d.t.Context()); err == nil {
			return e
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(out.Name())
			d.t.Fatalf("dockerd does not start: %s", said[max(0, len(said)-2000):])
		}
	}
}

func (d *ownDaemon) stop(signal syscall.Signal) {
	if d.process == nil {
		return
	}
	_ = d.process.Process.Signal(signal)
	_ = d.process.Wait()
	d.process = nil
	// containerd ends with dockerd; where nobody reaps it, the next dockerd would
	// take it for one that still runs, and wait for it.
	_ = os.Remove(d.dir + "/exec/containerd/containerd.pid")
}

// clear ends what dockerd leaves behind after kill -9, and takes its mounts away.
func (d *ownDaemon) clear() {
	programs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range programs {
		if line, _ := os.ReadFile(file); strings.Contains(string(line), d.dir+"/") {
			var pid int
			if _, err := fmt.Sscanf(file, "/proc/%d/", &pid); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], d.dir+"/") {
			_ = syscall.Unmount(fields[1], syscall.MNT_DETACH)
		}
	}
	if err := os.RemoveAll(d.dir); err != nil {
		d.t.Log(err)
	}
}

// The engine is killed and starts again: containers that live on lose no line and
// have none double, and those that died are found again.
func TestDaemonRestart(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{"live restore": {"--live-restore"}, "dying": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			daemon := newDaemon(t, options...)
			e := daemon.start()
			name := uniqueName()
			e.start(t, name, run{policy: container.RestartPolicyAlways}, "count,2000")
			d := follow(t, e.host, name)
			r := read(t, d, name)
			r.text("line 500")
			signal := syscall.SIGKILL
			if len(options) == 0 {
				signal = syscall.SIGTERM
			}
			daemon.stop(signal)
			r.text("Docker does not answer since")
			eventually(t, "the state down", func() bool { return d.Health().State == health.Down })
			if h := d.Health(); !strings.Contains(h.Reason, "Docker") || h.Advice == "" {
				t.Errorf("%+v", h)
			}
			daemon.start()
			r.text("Docker answers again")
			from := len(r.lines)
			r.until("a later line", func(l logs.Line) bool { return len(r.lines) > from+1000 })
			runs := numbered(t, r.lines)
			if want := 2 - len(options); runs != want {
				t.Errorf("lines of %d runs came", runs)
			}
			eventually(t, "the state ok", func() bool { return d.Health().State == health.OK })
		})
	}
}

// A Docker that hangs is noticed, though its connections stay open, and what is
// written meanwhile comes when it answers again.
func TestDaemonHangs(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{}, "count,5000")
	p := newProxy(t, strings.TrimPrefix(e.host, "unix://"))
	d := follow(t, "tcp://"+p.address, name)
	r := read(t, d, name)
	r.text("line 200")
	p.hang(true)
	r.text("Docker does not answer since")
	if h := d.Health(); h.State != health.Down || !strings.Contains(h.Reason, "does not answer in time") {
		t.Errorf("%+v", h)
	}
	if c := d.Containers()[0]; c.State != "unknown" || c.Reason == "" {
		t.Errorf("%+v", c)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := d.Restart(ctx, name); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("a restart: %v", err)
	}
	p.hang(false)
	r.text("Docker answers again")
	from := len(r.lines)
	r.until("a later line", func(l logs.Line) bool { return len(r.lines) > from+1000 })
	if runs := numbered(t, r.lines); runs != 1 {
		t.Errorf("lines of %d runs came", runs)
	}
}

// Where Docker has thrown lines away while it could not be read, the log says so.
func TestLogRotatedAway(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{driver: "json-file", log: map[string]string{"max-size": "20k", "max-file": "1"}}, "count,5000")
	p := newProxy(t, strings.TrimPrefix(e.host, "unix://"))
	r := read(t, follow(t, "tcp://"+p.address, name), name)
	r.text("line 20")
	p.hang(true)
	r.text("Docker does not answer since")
	p.hang(false)
	r.text("lines are missing here")
	r.until("a later line", func(l logs.Line) bool { return l.Stream != logs.Marker })
}

// proxy is between a gateway and Docker, and can hold everything back.
type proxy struct {
	address string
	open    atomic.Int64 // connections
	mu      sync.Mutex
	held    chan struct{} // closed unless it hangs
}

func newProxy(t *testing.T, socket string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: listener.Addr().String(), held: make(chan struct{})}
	close(p.held)
	var wg sync.WaitGroup
	copyBytes := func(to, from net.Conn) {
		defer func() { _, _ = to.Close(), from.Close() }()
		b := make([]byte, 32<<10)
		for {
			n, err := from.Read(b)
			p.mu.Lock()
			held := p.held
			p.mu.Unlock()
			<-held
			if _, errW := to.Write(b[:n]); err != nil || errW != nil {
				return
			}
		}
	}
	wg.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", socket)
			if err != nil {
				in.Close()
				continue
			}
			p.open.Add(1)
			wg.Go(func() {
				defer p.open.Add(-1)
				copyBytes(in, out)
			})
			wg.Go(func() { copyBytes(out, in) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		p.hang(false)
		wg.Wait()
	})
	return p
}

func (p *proxy) hang(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.held:
		if on {
			p.held = make(chan struct{})
		}
	default:
		if !on {
			close(p.held)
		}
	}
}

// What is not there says so, with what to do, and is found when it comes.
func TestDockerMissing(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	socket := filepath.Join(t.TempDir(), "docker.sock")
	name := uniqueName()
	d := follow(t, "unix://"+socket, name)
	r := read(t, d, name)
	r.text("There is no Docker socket " + socket)
	if h := d.Health(); h.State != health.Down || !strings.Contains(h.Advice, "DOCKER_HOST") || h.Since.IsZero() {
		t.Errorf("%+v", h)
	}
	if err := os.Symlink(strings.TrimPrefix(e.host, "unix://"), socket); err != nil {
		t.Fatal(err)
	}
	r.text("There is no container")
	eventually(t, "the state degraded", func() bool { return d.Health().State == health.Degraded })
	e.start(t, name, run{}, "out,here", "wait")
	r.text("container is there")
	r.text("here")
	eventually(t, "the state ok", func() bool { h := d.Health(); return h.State == health.OK && h.Reason == "" })
}

// A user who is not in the group docker is told so. The test runs itself again as
// such a user, because root may do everything.
func TestDockerForbidden(t *testing.T) {
	if host := os.Getenv("TEST_DOCKER_AS_NOBODY"); host != "" {
		d := follow(t, host, "x1")
		eventually(t, "the state down", func() bool { return d.Health().State == health.Down })
		fmt.Printf("%+v\n", d.Health())
		return
	}
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to become somebody else")
	}
	dir, err := os.MkdirTemp("", "jimeng-nobody")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(dir+"/test", program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	// As Docker's: a socket that anybody can see and only some may use.
	listener, err := net.Listen("unix", dir+"/docker.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(dir+"/docker.sock", 0o660); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), dir+"/test", "-test.run=^TestDockerForbidden$")
	c.Dir = dir
	c.Env = append(os.Environ(), "TEST_DOCKER_AS_NOBODY=unix://"+dir+"/docker.sock", "GOCOVERDIR="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Add the user of the gateway to the group docker") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestLoggingDriverCannotBeRead(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{driver: "none"}, "wait")
	d := follow(t, e.host, name)
	read(t, d, name).text("The logging driver of the container")
	eventually(t, "the reason", func() bool {
		c := d.Containers()[0]
		return c.Running && strings.Contains(c.Reason, "json-file, local or journald")
	})
}

// The clock of a Docker on another machine is known and told.
func TestClockOffset(t *testing.T) {
	t.Parallel()
	e := dockerEngine(t)
	name := uniqueName()
	e.start(t, name, run{}, "out,here", "wait")
	behind := -time.Hour
	server := &http.Server{Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "docker"}) },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(e.host, "unix://"))
		}, DisableKeepAlives: true},
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(behind).UTC().Format(http.TimeFormat))
			return nil
		},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		_ = server.Close()
		wg.Wait()
	})
	d := follow(t, "tcp://"+listener.Addr().String(), name)
	read(t, d, name).text("here")
	eventually(t, "the offset", func() bool { o := d.Offset(); return o < behind+2*time.Second && o > behind-2*time.Second })
	if h := d.Health(); h.State != health.Degraded || !strings.Contains(h.Reason, "behind the gateway's") {
		t.Errorf("%+v", h)
	}
	right := follow(t, e.host, name)
	read(t, right, name).text("here")
	if o := right.Offset(); o != 0 {
		t.Errorf("a clock that is right is %s ahead", o)
	}
}
