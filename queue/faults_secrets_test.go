package queue_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// secret is what no word of the gateway may hold: an account, with what an
// address and a form write differently.
const secret = "http://someone:hunter2@proxy.example:8080@hk-0123+56789/abcdef==secret"

// pieces are what would give it away, in any of its forms.
var pieces = []string{
	secret, url.QueryEscape(secret), url.PathEscape(secret), strings.ToLower(url.QueryEscape(secret)),
	"hunter2", "56789", "abcdef==", "abcdef%3D", "abcdef%3d", base64.StdEncoding.EncodeToString([]byte(secret)),
}

// polls is how the paths of polls begin: ids do so with the time.
const polls = "/v1/videos/1"

// gossip are answers that quote the token.
var gossip = map[string]func(http.ResponseWriter){
	"login error": quote(200, nil, `{"code":-2001,"message":"[请求jimeng失败]: login error %s","data":null}`),
	"odd":         quote(200, nil, `{"code":-1000,"message":"%s","data":null}`),
	"as code":     quote(200, nil, `{"code":"%s","message":"odd","data":null}`),
	"page":        quote(200, nil, `<html>%s`),
	"500":         quote(500, nil, `Error: %s`),
	"429":         quote(429, http.Header{"Retry-After": {"1"}}, `%s`),
	"moved":       quote(302, http.Header{"Location": {"http://127.0.0.1:9/?token=" + url.QueryEscape(secret)}}, `%s`),
	"moved badly": quote(307, http.Header{"Location": {"http://%zz/" + secret}}, `%s`),
	"type":        quote(403, http.Header{"Content-Type": {secret}}, `%s`),
	"header":      quote(502, http.Header{"X-" + base64.RawURLEncoding.EncodeToString([]byte(secret)): {secret}}, `%s`),
	"record": quote(200, nil, `{"code":0,"message":"%[1]s","data":{"history_record_id":"%[1]s","status":30,"fail_code":"%[1]s",`+
		`"queue_eta":"%[1]s","raw":{"fail_starling_key":"%[1]s","fail_starling_message":"%[1]s"}}}`),
	"waits":     quote(200, nil, `{"code":0,"message":"ok","data":{"status":20,"queue_eta":"%s"}}`),
	"too much":  tooMuch,
	"cut":       func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	"not HTTP":  wire("%s\r\n\r\n"),
	"bad chunk": wire("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n"),
}

// quotes is the secret in all forms in one text.
var quotes = strings.Join([]string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.ToLower(url.QueryEscape(secret))}, " ")

func quote(status int, header http.Header, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, text, quotes) // the test looks at the gateway
	}
}

func wire(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, text, quotes) // the test looks at the gateway
	}
}

// tooMuch is an answer with more behind it.
func tooMuch(w http.ResponseWriter) {
	wire("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}%s")(w)
}

// buffer is a log that many write.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Whatever an upstream says, in whatever state of a task: nothing of a session's
// secret is in a log, in the database, or in what an admin is told.
func TestNoSecretGetsOut(t *testing.T) { // alone: it listens to the standard library's log
	for v, steps := range map[simulator.Variant][]string{
		simulator.Fork:  {"/v1/videos/submit", polls, "/_simulator/files"},
		simulator.Stock: {"/v1/videos/generations"},
	} {
		t.Run(string(v), func(t *testing.T) {
			var logged buffer
			old := log.Writer()
			log.SetOutput(&logged)
			defer log.SetOutput(old)
			core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(&logged), zap.DebugLevel)
			h := build(t, storetest.SQLite(t), options{variant: v, log: zap.New(core), delay: time.Millisecond, settings: func(s *queue.Settings) {
				s.PollInterval = 20 * time.Millisecond
			}})
			told := h.gossip(steps)
			for _, place := range []struct{ name, text string }{
				{"the log", logged.String()}, {"what an admin is told", told}, {"the database", h.dump()},
			} {
				for _, piece := range pieces {
					if i := strings.Index(place.text, piece); i >= 0 {
						t.Errorf("%s shows %q: …%s…", place.name, piece, place.text[max(0, i-200):min(len(place.text), i+100)])
					}
				}
			}
			if len(logged.String()) < 1000 || !strings.Contains(h.dump(), "***") {
				t.Error("nothing was logged or masked: this test cannot fail")
			}
		})
	}
}

