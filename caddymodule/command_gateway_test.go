package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// command runs one command line, without the name of the program.
func command(stdin string, args ...string) (stdout, stderr string, err error) {
	root := &cobra.Command{Use: "jimeng", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(gatewayCommands()...)
	var out, errOut bytes.Buffer
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&errOut)
	err = root.Execute()
	return out.String(), errOut.String(), err
}

// jimeng runs a command on the gateway, which must succeed.
func (g *gateway) jimeng(stdin string, args ...string) string {
	g.t.Helper()
	out, errOut, err := command(stdin, append(args, "--address", g.admin)...)
	if err != nil {
		g.t.Fatalf("%v: %v\n%s%s", args, err, out, errOut)
	}
	return out
}

// refused runs a command on the gateway, which must fail with one line.
func (g *gateway) refused(want string, args ...string) {
	g.t.Helper()
	out, _, err := command("", append(args, "--address", g.admin)...)
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		g.t.Errorf("%v: %v, want %s\n%s", args, err, want, out)
	}
}

// field reads the member of a JSON object below these names.
func (g *gateway) field(text string, names ...string) string {
	g.t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		g.t.Fatalf("%v in %s", err, text)
	}
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	found, ok := value.(string)
	if !ok {
		g.t.Fatalf("no %v in %s", names, text)
	}
	return found
}

func (g *gateway) onlyTask() string {
	g.t.Helper()
	var list struct{ Tasks []struct{ ID string } }
	if err := json.Unmarshal([]byte(g.jimeng("", "task", "list", "--json")), &list); err != nil || len(list.Tasks) != 1 {
		g.t.Fatalf("%+v, %v", list, err)
	}
	return list.Tasks[0].ID
}

// shape replaces what differs from run to run.
var (
	anID    = regexp.MustCompile(`\b(ses_)?01[0-9a-zA-Z]{24}\b`)
	aTime   = regexp.MustCompile(`\b(\d{4}-\d\d-\d\d \d\d:\d\d|\d\d:\d\d:\d\d)\b`)
	aSecret = regexp.MustCompile(`gw_[0-9a-f]+`)
)

func shape(text string) string {
	text = anID.ReplaceAllString(text, "ID")
	text = aTime.ReplaceAllString(text, "TIME")
	text = aSecret.ReplaceAllString(text, "gw_0")
	return regexp.MustCompile(`  +`).ReplaceAllString(text, "  ")
}

func (g *gateway) looks(got, want string) {
	g.t.Helper()
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), shape(got)); diff != "" {
		g.t.Error(diff)
	}
}

