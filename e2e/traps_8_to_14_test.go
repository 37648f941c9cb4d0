package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	endian "encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// noise is bytes of which hardly any are UTF-8.
type noise struct{ at, size int }

func (n *noise) Read(p []byte) (int, error) {
	if n.at == n.size {
		return 0, io.EOF
	}
	p = p[:min(len(p), n.size-n.at)]
	for i := range p {
		p[i] = byte((n.at + i) * 167)
	}
	n.at += len(p)
	return len(p), nil
}

// video is a real MP4 that has been made larger with noise.
func video(t *testing.T, more int) io.Reader {
	t.Helper()
	sample, err := os.ReadFile("../upstream/simulator/sample.mp4")
	if err != nil {
		t.Fatal(err)
	}
	box := append(endian.BigEndian.AppendUint32(nil, uint32(more+8)), "free"...)
	return io.MultiReader(bytes.NewReader(sample), bytes.NewReader(box), &noise{size: more})
}

// upload sends a form that is never whole in memory, and returns what was in its
// files.
func (x *trap) upload(prompt string, files ...io.Reader) (id string, sums []string) {
	x.t.Helper()
	body, pipe := io.Pipe()
	w := multipart.NewWriter(pipe)
	written := make(chan error, 1)
	go func() {
		err := w.WriteField("prompt", prompt)
		if err == nil {
			err = w.WriteField("model", "seedance-2.0")
		}
		for i := 0; i < len(files) && err == nil; i++ {
			var part io.Writer
			if part, err = w.CreateFormFile("files", fmt.Sprint(i, ".mp4")); err == nil {
				sum := sha256.New()
				_, err = io.Copy(io.MultiWriter(part, sum), files[i])
				sums = append(sums, hex.EncodeToString(sum.Sum(nil)))
			}
		}
		if err == nil {
			err = w.Close()
		}
		_ = pipe.CloseWithError(err) // never fails
		written <- err
	}()
	answer := x.json(token, "POST", "/v1/videos/generations", body, http.StatusAccepted, "Content-Type", w.FormDataContentType())
	if err := <-written; err != nil {
		x.t.Fatal(err)
	}
	return answer["task"].(map[string]any)["id"].(string), sums
}

