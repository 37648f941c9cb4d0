package logs_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		removeImage()
		os.Exit(code)
	}))
}

const soon = 30 * time.Second

// engine is a real Docker engine.
type engine struct {
	*client.Client
	host string
}

// dockerEngine is the engine that the test script has started.
func dockerEngine(t testing.TB) *engine {
	t.Helper()
	host := os.Getenv("TEST_DOCKER_HOST")
	if host == "" {
		t.Skip("needs a Docker engine: TEST_DOCKER_HOST is not set")
	}
	return engineAt(t, host)
}

func engineAt(t testing.TB, host string) *engine {
	t.Helper()
	c, err := client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &engine{c, host}
}

var talker = sync.OnceValues(func() (*bytes.Buffer, error) {
	dir, err := os.MkdirTemp("", "jimeng-talker")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "talker")
	build := exec.Command("go", "build", "-o", file, "./testdata/talker")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "talker", Mode: 0o755, Size: int64(len(binary))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(binary); err != nil {
		return nil, err
	}
	return &b, w.Close()
})

var (
	images    sync.Map // by host
	imageName = fmt.Sprintf("jimeng-talker:%d", os.Getpid())
)

// removeImage takes the talker away from the engine that is not the tests' own.
func removeImage() {
	host := os.Getenv("TEST_DOCKER_HOST")
	if _, used := images.Load(host); !used {
		return
	}
	c, err := client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	_, _ = c.ImageRemove(ctx, imageName, image.RemoveOptions{Force: true})
}

// image brings the talker to the engine, once.
func (e *engine) image(t testing.TB) string {
	t.Helper()
	once, _ := images.LoadOrStore(e.host, sync.OnceValue(func() error {
		content, err := talker()
		if err != nil {
			return err
		}
		answer, err := e.ImageImport(context.Background(), image.ImportSource{Source: bytes.NewReader(content.Bytes()), SourceName: "-"}, imageName, image.ImportOptions{})
		if err != nil {
			return err
		}
		var out bytes.Buffer
		_, err = out.ReadFrom(answer)
		return err
	}))
	if err := once.(func() error)(); err != nil {
		t.Fatalf("importing the image: %v", err)
	}
	return imageName
}

var counter atomic.Int64

// uniqueName is the name of a container of this test alone.
func uniqueName() string { return fmt.Sprintf("jimeng-logs-%d-%d", os.Getpid(), counter.Add(1)) }

type run struct {
	tty    bool
	driver string
	log    map[string]string // options of the driver
	policy container.RestartPolicyMode
}

// start runs the talker and takes the container away at the end of the test.
func (e *engine) start(t testing.TB, name string, r run, say ...string) string {
	t.Helper()
	id := e.create(t, name, r, say...)
	if err := e.ContainerStart(t.Context(), id, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	return id
}

func (e *engine) create(t testing.TB, name string, r run, say ...string) string {
	t.Helper()
	made, err := e.ContainerCreate(t.Context(),
		&container.Config{Image: e.image(t), Entrypoint: []string{"/talker"}, Cmd: say, Tty: r.tty},
		&container.HostConfig{NetworkMode: "host", LogConfig: container.LogConfig{Type: r.driver, Config: r.log}, RestartPolicy: container.RestartPolicy{Name: r.policy}},
		nil, nil, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.remove(t, made.ID) })
	return made.ID
}

// remove takes the container away, if it is there.
func (e *engine) remove(t testing.TB, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if err := e.ContainerRemove(ctx, id, container.RemoveOptions{Force: true}); err != nil && !strings.Contains(err.Error(), "No such container") {
		t.Error(err)
	}
}

// follow follows containers until the end of the test.
func follow(t testing.TB, host string, names ...string) *logs.Docker {
	t.Helper()
	d := logs.NewDocker(logs.DockerConfig{Host: host, Logger: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))})
	t.Cleanup(d.Close)
	d.Configure(names)
	return d
}

// reader reads a log as a listener does.
type reader struct {
	t      testing.TB
	log    *logs.Log
	cursor logs.Cursor
	lines  []logs.Line // that were read
}

func read(t testing.TB, d *logs.Docker, name string) *reader {
	t.Helper()
	log, ok := d.Log(name)
	if !ok {
		t.Fatalf("%s has no log", name)
	}
	return &reader{t: t, log: log}
}

// next waits for blocks behind the cursor.
func next(ctx context.Context, log *logs.Log, c logs.Cursor) (blocks []*logs.Block, behind logs.Cursor, skipped uint64, err error) {
	for {
		blocks, behind, skipped, changed := log.Read(c, 100)
		if changed == nil {
			return blocks, behind, skipped, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, c, 0, ctx.Err()
		}
	}
}

// until reads until a line is what is looked for, and returns all lines.
func (r *reader) until(what string, is func(logs.Line) bool) []logs.Line {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), soon)
	defer cancel()
	for {
		blocks, behind, skipped, err := next(ctx, r.log, r.cursor)
		if err != nil {
			for _, line := range r.lines[max(0, len(r.lines)-20):] {
				r.t.Logf("%s %s %.100q", line.ID, line.Stream, line.Text)
			}
			r.t.Fatalf("%s did not come", what)
		}
		if skipped > 0 {
			r.t.Fatalf("%d lines were skipped", skipped)
		}
		r.cursor = behind
		found := false
		for _, b := range blocks {
			for _, line := range b.Lines {
				r.lines = append(r.lines, line)
				found = found || is(line)
			}
		}
		if found {
			return r.lines
		}
	}
}

// text reads until a line contains the text.
func (r *reader) text(text string) []logs.Line {
	r.t.Helper()
	return r.until(fmt.Sprintf("%q", text), func(l logs.Line) bool { return strings.Contains(l.Text, text) })
}
