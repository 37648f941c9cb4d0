package api_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

// talker runs a container that says what it is told to, and returns its name.
func talker(t *testing.T, host string, say ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "talker")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", file, "../logs/testdata/talker")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	if err := w.WriteHeader(&tar.Header{Name: "talker", Mode: 0o755, Size: int64(len(binary))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(binary); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	docker, err := client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = docker.Close() })
	name := fmt.Sprintf("jimeng-api-test-%d", os.Getpid())
	answer, err := docker.ImageImport(t.Context(), image.ImportSource{Source: &content, SourceName: "-"}, name+":1", image.ImportOptions{})
	if err == nil {
		_, err = io.Copy(io.Discard, answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	made, err := docker.ContainerCreate(t.Context(), &container.Config{Image: name + ":1", Entrypoint: []string{"/talker"}, Cmd: say},
		&container.HostConfig{NetworkMode: "host"}, nil, nil, name)
	if err == nil {
		err = docker.ContainerStart(t.Context(), made.ID, container.StartOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := docker.ContainerRemove(ctx, made.ID, container.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
		if _, err := docker.ImageRemove(ctx, name+":1", image.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	return name
}

// What a container prints comes through every route, without the secrets in it;
// older lines come from Docker.
func TestLogsOfAContainer(t *testing.T) {
	host := os.Getenv("TEST_DOCKER_HOST")
	if host == "" {
		t.Skip("needs a Docker engine: TEST_DOCKER_HOST is not set")
	}
	const planted, known = "c0ffee00c0ffee00c0ffee00c0ffee00", "container-account-secret"
	secrets := logs.NewSecrets()
	secrets.Add(logs.Secret{ID: "ses_1", Name: "one", Text: known})
	name := talker(t, host, "out,before anything", "out,sessionid="+planted, "out,used "+known+" to submit", "out,Authorization: Bearer "+planted, "out,the end", "wait")
	docker := logs.NewDocker(logs.DockerConfig{Host: host, Mask: logs.NewMasker(secrets.Known).Mask, Logger: zap.NewNop()})
	t.Cleanup(docker.Close)
	t.Cleanup(docker.Configure([]string{name}))
	g := serve(t, func(c *api.Config) { c.Docker, c.ContainerRestart = docker, true })
	stream := g.listen("/api/v1/logs/stream", "")
	var streamed string
	for !strings.Contains(streamed, "the end") {
		streamed += stream.nextTexts(1) + "|"
	}
	page := g.json("GET", "/api/v1/logs?source="+name, "", http.StatusOK)
	if got := texts(page); !strings.Contains(got, "before anything|sessionid=[masked]|used [session one] to submit|Authorization: Bearer [masked]|the end") {
		t.Errorf("list %s", got)
	}
	_, file := g.do("GET", "/api/v1/logs/download", "", nil)
	_, found := g.do("GET", "/api/v1/logs?q="+planted, "", nil)
	for _, all := range []string{streamed, fmt.Sprint(page), string(file), string(found)} {
		if strings.Contains(all, planted) || strings.Contains(all, known) {
			t.Errorf("a secret was sent: %s", all)
		}
	}
	if strings.Count(string(file), "\n") < 5 {
		t.Errorf("download %s", file)
	}
	entries := page["entries"].([]any)
	last := entries[len(entries)-1].(map[string]any)["id"].(string)
	older := g.json("GET", "/api/v1/logs?lines=2&before="+last, "", http.StatusOK)
	if got := texts(older); got != "used [session one] to submit|Authorization: Bearer [masked]" || older["more"] != true {
		t.Errorf("older %v", older)
	}
	state := g.json("GET", "/api/v1/containers", "", http.StatusOK)["containers"].([]any)[0].(map[string]any)
	if state["running"] != true || state["name"] != name || state["started_at"] == nil {
		t.Errorf("state %v", state)
	}
	g.json("POST", "/api/v1/containers/"+name+"/restart", "", http.StatusOK)
	for e := stream.next(); ; e = stream.next() {
		if e == nil {
			t.Fatal("the stream ended with the restart")
		}
		if e.name == "line" && e.data["text"] == "the end" {
			break
		}
	}
	if lines := g.json("GET", "/api/v1/audit?action=container.restart&target="+name, "", http.StatusOK)["lines"].([]any); len(lines) != 1 {
		t.Errorf("audit %v", lines)
	}
}

// What comes at once after a quiet time is found behind the line before it.
func TestLogsAfterAQuietTime(t *testing.T) {
	host := os.Getenv("TEST_DOCKER_HOST")
	if host == "" {
		t.Skip("needs a Docker engine: TEST_DOCKER_HOST is not set")
	}
	name := talker(t, host, "out,up", "sleep,3000", "burst,70000", "out,the end", "wait")
	docker := logs.NewDocker(logs.DockerConfig{Host: host, Logger: zap.NewNop()})
	t.Cleanup(docker.Close)
	t.Cleanup(docker.Configure([]string{name}))
	log, _ := docker.Log(name)
	var up string
	until(t, "the end", func() bool {
		for line := range log.View().Before(logs.ID{}) {
			if line.Text == "up" {
				up = line.ID.String()
			}
			if line.Text == "the end" && up != "" {
				return true
			}
		}
		return false
	})
	if oldest, _ := log.View().Oldest(); oldest.String() == up {
		t.Fatal("the gateway still has all lines")
	}
	g := serve(t, func(c *api.Config) { c.Docker = docker })
	answer := g.json("GET", "/api/v1/logs?lines=10&after="+up, "", http.StatusOK)
	if got := texts(answer); !strings.HasPrefix(got, "line 0 of a burst") || answer["count"] != 10.0 {
		t.Errorf("after: %v %.200s", answer["unavailable"], got)
	}
}