// memory is what the process has had at most since it was asked to forget, in
// bytes; 0 where the system does not tell.
func (x *trap) memory(forget bool) int {
	x.t.Helper()
	dir := fmt.Sprintf("/proc/%d/", x.process.Process.Pid)
	if forget {
		_ = os.WriteFile(dir+"clear_refs", []byte("5"), 0) // Linux only
	}
	text, err := os.ReadFile(dir + "status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	kilobytes, _, _ := strings.Cut(after, "kB")
	n, err := strconv.Atoi(strings.TrimSpace(kilobytes))
	if err != nil {
		x.t.Fatal(err)
	}
	return n << 10
}

func TestTrap08MaterialsStreamAndAreNeverLeftOut(t *testing.T) {
	x := setTrap(t, simulator.Config{Delay: 100 * time.Millisecond}, handOver)
	id, _ := x.upload("lost material", video(t, 1000))
	blobs, err := filepath.Glob(filepath.Join(x.dir, "data", "blobs", "materials", "*", "*"))
	if err != nil || len(blobs) != 1 {
		t.Fatalf("blobs %q, %v", blobs, err)
	}
	if err := os.Remove(blobs[0]); err != nil {
		t.Fatal(err)
	}
	x.session("account-0000000001", 1)
	if task := x.await(id, "failed"); task["error_kind"] != "file_transfer" || !strings.Contains(task["error_message"].(string), "material 1") {
		t.Errorf("task: %v", task)
	}
	// The upstream could not take a file over: that is paid as little.
	refused, _ := x.upload("[[fault:all_files@submit]]", video(t, 2000))
	if task := x.await(refused, "failed"); task["error_kind"] != "file_transfer" {
		t.Errorf("task: %v", task)
	}
	if paid := x.paid(); len(paid) != 0 {
		t.Errorf("paid: %v", paid)
	}

	const each = 64 << 20
	before := x.memory(true)
	id, sums := x.upload("a boat", video(t, each), video(t, each+1))
	x.await(id, "succeeded")
	if more := x.memory(false) - before; more > 48<<20 {
		t.Errorf("an upload of 128 MiB takes %d MiB", more>>20)
	} else {
		t.Logf("an upload of 128 MiB takes %d MiB more than %d MiB", more>>20, before>>20)
	}
	materials := x.upstream.Submits()[0].Materials
	if len(materials) != 2 || materials[0].SHA256 != sums[0] || materials[1].SHA256 != sums[1] || materials[1].Size < each {
		t.Errorf("the upstream got %+v, want %q", materials, sums)
	}
	size := int64(0)
	for _, name := range []string{"gateway.db", "gateway.db-wal"} {
		if info, err := os.Stat(filepath.Join(x.dir, name)); err == nil {
			size += info.Size()
		}
	}
	if size == 0 || size > 16<<20 {
		t.Errorf("the database has %d bytes", size)
	}
	// Text is text, or refused: nothing is made of half of it.
	form := "--b\r\nContent-Disposition: form-data; name=prompt\r\n\r\na boat \xff\r\n--b--\r\n"
	if res, text := x.ask(token, "POST", "/v1/videos/generations", strings.NewReader(form), "Content-Type", "multipart/form-data; boundary=b"); res.StatusCode != http.StatusBadRequest || !strings.Contains(text, "UTF-8") {
		t.Errorf("a prompt that is no UTF-8: %s %s", res.Status, text)
	}
}

// Of webhooks there is nothing yet but that nobody is left waiting for one. The
// guard that they need watches the addresses of materials.
func TestTrap09NobodyWaitsForAWebhookOrReachesInside(t *testing.T) {
	x := setTrap(t, simulator.Config{}, handOver)
	for _, path := range []string{"/v1/videos/generations", "/v1/images/generations", "/api/v1/tasks"} {
		for _, field := range []string{"webhook_url", "webhook_secret"} {
			res, text := x.ask(token, "POST", path, map[string]any{"prompt": "a boat", field: "https://example.com/hook"})
			if res.StatusCode != http.StatusBadRequest || !strings.Contains(text, field) || !strings.Contains(text, "webhooks are not supported yet") {
				t.Errorf("%s with %s: %s %s", path, field, res.Status, text)
			}
		}
	}
	for _, address := range []string{
		x.simulator + "/a.png", "http://localhost/a.png", "http://169.254.169.254/latest/meta-data", "http://[::1]/a.png", "http://[::ffff:127.0.0.1]/a.png",
		"http://10.0.0.1/a.png", "http://0/a.png", "http://2130706433/a.png", "http://127.1/a.png", "http://0x7f.1/a.png", "http://①②⑦.⓪.⓪.①/a.png", "http://[64:ff9b::7f00:1]/a.png",
	} {
		res, text := x.ask(token, "POST", "/v1/videos/generations", map[string]any{"model": "seedance-2.0", "prompt": "a boat", "file_paths": []string{address}})
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(text, "file_paths[0]") {
			t.Errorf("%s: %s %s", address, res.Status, text)
		}
	}
	if stats := x.stats(); stats["total"] != 0 {
		t.Errorf("stats: %v", stats)
	}
}

func TestTrap10TheResultOutlivesTheUpstreamsLink(t *testing.T) {
	links := make(chan string, 100)
	x := setTrap(t, simulator.Config{Delay: 100 * time.Millisecond, URLLifetime: 3 * time.Second}, func(w http.ResponseWriter, r *http.Request, upstream http.Handler) {
		if strings.HasPrefix(r.URL.Path, "/_simulator/files/") {
			links <- r.URL.RequestURI()
		}
		upstream.ServeHTTP(w, r)
	})
	x.session("account-0000000001", 1)
	link := x.await(x.submit(token, "a boat"), "succeeded")["video_url"].(string)
	if strings.Contains(link, x.simulator) || !strings.HasPrefix(link, x.gateway) {
		t.Errorf("the link is %s", link)
	}
	theirs := x.simulator + <-links
	x.eventually(time.Minute, func() string {
		if res, _ := x.ask("", "GET", theirs, nil); res.StatusCode != http.StatusForbidden {
			return "the upstream's link still lives"
		}
		return ""
	})
	sample, err := os.ReadFile("../upstream/simulator/sample.mp4")
	if err != nil {
		t.Fatal(err)
	}
	whole := func(when string) {
		t.Helper()
		if res, content := x.ask("", "GET", link, nil); res.StatusCode != http.StatusOK || content != string(sample) {
			t.Errorf("%s: %s, %d bytes", when, res.Status, len(content))
		}
	}
	whole("after the upstream's link has died")
	x.server.Close()
	x.term()
	x.start()
	whole("without an upstream, after a restart")
}

func TestTrap11LongTasksDoNotStopTheQueue(t *testing.T) {
	for _, variant := range []simulator.Variant{simulator.Fork, simulator.Stock} {
		t.Run(string(variant), func(t *testing.T) {
			x := setTrap(t, simulator.Config{Variant: variant, Delay: 200 * time.Millisecond}, handOver, "CONCURRENCY=53")
			x.session("account-0000000001", 100)
			// Far more than anybody would have workers for.
			for i := range 50 {
				x.submit(token, fmt.Sprintf("[[delay:2h]] long %d", i))
			}
			x.eventually(2*time.Minute, func() string {
				if n := len(x.paid()); n < 50 {
					return fmt.Sprintf("%d long tasks run", n)
				}
				return ""
			})
			var short []string
			for i := range 9 {
				short = append(short, x.submit(token, fmt.Sprint("short ", i)))
			}
			for _, id := range short {
				x.await(id, "succeeded")
			}
			if all, _ := x.upstream.Loads(); all.MaxRunning > 53 {
				t.Errorf("%d tasks ran at once, 53 are allowed", all.MaxRunning)
			}
		})
	}
}

func TestTrap12ListsAreInOrderAndKeysAreServedInTurn(t *testing.T) {
	x := setTrap(t, simulator.Config{Delay: 300 * time.Millisecond}, handOver)
	busy, quiet := x.key("busy"), x.key("quiet")
	const tasks = 30
	var sent []string
	seconds := map[string]int{}
	for i := range tasks {
		sent = append(sent, x.submit(quiet, fmt.Sprint("page ", i)))
	}
	slices.Reverse(sent)
	var seen []string
	for next := ""; ; {
		page := x.get(quiet, "/api/v1/tasks?limit=7&cursor="+next)
		for _, task := range page["tasks"].([]any) {
			task := task.(map[string]any)
			seen = append(seen, task["id"].(string))
			seconds[task["created_at"].(string)[:len("2006-01-02T15:04:05")]]++
		}
		x.submit(quiet, "meanwhile") // moves no page
		var more bool
		if next, more = page["next"].(string); !more {
			break
		}
	}
	if !slices.Equal(seen, sent) {
		t.Errorf("the pages have %q, sent were %q", seen, sent)
	}
	if len(seconds) == tasks {
		t.Errorf("no two tasks are of one second: this test proves nothing")
	}
	x.json(quiet, "POST", "/api/v1/tasks/cancel", map[string]any{"filter": map[string]any{}, "all": true}, http.StatusOK)

	parallel(1000, 32, func(i int) {
		if res, text, err := x.send(busy, "POST", "/v1/videos/generations", request(fmt.Sprint("busy ", i))); err != nil || res.StatusCode != http.StatusAccepted {
			t.Errorf("submit %d: %v %s", i, err, text)
		}
	})
	const slots = 2
	x.session("account-0000000001", slots)
	x.eventually(time.Minute, func() string {
		if len(x.times("busy")) < 3*slots {
			return "the busy key's tasks do not run"
		}
		return ""
	})
	id := x.submit(quiet, "quiet")
	created := time.Now()
	x.eventually(time.Minute, func() string {
		if len(x.times("quiet")) == 0 {
			return fmt.Sprintf("the quiet key waits: %v", x.task(id))
		}
		return ""
	})
	started, overtook := x.times("quiet")[0], 0
	for _, at := range x.times("busy") {
		if at.After(created) && at.Before(started) {
			overtook++
		}
	}
	// What had its slot already may still have been on its way.
	if overtook > slots {
		t.Errorf("%d tasks of the busy key started while the quiet key's first waited", overtook)
	}
}

// Without a provider nothing may answer in its place.
func TestTrap13NoSignInWithoutProof(t *testing.T) {
	x := setTrap(t, simulator.Config{}, handOver)
	for _, path := range []string{"/auth/login", "/auth/callback?code=x&state=y", "/auth/callback"} {
		if res, _ := x.ask("", "GET", path, nil); res.StatusCode != http.StatusNotFound || len(res.Cookies()) != 0 {
			t.Errorf("%s: %s, cookies %v", path, res.Status, res.Cookies())
		}
	}
	key := x.key("person")
	for _, wrong := range []string{"", "gw_00000000000000000000000000000000", key[:len(key)-1], key + "0", strings.ToUpper(key)} {
		res, text := x.ask("", "POST", "/auth/key", map[string]any{"key": wrong})
		if res.StatusCode/100 != 4 || len(res.Cookies()) != 0 {
			t.Errorf("signed in with %q: %s %s", wrong, res.Status, text)
		}
	}
	var cookies []*http.Cookie
	for proto, name := range map[string]string{"http": "jimeng_session", "https": "__Host-jimeng_session"} {
		res, text := x.ask("", "POST", "/auth/key", map[string]any{"key": key}, "X-Forwarded-Proto", proto)
		if cookies = res.Cookies(); len(cookies) != 1 {
			t.Fatalf("%s: %s %s", proto, res.Status, text)
		}
		if c := cookies[0]; c.Name != name || c.Secure != (proto == "https") || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || strings.Contains(c.Value, key) {
			t.Errorf("%s: %+v", proto, c)
		}
		signedIn := []string{"Cookie", name + "=" + cookies[0].Value, "X-Forwarded-Proto", proto}
		if res, text := x.ask("", "GET", "/api/v1/me", nil, signedIn...); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", proto, res.Status, text)
		}
		foreign := append(signedIn, "Origin", "https://evil.example")
		for _, path := range []string{"/api/v1/tasks", "/v1/videos/generations", "/auth/logout"} {
			if res, text := x.ask("", "POST", path, map[string]any{"prompt": "x"}, foreign...); res.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s from another origin: %s %s", path, res.Status, text)
			}
		}
		for _, route := range []string{"GET /api/v1/me", "OPTIONS /api/v1/tasks", "OPTIONS /v1/videos/generations", "GET /", "GET /ping", "OPTIONS /auth/key"} {
			method, path, _ := strings.Cut(route, " ")
			res, _ := x.ask("", method, path, nil, append(foreign, "Access-Control-Request-Method", "POST")...)
			for name := range res.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s answers another origin with %s", route, name)
				}
			}
		}
	}
}

func TestTrap14AuthenticatedReadsWriteNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		x := &trap{world: newWorld(t, "fork", "1h")}
		x.env = append(x.env, "DATABASE_URL="+databaseURL)
		x.start()
		key := x.key("client")
		id := x.submit(key, "a boat")
		writes := x.writesOf(databaseURL)
		before := writes()
		const requests = 3000
		parallel(requests/3, 8, func(int) {
			for _, path := range []string{"/api/v1/tasks/" + id, "/api/v1/tasks", "/api/v1/me"} {
				if res, text, err := x.send(key, "GET", path, nil); err != nil || res.StatusCode != http.StatusOK {
					t.Errorf("GET %s: %v %s", path, err, text)
				}
			}
		})
		// Counts of requests go to the database every few seconds, and so do the
		// signs of life of the node.
		if n := writes() - before; n > requests/10 {
			t.Errorf("%d reads wrote %d times to the database", requests, n)
		} else {
			t.Logf("%d reads, meanwhile %d writes", requests, n)
		}
		x.submit(key, "another boat")
		x.eventually(time.Minute, func() string {
			if writes() == before {
				return "a submit is not counted: this test proves nothing"
			}
			return ""
		})
	})
}

// writesOf tells how often something was written to the database so far.
func (x *trap) writesOf(databaseURL string) func() int {
	x.t.Helper()
	if path, ok := strings.CutPrefix(databaseURL, "sqlite://"); ok {
		// The header of the index of the write-ahead log counts its transactions
		// (https://sqlite.org/walformat.html).
		return func() int {
			header, err := os.ReadFile(path + "-shm")
			if err != nil || len(header) < 12 {
				x.t.Fatalf("index of the write-ahead log: %d bytes, %v", len(header), err)
			}
			return int(endian.NativeEndian.Uint32(header[8:]))
		}
	}
	conn, err := pgx.Connect(x.t.Context(), databaseURL)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return func() (rows int) {
		err := conn.QueryRow(x.t.Context(), "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables").Scan(&rows)
		if err != nil {
			x.t.Fatal(err)
		}
		return rows
	}
}
