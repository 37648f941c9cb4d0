package api_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/health"
	"github.com/jimeng-gateway/jimeng-gateway/logs"
	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

const adminToken = "the-admin-token-of-the-tests"

// engine is everything below the API, the real thing on a SQLite file and a
// simulated upstream over HTTP. The tests share it, because starting one takes
// seconds under the race detector; each has keys of its own.
type engine struct {
	store   *store.Store
	vault   *store.Vault
	pool    *pool.Pool
	queue   *queue.Queue
	blobs   *blob.Disk
	keyring *auth.Keyring
	signIns *auth.SignIns
	sim     *simulator.Server
	health  *health.Monitor

	dir      string
	settings queue.Settings
}

var shared engine

// faults prints why a request could not be served: a test that gets a 503 knows
// only that.
var faults = zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.Lock(os.Stderr), zap.ErrorLevel))

func TestMain(m *testing.M) {
	flag.Parse() // for testing.Verbose
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	shared.sim = simulator.New(simulator.Config{})
	web := httptest.NewServer(shared.sim)
	if err = shared.start(context.Background(), dir, "sqlite://"+filepath.Join(dir, "gateway.db"), web.URL); err == nil {
		code = m.Run()
		err = shared.stop(context.Background())
	}
	web.CloseClientConnections()
	web.Close()
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func (e *engine) start(ctx context.Context, dir, databaseURL, upstreamURL string) (err error) {
	log := testLog()
	e.dir = dir
	if e.store, err = store.Open(ctx, databaseURL, log); err != nil {
		return err
	}
	if e.vault, err = store.OpenVault(dir, "", ""); err != nil {
		return err
	}
	if e.blobs, err = blob.OpenDisk(filepath.Join(dir, "blobs")); err != nil {
		return err
	}
	if e.keyring, err = auth.NewKeyring(e.store, log); err != nil {
		return err
	}
	e.keyring.Start()
	if e.signIns, err = auth.NewSignIns(e.store, e.vault, e.keyring, log); err != nil {
		return err
	}
	e.pool = pool.New(e.store, e.vault, logs.NewSecrets(), log)
	e.queue, err = queue.New(ctx, queue.Config{Store: e.store, Pool: e.pool, Blobs: e.blobs, DataDir: dir, Logger: log, Slogger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	driver, err := freeapi.New(freeapi.Config{URL: upstreamURL})
	if err != nil {
		return err
	}
	e.settings = queue.Settings{
		Upstreams:    map[string]queue.Upstream{"jimeng": {Driver: driver}},
		PollInterval: 50 * time.Millisecond, StartDeadline: time.Hour, Deadline: time.Hour, MaxFailovers: 3,
		Models: map[string]queue.ModelSettings{"house-video": {
			Aliases: []string{"cheap"}, Upstreams: map[string]string{"jimeng": "jimeng-video-3.0"},
			Override: upstream.Override{Durations: []int{5, 10}, DefaultDuration: 10, Ratios: []string{"16:9"}, MaxPrompt: new(50), MaxImages: new(0), Credits: 2, CreditsPerSecond: 0.5},
		}},
	}
	e.queue.Configure(e.settings)
	e.health = health.NewMonitor(log)
	e.health.Configure([]health.Check{
		{Name: "database", Do: e.store.Health}, {Name: "engine", Do: e.queue.Health}, {Name: "storage", Do: e.queue.StorageHealth}, {Name: "pool", Do: e.pool.Health}})
	if err := e.queue.Start(ctx); err != nil {
		return err
	}
	session, err := e.pool.Add(ctx, pool.NewSession{Secret: "session-secret-of-the-tests", Slots: 50})
	if err != nil {
		return err
	}
	// The first call also tells the driver which server it has before it, and
	// with it what the models can do.
	_, err = e.pool.Test(ctx, session.ID)
	return err
}

func (e *engine) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	e.signIns.Close()
	e.health.Close(ctx)
	return errors.Join(e.queue.Stop(ctx), e.keyring.Stop(ctx), e.blobs.Close(), e.store.Close())
}

// gateway is a served API and somebody who calls it.
type gateway struct {
	t      *testing.T
	url    string
	client *http.Client
	key    string
}

// serve serves the shared engine with a configuration of the test's own and
// returns it with the admin token as key.
func serve(t *testing.T, change func(*api.Config)) *gateway {
	t.Helper()
	server := httptest.NewServer(newHandler(t, change))
	t.Cleanup(server.Close)
	return &gateway{t: t, url: server.URL, client: server.Client(), key: adminToken}
}

func newHandler(t testing.TB, change func(*api.Config)) http.Handler {
	t.Helper()
	return shared.handler(t, change)
}

func (e *engine) handler(t testing.TB, change func(*api.Config)) http.Handler {
	t.Helper()
	links := auth.NewLinks(func() []byte { return e.vault.Derive("links") })
	config := api.Config{
		Queue: e.queue, Pool: e.pool, Store: e.store, Blobs: e.blobs, Links: links, Vault: e.vault, Health: e.health,
		Auth: auth.New(auth.Config{Keyring: e.keyring, SignIns: e.signIns, Enabled: true, AdminToken: adminToken, Logger: zap.NewNop()}),
		// The names in the tests have no address.
		Materials: api.MaterialConfig{PrivateURLs: true},
		Version:   "test", ContainerName: "jimeng-api", Logger: faults,
	}
	if change != nil {
		change(&config)
	}
	handler, err := api.New(config)
	if err != nil {
		t.Fatal(err)
	}
	// Every test has an address of its own, and with it tries of wrong keys.
	client := auth.Client{Address: netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24+addresses.Add(1))))}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := client
		client.RequestID = auth.ClientOf(r).RequestID // of a test that gives one
		handler.ServeHTTP(w, r.WithContext(auth.WithClient(r.Context(), client)))
	})
}

