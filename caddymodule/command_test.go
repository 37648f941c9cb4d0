package caddymodule

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// lines hands out what a command writes, as it is written.
type lines chan string

func (l lines) Write(p []byte) (int, error) { l <- string(p); return len(p), nil }

func TestSimulate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cmd, out, done := simulateCommand(), make(lines, 10), make(chan error)
	cmd.SetArgs([]string{"--listen", "127.0.0.1:0", "--variant", "iptag", "--delay", "0s"})
	cmd.SetOut(out)
	cmd.SetErr(out)
	go func() { done <- cmd.ExecuteContext(ctx) }()
	var line string
	select {
	case line = <-out:
	case err := <-done:
		t.Fatal("ended at once:", err)
	case <-time.After(30 * time.Second):
		t.Fatal("no address was printed")
	}
	_, address, _ := strings.Cut(strings.TrimSpace(line), " at ")
	response, err := http.Get(address + "/ping")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || !strings.Contains(line, "iptag") {
		t.Errorf("%d, %q", response.StatusCode, line)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSimulateBadFlags(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`--variant: unknown variant "spoon"`: {"--variant", "spoon"},
		"--delay: -1s is negative":           {"--delay", "-1s"},
		"unknown command":                    {"more"},
		"listen for the simulator":           {"--listen", "nowhere:port"},
	} {
		cmd := simulateCommand()
		cmd.SetArgs(args)
		cmd.SetOut(new(bytes.Buffer))
		cmd.SetErr(new(bytes.Buffer))
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
