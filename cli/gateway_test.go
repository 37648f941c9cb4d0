package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// commands runs one command line on the gateway.
func commands(g *Gateway, stdin string, args ...string) (stdout, stderr string, err error) {
	root := &cobra.Command{Use: "jimeng", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(Commands(func(*cobra.Command) (*Gateway, error) { return g, nil })...)
	var out, errOut bytes.Buffer
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&errOut)
	err = root.Execute()
	return out.String(), errOut.String(), err
}

// Every kind of error becomes one line that says what is wrong.
func TestErrors(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"title":"Conflict","status":409,"detail":"The task has ended already.","code":"task_ended"}`:       "The task has ended already.",
		`{"code":-2000,"message":"duration: too long","data":null,"error":{"message":"duration: too long"}}`: "duration: too long",
		`{"error":"no gateway runs here"}`:      "no gateway runs here",
		`{"detail":"two\nlines \u001b[31mred"}`: "two lines  [31mred",
		"404 page not found\n":                  "here answers 409 Conflict: 404 page not found",
		"":                                      "here answers 409 Conflict: ",
	} {
		w := newWire(t, map[string][]http.HandlerFunc{"GET /api/v1/keys": {send(http.StatusConflict, body)}})
		if _, _, err := commands(w.Gateway, "", "key", "list"); err == nil || err.Error() != want {
			t.Errorf("%s: %v", body, err)
		}
	}
	w := newWire(t, map[string][]http.HandlerFunc{"GET /api/v1/keys/{id}": {send(http.StatusNotFound, `{"detail":"It does not exist."}`)}})
	if _, _, err := commands(w.Gateway, "", "key", "list"); err == nil || !strings.Contains(err.Error(), "has no gateway in it; --address") {
		t.Error("another Caddy:", err)
	}
	if _, _, err := commands(w.Gateway, "", "key", "show", "a/b"); err == nil || err.Error() != "a/b: It does not exist." {
		t.Error("unknown key:", err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	address := listener.Addr().String()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	g := &Gateway{Address: address, Base: "http://" + address, Transport: transport}
	for _, args := range [][]string{{"pool"}, {"task", "watch", "t1"}, {"generate", "--prompt", "x"}} {
		_, _, err := commands(g, "", args...)
		if err == nil || !strings.Contains(err.Error(), "no gateway answers at "+address+": is it running? --address names another") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// What is wrong with the command line itself never reaches the gateway.
func TestBadCommandLines(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for want, args := range map[string][]string{
		`unknown command "lst"`:                      {"key", "lst"},
		"accepts 1 arg(s)":                           {"key", "add"},
		"nothing to change":                          {"key", "change", "k1"},
		"--metadata must be a JSON object":           {"key", "change", "k1", "--metadata", "{"},
		"[label slots]":                              {"session", "change", "s1"},
		"name the sessions to test, or say --all":    {"session", "test"},
		"or say --all":                               {"session", "test", "s1", "--all"},
		"the secret is empty":                        {"session", "add"},
		"no such file":                               {"session", "add", "--file", filepath.Join(folder, "none")},
		"is a folder, name a file":                   {"generate", "--prompt", "x", "--out", folder},
		"--out: open":                                {"generate", "--prompt", "x", "--out", filepath.Join(folder, "none", "x.mp4")},
		"--file: stat":                               {"generate", "--prompt", "x", "--file", filepath.Join(folder, "none")},
		folder + " is a folder":                      {"generate", "--prompt", "x", "--file", folder},
		"--json and --out - both want":               {"generate", "--json", "--prompt", "x", "--out", "-"},
		"both want the standard output; name a file": {"task", "watch", "t1", "--json", "--out", "-"},
		"unknown flag":                               {"pool", "--all"},
	} {
		w := newWire(t, nil)
		if _, _, err := commands(w.Gateway, "", args...); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", args, err)
		}
		if len(w.asked) > 0 {
			t.Errorf("%v: the gateway was asked", args)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A result appears under its name only whole, and several get numbers.
func TestSave(t *testing.T) {
	t.Parallel()
	const image, sum = "a picture", "sha"
	hash := sha256.Sum256([]byte(image))
	artifacts := func(hashes ...string) string {
		var all []string
		for _, h := range hashes {
			all = append(all, `{"kind":"image","content_type":"image/png","size":9,"sha256":"`+h+`","url":"https://example.com/base/v1/artifacts/t1/0?expires=9&signature=a"}`)
		}
		return `{"task":{"id":"t1","status":"succeeded","kind":"image","artifacts":[` + strings.Join(all, ",") + `]}}`
	}
	good := hex.EncodeToString(hash[:])
	for name, test := range map[string]struct {
		task  string
		want  string
		files []string
	}{
		"one":       {artifacts(good), "", []string{"x.png"}},
		"several":   {artifacts(good, good), "", []string{"x-1.png", "x-2.png"}},
		"damaged":   {artifacts(sum), "the download is damaged", nil},
		"gone":      {artifacts(), "do not exist any more", nil},
		"deleted":   {strings.ReplaceAll(artifacts(good), `[{`, `[{"expired":true,`), "do not exist any more", nil},
		"poster":    {strings.Replace(artifacts(good, good), `[{`, `[{"poster":true,`, 1), "", []string{"x.png"}},
		"elsewhere": {strings.ReplaceAll(artifacts(good), "/v1/artifacts/", "/other/"), "is not one of the gateway's", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t, map[string][]http.HandlerFunc{
				getTask:                    {send(http.StatusOK, test.task)},
				"GET /v1/artifacts/t1/{n}": {send(http.StatusOK, image)},
			})
			folder := t.TempDir()
			_, _, err := commands(w.Gateway, "", "task", "watch", "t1", "--out", filepath.Join(folder, "x.png"))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Error(err)
			}
			entries, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			var files []string
			for _, entry := range entries {
				files = append(files, entry.Name())
			}
			if diff := cmp.Diff(test.files, files); diff != "" {
				t.Error(diff)
			}
		})
	}
}