var addresses atomic.Uint32

// benchmark is a handler and a key of its own.
func benchmark(b *testing.B) (handler http.Handler, key string) {
	b.Helper()
	secret, hash, prefix := auth.NewSecret()
	k := &store.Key{ID: "bench-" + prefix, Name: "bench", Hash: hash, Prefix: prefix, Scopes: auth.DefaultScopes, Enabled: true, Weight: 1, Concurrency: 1}
	if err := shared.store.CreateKey(b.Context(), k); err != nil {
		b.Fatal(err)
	}
	return newHandler(b, nil), secret
}

// as is the same gateway called with a new key, made with the given fields.
func (g *gateway) as(fields string) *gateway {
	g.t.Helper()
	if fields == "" {
		fields = `{"name":"client"}`
	}
	answer := g.json("POST", "/api/v1/keys", fields, http.StatusCreated)
	other := *g
	other.key = answer["key"].(map[string]any)["key"].(string)
	return &other
}

// do sends a request with the key and returns the answer with its whole body.
func (g *gateway) do(method, path, contentType string, body io.Reader, header ...string) (*http.Response, []byte) {
	g.t.Helper()
	address := path
	if path != "" && path[0] == '/' {
		address = g.url + path
	}
	r, err := http.NewRequestWithContext(g.t.Context(), method, address, body)
	if err != nil {
		g.t.Fatal(err)
	}
	if g.key != "" {
		r.Header.Set("Authorization", "Bearer "+g.key)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 { // also one that is there twice
		if i == 0 || header[i] != header[i-2] {
			r.Header.Del(header[i])
		}
		r.Header.Add(header[i], header[i+1])
	}
	res, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res, raw
}

// json sends JSON and wants an answer with the status.
func (g *gateway) json(method, path, body string, status int) map[string]any {
	g.t.Helper()
	var reader io.Reader
	contentType := ""
	if body != "" {
		reader, contentType = bytes.NewReader([]byte(body)), "application/json"
	}
	res, raw := g.do(method, path, contentType, reader)
	return g.decode(res, raw, status)
}

func (g *gateway) decode(res *http.Response, raw []byte, status int) map[string]any {
	g.t.Helper()
	if res.StatusCode != status {
		g.t.Fatalf("%s %s: %s, want %d: %s", res.Request.Method, res.Request.URL, res.Status, status, raw)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		g.t.Fatalf("%s %s: %v in %q", res.Request.Method, res.Request.URL, err, raw)
	}
	return answer
}

// submit sends a create request as JSON and returns the task's id.
func (g *gateway) submit(body string) string {
	g.t.Helper()
	return g.json("POST", "/v1/videos/generations", body, http.StatusAccepted)["task"].(map[string]any)["id"].(string)
}

// task reads a task.
func (g *gateway) task(id string) map[string]any {
	g.t.Helper()
	return g.json("GET", "/api/v1/tasks/"+id, "", http.StatusOK)["task"].(map[string]any)
}

// await reads the task until it has the status.
func (g *gateway) await(id, status string) map[string]any {
	g.t.Helper()
	deadline := time.After(30 * time.Second)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		task := g.task(id)
		if task["status"] == status {
			return task
		}
		select {
		case <-ticker.C:
		case <-deadline:
			g.t.Fatalf("task never was %s: %v", status, task)
		}
	}
}

// part is one part of a form: a file if it has a file name.
type part struct {
	field, file, contentType string
	content                  []byte
}

func textPart(field, value string) part { return part{field: field, content: []byte(value)} }

// form writes the parts in order.
func form(t *testing.T, parts ...part) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, p := range parts {
		header := textproto.MIMEHeader{}
		disposition := fmt.Sprintf("form-data; name=%q", p.field)
		if p.file != "" {
			disposition += fmt.Sprintf("; filename=%q", p.file)
		}
		header.Set("Content-Disposition", disposition)
		if p.contentType != "" {
			header.Set("Content-Type", p.contentType)
		}
		part, err := w.CreatePart(header)
		if err == nil {
			_, err = part.Write(p.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), body
}

func pngFile(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mp4File is a real video of three seconds.
var mp4File = func() []byte {
	content, err := os.ReadFile("../upstream/simulator/sample.mp4")
	if err != nil {
		panic(err)
	}
	return content
}()

// largeMP4 is the video with n bytes of nothing in it.
func largeMP4(n int) []byte {
	box := binary.BigEndian.AppendUint32(nil, uint32(n))
	return slices.Concat(mp4File, box, []byte("free"), make([]byte, n-8))
}

// testLog is silent unless the tests are run with -v.
func testLog() *zap.Logger {
	if !testing.Verbose() {
		return zap.NewNop()
	}
	return zap.Must(zap.NewDevelopment())
}