func TestKeyCommands(t *testing.T) {
	g := newGateway(t)
	g.adminSocket()
	g.mustLoad("", "")
	added := g.jimeng("", "key", "add", "账号 farm", "--scopes", "video:create,task:read", "--daily-quota", "200", "--weight", "3", "--credits-per-day", "12.5",
		"--expires", "2127-01-31T12:00:00Z", "--metadata", `{"team":"film"}`)
	g.looks(added, "key ID; keep this, it is not shown again:\ngw_0\n")
	secret, id := aSecret.FindString(added), anID.FindString(added)
	g.looks(g.jimeng("", "key", "list"), `
ID  NAME  KEY  STATE  SCOPES  PER MINUTE  PER DAY  AT ONCE  CREDITS A DAY  WEIGHT  EXPIRES  LAST USED
ID  账号 farm  gw_0…  enabled  video:create,task:read  -  200  -  12.5  3  TIME  -
`)
	g.looks(g.jimeng("", "key", "change", id, "--name", "farm", "--rate-limit", "60", "--daily-quota", "0", "--expires", "never",
		"--metadata", "none", "--enabled=false", "--scopes", "admin", "--concurrency", "2", "--wait", "30m", "--retention", "720h",
		"--credits-per-day", "0", "--credits-per-month", "99.125", "--max-priority", "-5", "--models", "cheap,dear", "--networks", "192.0.2.7,2001:db8::/32", "--max-upload", "1048576"), `
ID  ID
Name  farm
Key  gw_0…
State  disabled
Scopes  admin
Requests a minute  60
Tasks a day  -
Tasks at once  2
Credits a day  -
Credits a month  99.125
Highest priority  -5
Models  cheap, dear
Networks  192.0.2.7, 2001:db8::/32
Largest file  1048576 bytes
Weight  3
Requests wait  30m0s
Results kept  720h0m0s
Expires  -
Created  TIME
Last used  -
`)
	if shown := g.jimeng("", "key", "change", id, "--models", "all", "--networks", "all", "--json"); strings.Contains(shown, "cheap") || strings.Contains(shown, "192.0.2.7") {
		t.Errorf("without limits: %s", shown)
	}
	graced := g.field(g.jimeng("", "key", "regenerate", id, "--grace", "24h", "--json"), "key")
	if shown := g.jimeng("", "key", "show", id); !strings.Contains(shown, "Old secret works until") {
		t.Errorf("in the grace: %s", shown)
	}
	if shown := g.jimeng("", "key", "change", id, "--end-old-key"); strings.Contains(shown, "Old secret") {
		t.Errorf("after the grace: %s", shown)
	}
	g.refused("at most 2592000", "key", "regenerate", id, "--grace", "721h")
	g.refused("--grace must be whole seconds", "key", "regenerate", id, "--grace", "1ms")
	renewed := g.jimeng("", "key", "regenerate", id, "--json")
	fresh := g.field(renewed, "key")
	if fresh == secret || fresh == graced || !strings.HasPrefix(fresh, g.field(renewed, "key_prefix")) {
		t.Errorf("regenerated: %s", renewed)
	}
	if response, body := g.get("/api/v1/me", "Authorization", "Bearer "+fresh); response.StatusCode != http.StatusUnauthorized || g.field(body, "code") != "disabled_key" {
		t.Errorf("a disabled key: %d %s", response.StatusCode, body)
	}
	g.jimeng("", "key", "change", id, "--enabled")
	if response, body := g.get("/api/v1/me", "Authorization", "Bearer "+fresh); response.StatusCode != http.StatusOK || g.field(body, "key", "name") != "farm" {
		t.Errorf("the new secret: %d %s", response.StatusCode, body)
	}
	if shown := g.jimeng("", "key", "show", id, "--json"); g.field(shown, "key", "name") != "farm" || strings.Count(shown, "\n") != 1 {
		t.Error(shown)
	}
	g.looks(g.jimeng("", "key", "remove", id), "removed ID\n")
	g.refused(id+": It does not exist.", "key", "show", id)
	g.refused("must be one of video:create, ", "key", "add", "x", "--scopes", "root")
	g.refused("expires_at", "key", "add", "x", "--expires", "tomorrow")
}