// gossip lets the upstream talk at every step of a task, and returns what probes
// say meanwhile.
func (h *house) gossip(steps []string) (told string) {
	var talk atomic.Pointer[func(http.ResponseWriter)]
	var where atomic.Value
	where.Store("")
	h.before(func(w http.ResponseWriter, r *http.Request) bool {
		if f := talk.Load(); strings.Contains(r.URL.Path, where.Load().(string)) && f != nil && talk.CompareAndSwap(f, nil) {
			io.Copy(io.Discard, r.Body) // the test looks at the gateway
			(*f)(w)
			return true
		}
		return false
	})
	enabled := h.session(secret, 1)
	var ids []string
	for name, f := range gossip {
		for _, path := range steps {
			if name == "too much" && path != steps[0] {
				// net/http logs what comes behind an answer on a connection that it
				// keeps. Polls must keep theirs, and no server is known that quotes the
				// token there, let alone behind the answer; who serves files never
				// gets it.
				continue
			}
			where.Store(path)
			talk.Store(&f)
			id := h.submit(h.video(admin, name+" at "+path)).ID
			eventually(h.t, func() string {
				task, err := h.store.Task(h.t.Context(), "", id)
				if err != nil {
					return err.Error()
				}
				if task.Status.Ended() {
					return ""
				}
				h.revive(enabled.ID)
				return "the task is " + string(task.Status)
			})
			ids = append(ids, id)
			talk.Store(nil)
		}
		for _, path := range []string{"/token/check", "/token/points", "/v1/videos/0/status"} {
			where.Store(path)
			talk.Store(&f)
			result, err := h.pool.Test(h.t.Context(), enabled.ID)
			told += fmt.Sprintln(result, err, h.state(enabled.ID).Reason)
			talk.Store(nil)
			h.revive(enabled.ID)
		}
	}
	for _, id := range ids {
		task := h.ended(id)
		told += fmt.Sprintln(task.ErrorMessage, task.QueueETA)
	}
	return told
}

// revive makes the session and its upstream as good as new.
func (h *house) revive(id string) {
	h.t.Helper()
	err := h.store.Write(h.t.Context(), store.Durable, func(tx *store.Tx) error {
		s, err := tx.Session(id)
		if err != nil {
			return err
		}
		if err := tx.Unbench(s.Upstream, true); err != nil || s.State == store.Ready {
			return err
		}
		s.State, s.Until, s.Faults = store.Ready, 0, 0
		return tx.UpdateSession(s)
	})
	if err != nil {
		h.t.Error(err)
	}
}

// dump is all that the database holds, as text.
func (h *house) dump() string {
	h.t.Helper()
	var text strings.Builder
	err := h.store.Write(h.t.Context(), store.Relaxed, func(tx *store.Tx) error {
		text.Reset()
		var tables []string
		rows, err := tx.Query("SELECT name FROM sqlite_master WHERE type = 'table'")
		if err != nil {
			return err
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			tables = append(tables, name)
		}
		if err := rows.Close(); err != nil {
			return err
		}
		for _, table := range tables {
			rows, err := tx.Query("SELECT * FROM " + table)
			if err != nil {
				return err
			}
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			for rows.Next() {
				if err := rows.Scan(into...); err != nil {
					return err
				}
				for i, value := range values {
					if b, ok := value.([]byte); ok {
						value = string(b)
					}
					fmt.Fprintf(&text, "%s.%s: %v\n", table, columns[i], value)
				}
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return text.String()
}
