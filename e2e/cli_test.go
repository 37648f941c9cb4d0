package e2e

import (
	"bufio"
	"bytes"
	"image"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// jimeng runs a command on the gateway and returns what it prints.
func (w *world) jimeng(stdin string, args ...string) (stdout, stderr string, exitCode int) {
	w.t.Helper()
	var out, errOut bytes.Buffer
	c := w.command(w.env, append([]string{"jimeng"}, args...)...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &errOut
	_ = c.Run() // the exit code says it
	return out.String(), errOut.String(), c.ProcessState.ExitCode()
}

// ok runs a command that must succeed.
func (w *world) ok(stdin string, args ...string) string {
	w.t.Helper()
	out, errOut, code := w.jimeng(stdin, args...)
	if code != 0 {
		w.t.Fatalf("%v: exit code %d\n%s%s", args, code, out, errOut)
	}
	return out
}

// From an empty gateway to a video with nothing but the command line, over the
// admin endpoint's socket.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fork", "1s")
	if out, errOut, code := w.jimeng("", "task", "list"); code != 1 || out != "" || !strings.HasPrefix(errOut, "Error: no gateway answers at unix/") || strings.Count(errOut, "\n") != 1 {
		t.Errorf("without a gateway: exit code %d\n%s%s", code, out, errOut)
	}
	w.start()
	socket := "unix/" + filepath.Join(w.dir, "admin.sock")

	key := regexp.MustCompile(`(?m)^gw_[0-9a-f]{32}$`).FindString(w.ok("", "key", "add", "by hand", "--address", socket))
	r, err := http.NewRequest("GET", w.gateway+"/api/v1/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	response, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the new key %q: %s", key, response.Status)
	}
	w.ok("e2e-account-of-the-command-line\n", "session", "add", "--label", "账号")
	if list := w.ok("", "session", "list"); !strings.Contains(list, "账号") || strings.Contains(list, "e2e-account") {
		t.Errorf("sessions:\n%s", list)
	}
	w.ok("", "session", "test", "--all")

	picture := filepath.Join(w.dir, "boat.png")
	if err := os.WriteFile(picture, pngFile(t), 0o600); err != nil {
		t.Fatal(err)
	}
	generate := []string{"generate", "--model", "seedance-2.0", "--file", picture, "--prompt"}
	w.ok("", append(generate, "@1 drifts", "--out", "video.mp4")...)
	if video, err := os.ReadFile(filepath.Join(w.dir, "video.mp4")); err != nil || len(video) < 1000 || string(video[4:8]) != "ftyp" {
		t.Errorf("video: %d bytes, %v", len(video), err)
	}
	if _, errOut, code := w.jimeng("", append(generate, "[[fault:content_violation]] @1", "--out", "none.mp4")...); code != 1 || !strings.Contains(errOut, "content_risk") {
		t.Errorf("a refused one: exit code %d\n%s", code, errOut)
	}
	w.interrupted(append(generate, "[[delay:3s]] @1 drifts"))
	w.term()
}

// interrupted ends the waiting for a task with Ctrl-C; the task goes on.
func (w *world) interrupted(args []string) {
	w.t.Helper()
	c := w.command(w.env, append([]string{"jimeng"}, args...)...)
	pipe, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	var id, last string
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		last = lines.Text()
		if rest, ok := strings.CutPrefix(last, "task "); ok {
			id = rest
			if err := c.Process.Signal(syscall.SIGINT); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	_ = c.Wait() // the exit code says it
	if c.ProcessState.ExitCode() != 1 || !strings.Contains(last, "interrupted; the task goes on, `task watch "+id) {
		w.t.Errorf("exit code %d: %s", c.ProcessState.ExitCode(), last)
	}
	if out := w.ok("", "task", "watch", id); !strings.Contains(out, "succeeded after") {
		w.t.Errorf("watched:\n%s", out)
	}
}

// pngFile is a small picture.
func pngFile(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