func TestSessionCommands(t *testing.T) {
	g := newGateway(t)
	g.adminSocket()
	g.mustLoad("upstream simulator", "")
	g.looks(g.jimeng("  secret-of-a-session-1\n", "session", "add", "--label", "账号一号", "--slots", "3"), `
ID  ID
Label  账号一号
Upstream  simulator
Secret  secr…on-1
State  ready
Until  -
Reason  -
Running  0 of 3 slots
Credits  -
Credits expire  -
Attempts  0 succeeded, 0 failed
Created  TIME
Last used  -
Last probed  -
`)
	file := filepath.Join(g.dir, "cookie")
	if err := os.WriteFile(file, []byte("secret-of-a-session-2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := g.field(g.jimeng("", "session", "add", "--file", file, "--json"), "session", "id")
	g.looks(g.jimeng("", "session", "disable", id), "ID is disabled\n")
	g.looks(g.jimeng("", "session", "change", id, "--label", "ana", "--slots", "5", "--json")[:10], `{"ok":true`)
	g.looks(g.jimeng("", "session", "list"), `
ID  LABEL  UPSTREAM  STATE  RUNNING  CREDITS  DONE  FAILED  LAST USED  UNTIL  REASON
ID  账号一号  simulator  ready  0 of 3  -  0  0  -  -  -
ID  ana  simulator  disabled  0 of 5  -  0  0  -  -  -
`)
	g.looks(g.jimeng("", "session", "enable", id), "ID is ready\n")
	g.looks(g.jimeng("", "session", "test", "--all"), "ID  works, 100000 credits\nID  works, 100000 credits\n")
	if tested := g.jimeng("", "session", "test", id, "--json"); g.field(tested, "id") != id || !strings.Contains(tested, `"ok":true`) {
		t.Error(tested)
	}
	g.refused("It exists already.", "session", "add", "--file", file)
	g.looks(g.jimeng("", "session", "remove", id), "removed ID\n")
	g.refused("It does not exist.", "session", "test", id)
}

const tasksOptions = "poll_interval 100ms\nupstream simulator {\nvariant fork\ndelay 300ms\n}\n"

func TestTaskCommands(t *testing.T) {
	g := newGateway(t)
	g.adminSocket()
	g.mustLoad(tasksOptions, "")
	g.jimeng("secret-of-a-session", "session", "add")
	picture := filepath.Join(g.dir, "boat.png")
	if err := os.WriteFile(picture, pngFile(t), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(g.dir, "boat.mp4")
	stdout, stderr, err := command("", "generate", "--prompt", "@1 纸船", "--model", "seedance-2.0", "--file", picture, "--duration", "5",
		"--ratio", "16:9", "--out", out, "--address", g.admin)
	if err != nil {
		t.Fatal(err)
	}
	video, err := os.ReadFile(out)
	if err != nil || len(video) < 1000 || string(video[4:8]) != "ftyp" {
		t.Errorf("%d bytes, %v", len(video), err)
	}
	if !strings.HasPrefix(stdout, out+" (") || strings.Count(stdout, "\n") != 1 {
		t.Errorf("standard output: %s", stdout)
	}
	if !regexp.MustCompile(`^task ID\n(TIME  .*\n)*TIME  succeeded after \d+s\n$`).MatchString(shape(stderr)) {
		t.Errorf("standard error: %s", stderr)
	}
	id := g.onlyTask()
	if piped := g.jimeng("", "task", "watch", id, "--out", "-"); piped != string(video) {
		t.Errorf("%d bytes came out of the pipe", len(piped))
	}
	list := regexp.MustCompile(`  \d+s  `).ReplaceAllString(g.jimeng("", "task", "list", "--status", "succeeded", "--limit", "5"), "  SPAN  ")
	g.looks(list, "ID  STATUS  MODEL  MADE  TOOK  PROMPT\nID  succeeded  seedance-2.0  TIME  SPAN  @1 纸船\n")
	shown := g.jimeng("", "task", "show", id)
	for _, want := range []string{"Status  succeeded\n", "Duration  5 s\n", "Ratio  16:9\n", "Prompt  @1 纸船\n", "Material 1  boat.png (image, 76 B)\n",
		"Artifact 1  video/mp4, "} {
		if !strings.Contains(shape(shown), want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}
	g.looks(g.jimeng("", "task", "retry", id), "ID is the new task; `task watch ID` follows it\n")
	g.refused("The task has ended already.", "task", "cancel", id)
	history := g.jimeng("", "task", "history", id)
	for _, want := range []string{"AT  WHAT  STATUS  ATTEMPT  UPSTREAM  SESSION  NOTE\n", "TIME  created  queued  -  -  -\n",
		"TIME  admitted  submitting  1  simulator  ID  waited 0s\n", "TIME  ended  succeeded  "} {
		if !strings.Contains(shape(history), want) {
			t.Errorf("no %q in\n%s", want, history)
		}
	}
	if counts := g.jimeng("", "stats"); !strings.HasSuffix(shape(counts), "total  2\n") {
		t.Error(counts)
	}
	models := shape(g.jimeng("", "models"))
	if !strings.HasPrefix(models, "MODEL  KIND  SECONDS  RATIOS  RESOLUTIONS  MATERIALS  CREDITS  UPSTREAMS  ALIASES\n") ||
		!strings.Contains(models, "jimeng-video-3.0  video  4 to 15  ") || !strings.Contains(models, "  simulator  ") {
		t.Error(models)
	}
	g.looks(g.jimeng("", "task", "delete", id), "deleted ID\n")
	g.refused(id+": It does not exist.", "task", "show", id)
	g.refused("task "+id+": It does not exist.", "task", "watch", id)
	g.jimeng("", "generate", "--prompt", "a boat", "--model", "jimeng-4.5", "--out", filepath.Join(g.dir, "paint.png"))
	for n := range 4 {
		if image, err := os.ReadFile(filepath.Join(g.dir, fmt.Sprintf("paint-%d.png", n+1))); err != nil || !strings.HasPrefix(string(image), "\x89PNG") {
			t.Errorf("picture %d: %d bytes, %v", n+1, len(image), err)
		}
	}
}

func TestWatchAndCancel(t *testing.T) {
	g := newGateway(t)
	g.adminSocket()
	g.mustLoad(tasksOptions, "")
	g.jimeng("secret-of-a-session", "session", "add")
	failed := g.create("[[fault:content_violation]] a boat")
	out, _, err := command("", "task", "watch", failed, "--address", g.admin)
	if err == nil || !strings.Contains(err.Error(), "the task "+failed+" failed: content_risk: ") || !strings.Contains(shape(out), "TIME  failed: content_risk after ") {
		t.Errorf("%v\n%s", err, out)
	}

	waiting := g.create("[[delay:10m]] a boat")
	watched := make(chan error)
	lines := &firstLine{seen: make(chan struct{})}
	go func() {
		root := &cobra.Command{Use: "jimeng", SilenceUsage: true, SilenceErrors: true}
		root.AddCommand(gatewayCommands()...)
		root.SetArgs([]string{"task", "watch", waiting, "--json", "--address", g.admin})
		root.SetOut(lines)
		watched <- root.Execute()
	}()
	select {
	case <-lines.seen:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is printed")
	}
	// Whoever watches outlasts a reload.
	g.mustLoad(tasksOptions+"grace_period 9s\n", "")
	if cancelled := g.jimeng("", "task", "cancel", waiting); !strings.Contains(cancelled, "cancelled "+waiting+": ") {
		t.Error(cancelled)
	}
	if err := <-watched; err == nil || err.Error() != "the task "+waiting+" was cancelled" {
		t.Error(err)
	}
	all := strings.Split(strings.TrimSpace(lines.text.String()), "\n")
	if g.field(all[len(all)-1], "task", "status") != "cancelled" {
		t.Error(all)
	}
}

// firstLine tells when something is written.
type firstLine struct {
	text bytes.Buffer
	seen chan struct{}
}

func (f *firstLine) Write(p []byte) (int, error) {
	if f.text.Len() == 0 {
		close(f.seen)
	}
	return f.text.Write(p)
}

// create makes a task that needs no material.
func (g *gateway) create(prompt string) string {
	g.t.Helper()
	body := strings.NewReader(`{"model":"jimeng-video-3.0","prompt":"` + prompt + `","duration":5}`)
	r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, "http://"+g.address+"/v1/videos/generations", body)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/json")
	response, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.field(string(text), "task", "id")
}

func TestAdminAddress(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	for name, content := range map[string]string{
		"unix.caddyfile": "{\nadmin unix//run/jimeng.sock\njimeng {\n}\n}\n",
		"config.json":    `{"admin":{"listen":"localhost:2121"}}`,
		"bad.caddyfile":  "{\nadmin {\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ address, file, adapter, want string }{
		{"", "", "", caddy.DefaultAdminListen},
		{"localhost:9", "bad.caddyfile", "", "localhost:9"},
		{"", "unix.caddyfile", "", "unix//run/jimeng.sock"},
		{"", "unix.caddyfile", "caddyfile", "unix//run/jimeng.sock"},
		{"", "config.json", "", "localhost:2121"},
	} {
		if got, err := adminAddress(test.address, test.file, test.adapter); err != nil || got != test.want {
			t.Errorf("%+v: %s, %v", test, got, err)
		}
	}
	for _, file := range []string{"bad.caddyfile", "none.json"} {
		if _, err := adminAddress("", file, ""); err == nil || !strings.Contains(err.Error(), "--address names it") {
			t.Errorf("%s: %v", file, err)
		}
	}
	// As for Caddy's own commands, a Caddyfile in the folder counts.
	if err := os.Rename("unix.caddyfile", "Caddyfile"); err != nil {
		t.Fatal(err)
	}
	if got, err := adminAddress("", "", ""); err != nil || got != "unix//run/jimeng.sock" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestAdminGateway(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]struct{ base, origin string }{
		"localhost:2019":            {"http://localhost:2019/jimeng", "http://localhost:2019"},
		"tcp/[::1]:2019":            {"http://[::1]:2019/jimeng", "http://[::1]:2019"},
		"unix//run/jimeng.sock":     {"http://127.0.0.1/jimeng", ""},
		"unix//run/a.sock|0220":     {"http://127.0.0.1/jimeng", ""},
		"unix/data/demo/admin.sock": {"http://127.0.0.1/jimeng", ""},
	} {
		g, err := adminGateway(address)
		if err != nil || g.Base != want.base || g.Header.Get("Origin") != want.origin || g.Address != address {
			t.Errorf("%s: %+v, %v", address, g, err)
		}
	}
	for _, address := range []string{"localhost:1-5", "http://localhost:2019", "localhost:x"} {
		if _, err := adminGateway(address); err == nil || !strings.Contains(err.Error(), "--address: ") {
			t.Errorf("%s: %v", address, err)
		}
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
