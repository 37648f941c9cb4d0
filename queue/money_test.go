package queue_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// What each fault of an account does to the task, the session and the money.
func TestFailoverOnlyWhereNothingWasAccepted(t *testing.T) {
	for fault, want := range map[string]store.SessionState{
		"expired":     store.Dead,
		"blocked":     store.Cooling, // held back for a while; a ban is another message
		"risk":        store.Cooling,
		"ratelimited": store.Cooling,
		"nocredits":   store.Exhausted,
		"daylimit":    store.Exhausted,
	} {
		t.Run(fault, func(t *testing.T) {
			each(t, options{}, func(t *testing.T, h *house) {
				ill := h.session(fault+"-account-0000000001", 1)
				task := h.submit(h.video(admin, "a boat"))
				h.until(task.ID, "back in the queue", func(t *store.Task) bool { return t.Attempt == 1 && t.Status == store.Queued })
				h.session("healthy-account-000000002", 1)
				ended := h.ended(task.ID)
				if ended.Status != store.Succeeded || ended.Attempt != 2 || ended.Failovers != 1 {
					t.Errorf("task: %+v", ended)
				}
				if n := len(h.sim.Submits()); n != 1 {
					t.Errorf("%d paid submits", n)
				}
				s, err := h.pool.Session(t.Context(), ill.ID)
				if err != nil || s.State != want || s.Reason == "" || (s.Until == 0) != (want == store.Dead) {
					t.Errorf("session: %+v, %v, want %s", s, err, want)
				}
				h.consistent()
			})
		})
	}
}

func TestTheTaskEndsAfterTheConfiguredFailovers(t *testing.T) {
	each(t, options{settings: func(s *queue.Settings) { s.MaxFailovers = 1 }}, func(t *testing.T, h *house) {
		h.session("expired-account-0000000001", 1)
		h.session("expired-account-0000000002", 1)
		h.session("healthy-account-0000000003", 1)
		task := h.ended(h.submit(h.video(admin, "a boat")).ID)
		if task.Status != store.Failed || task.ErrorKind != "auth" || task.Attempt != 2 || task.ErrorMessage == "" {
			t.Errorf("task: %+v", task)
		}
		if n := len(h.sim.Submits()); n != 0 {
			t.Errorf("%d paid submits", n)
		}
	})
}

func TestContentIsTheClientsFaultAndNeverTheSessions(t *testing.T) {
	for _, variant := range []simulator.Variant{simulator.Fork, simulator.Stock} {
		t.Run(string(variant), func(t *testing.T) {
			each(t, options{variant: variant}, func(t *testing.T, h *house) {
				session := h.session("account-0000000001", 1)
				task := h.ended(h.submit(h.video(admin, "[[fault:content_filtered@generation]]")).ID)
				if task.Status != store.Failed || task.ErrorKind != "content_risk" {
					t.Errorf("task: %s %s %s", task.Status, task.ErrorKind, task.ErrorMessage)
				}
				if s, err := h.pool.Session(t.Context(), session.ID); err != nil || s.State != store.Ready {
					t.Errorf("session: %+v, %v", s, err)
				}
			})
		})
	}
}

// cutter stands between the gateway and the upstream and loses answers.
func cutter(t *testing.T, h *house, lose func(*http.Request) bool) {
	t.Helper()
	target, err := url.Parse(h.web.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !lose(r) {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r) // the upstream hears of it
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	driver, err := freeapi.New(freeapi.Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Close() })
	s := h.settings
	s.Upstreams = map[string]queue.Upstream{"sim": {Driver: driver}}
	h.queue.Configure(s)
}

func TestALostAnswerIsADoubtAndNotSentAgain(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		cutter(t, h, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/submit") })
		h.session("account-0000000001", 1)
		h.session("account-0000000002", 1)
		task := h.ended(h.submit(h.video(admin, "a boat")).ID)
		if task.Status != store.Failed || task.ErrorKind != "in_doubt" || task.Attempt != 1 {
			t.Errorf("task: %+v", task)
		}
		if !strings.Contains(task.ErrorMessage, "not sent again by itself") {
			t.Errorf("message: %s", task.ErrorMessage)
		}
		if n := len(h.sim.Submits()); n != 1 {
			t.Errorf("%d paid submits", n)
		}
		h.consistent()
	})
}

func TestAPollErrorIsNotATaskError(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		var lost atomic.Int32
		cutter(t, h, func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/status") && !strings.Contains(r.URL.Path, "/videos/0/") && lost.Add(1) < 5
		})
		h.session("account-0000000001", 1)
		task := h.ended(h.submit(h.video(admin, "a boat")).ID)
		if task.Status != store.Succeeded || task.Attempt != 1 {
			t.Errorf("task: %+v", task)
		}
	})
}

func TestAnUpstreamThatIsDownCostsNothing(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		session := h.session("account-0000000001", 2)
		address := h.web.Listener.Addr().String()
		h.web.Close()
		var ids []string
		for _, prompt := range []string{"one", "two", "three"} {
			ids = append(ids, h.submit(h.video(admin, prompt)).ID)
		}
		h.until(ids[0], "tried", func(t *store.Task) bool { return t.Attempt > 0 && t.Status == store.Queued })
		if s, err := h.pool.Session(t.Context(), session.ID); err != nil || s.State != store.Ready {
			t.Errorf("session: %+v, %v", s, err)
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		back := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h.sim}}
		back.Start()
		t.Cleanup(back.Close)
		for _, id := range ids {
			if task := h.ended(id); task.Status != store.Succeeded || task.Failovers != 0 {
				t.Errorf("task: %+v", task)
			}
		}
		if n := len(h.sim.Submits()); n != 3 {
			t.Errorf("%d paid submits", n)
		}
		h.consistent()
	})
}

func TestAMissingMaterialFailsBeforeAnythingIsPaid(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		n := h.video(admin, "a boat")
		if err := h.blobs.Delete(t.Context(), n.Materials[0].Blob); err != nil {
			t.Fatal(err)
		}
		h.session("account-0000000001", 1)
		task := h.ended(h.submit(n).ID)
		if task.Status != store.Failed || task.ErrorKind != "file_transfer" || !strings.Contains(task.ErrorMessage, "material 1") {
			t.Errorf("task: %+v", task)
		}
		if n := len(h.sim.Submits()); n != 0 {
			t.Errorf("%d paid submits", n)
		}
	})
}

func TestCancelSaysWhatItCosts(t *testing.T) {
	each(t, options{delay: time.Hour}, func(t *testing.T, h *house) {
		cancel := func(id string) *store.Task {
			t.Helper()
			task, err := h.queue.Cancel(t.Context(), "", id)
			if err != nil {
				t.Fatal(err)
			}
			return task
		}
		waiting := h.submit(h.video(admin, "waiting"))
		if _, err := h.queue.Cancel(t.Context(), "other", waiting.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("cancel of a foreign task: %v", err)
		}
		if task := cancel(waiting.ID); task.Money != queue.NotStarted || task.Status != store.Cancelled {
			t.Errorf("waiting: %+v", task)
		}
		h.session("account-0000000001", 1)
		running := h.submit(h.video(admin, "running"))
		h.reaches(running.ID, store.Polling)
		if task := cancel(running.ID); task.Money != queue.RunsOnUpstream {
			t.Errorf("running: %+v", task)
		}
		if _, err := h.queue.Cancel(t.Context(), "", running.ID); !errors.Is(err, queue.ErrEnded) {
			t.Errorf("second cancel: %v", err)
		}
		next := h.submit(h.video(admin, "next")) // the slot is free again
		h.reaches(next.ID, store.Polling)
		if task := h.ended(running.ID); task.Status != store.Cancelled {
			t.Errorf("a cancelled task became %s", task.Status)
		}
		cancel(next.ID)
		h.consistent()
	})
}

func TestCancelOfACallThatBlocks(t *testing.T) {
	each(t, options{variant: simulator.Stock, delay: time.Hour}, func(t *testing.T, h *house) {
		session := h.session("account-0000000001", 1)
		task := h.submit(h.video(admin, "a boat"))
		eventually(t, func() string {
			if len(h.sim.Submits()) == 0 {
				return "not submitted"
			}
			return ""
		})
		cancelled, err := h.queue.Cancel(t.Context(), "", task.ID)
		if err != nil || cancelled.Money != queue.RunsOnUpstream {
			t.Fatalf("cancel: %+v, %v", cancelled, err)
		}
		eventually(t, func() string {
			attempt, err := h.store.Attempt(t.Context(), task.ID, 1)
			if err != nil || attempt.State != store.InDoubt {
				return "the call goes on"
			}
			return ""
		})
		if s, err := h.pool.Session(t.Context(), session.ID); err != nil || s.State != store.Ready || s.Running != 0 {
			t.Errorf("session: %+v, %v", s, err)
		}
		h.consistent()
	})
}

func TestEveryTaskEnds(t *testing.T) {
	each(t, options{delay: time.Hour, settings: func(s *queue.Settings) { s.RunDeadline = 2 * time.Second }}, func(t *testing.T, h *house) {
		n := h.video(admin, "never starts")
		n.StartDeadline = 500 * time.Millisecond
		if task := h.ended(h.submit(n).ID); task.ErrorKind != "timeout" || task.Money != queue.NotStarted || !strings.Contains(task.ErrorMessage, "did not start") {
			t.Errorf("start deadline: %+v", task)
		}
		h.session("account-0000000001", 1)
		if task := h.ended(h.submit(h.video(admin, "never ends")).ID); task.ErrorKind != "timeout" || task.Money != queue.RunsOnUpstream {
			t.Errorf("run deadline: %+v", task)
		}
		h.consistent()
	})
}

func TestARestartGoesOn(t *testing.T) {
	each(t, options{delay: 1500 * time.Millisecond}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		running := h.submit(h.video(admin, "running"))
		waiting := h.submit(h.video(admin, "waiting"))
		h.reaches(running.ID, store.Polling)
		h.stop()
		h.start()
		for _, id := range []string{running.ID, waiting.ID} {
			if task := h.ended(id); task.Status != store.Succeeded || task.Attempt != 1 {
				t.Errorf("task: %+v", task)
			}
		}
		if n := len(h.sim.Submits()); n != 2 {
			t.Errorf("%d paid submits", n)
		}
		h.consistent()
	})
}

// A call on the wire when the node stops is a doubt for the next start, which
// free_api cannot resolve.
func TestAStopWithACallOnTheWireIsADoubt(t *testing.T) {
	each(t, options{variant: simulator.Stock, delay: time.Hour}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		task := h.submit(h.video(admin, "a boat"))
		eventually(t, func() string {
			if len(h.sim.Submits()) == 0 {
				return "not submitted"
			}
			return ""
		})
		h.stop()
		h.start()
		ended := h.ended(task.ID)
		if ended.ErrorKind != "in_doubt" || ended.Attempt != 1 {
			t.Errorf("task: %+v", ended)
		}
		if n := len(h.sim.Submits()); n != 1 {
			t.Errorf("%d paid submits", n)
		}
		h.consistent()
	})
}

func TestHalfOpenAttemptDecides(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		session := h.session("account-0000000001", 2)
		cool := func(tx *store.Tx) error {
			s, err := tx.Session(session.ID)
			if err != nil {
				return err
			}
			s.State, s.Until, s.Reason, s.Faults = store.Cooling, tx.Now+500, "test", 3
			return tx.UpdateSession(s)
		}
		if err := h.store.Write(t.Context(), store.Durable, cool); err != nil {
			t.Fatal(err)
		}
		first, second := h.submit(h.video(admin, "one")), h.submit(h.video(admin, "two"))
		one, two := h.ended(first.ID), h.ended(second.ID)
		if one.Status != store.Succeeded || two.Status != store.Succeeded || one.StartedAt < one.CreatedAt+400 {
			t.Errorf("tasks: %+v, %+v", one, two)
		}
		s, err := h.pool.Session(t.Context(), session.ID)
		if err != nil || s.State != store.Ready || s.Faults != 0 || s.Succeeded != 2 {
			t.Errorf("session: %+v, %v", s, err)
		}
	})
}

func TestProbesBringSessionsBack(t *testing.T) {
	each(t, options{}, func(t *testing.T, h *house) {
		session := h.session("account-0000000001", 1)
		check := func(ok bool, state store.SessionState) {
			t.Helper()
			result, err := h.pool.Test(t.Context(), session.ID)
			if err != nil || result.OK != ok {
				t.Errorf("probe: %+v, %v", result, err)
			}
			if s, err := h.pool.Session(t.Context(), session.ID); err != nil || s.State != state {
				t.Errorf("session: %+v, %v, want %s", s, err, state)
			}
		}
		check(true, store.Ready)
		h.control("tokens/account-0000000001", map[string]any{"fault": "login_expired"})
		check(false, store.Dead)
		h.control("tokens/account-0000000001", map[string]any{"fault": ""})
		check(true, store.Ready)
		h.control("tokens/account-0000000001", map[string]any{"credits": 0})
		check(false, store.Exhausted)
		h.control("tokens/account-0000000001", map[string]any{"credits": 50})
		check(true, store.Ready)
		h.web.Close()
		check(false, store.Ready) // it cannot tell, so it changes nothing
	})
}

func TestARunningTaskKeepsItsSession(t *testing.T) {
	each(t, options{delay: time.Second}, func(t *testing.T, h *house) {
		session := h.session("account-0000000001", 1)
		h.session("account-0000000002", 1)
		task := h.submit(h.video(admin, "a boat"))
		running := h.reaches(task.ID, store.Polling)
		if running.SessionID != session.ID {
			session.ID = running.SessionID
		}
		if err := h.pool.Remove(t.Context(), session.ID); err == nil {
			t.Error("a session was removed under a running task")
		}
		disabled := false
		if _, err := h.pool.Change(t.Context(), session.ID, pool.Change{Enabled: &disabled}); err != nil {
			t.Fatal(err)
		}
		if ended := h.ended(task.ID); ended.Status != store.Succeeded || ended.SessionID != session.ID {
			t.Errorf("task: %+v", ended)
		}
		if err := h.pool.Remove(t.Context(), session.ID); err != nil {
			t.Errorf("remove an idle session: %v", err)
		}
	})
}

// Settings are a stack: a refused reload takes its own away.
func TestConfigureReverts(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.SQLite(t), options{})
	if len(h.queue.Models()) == 0 {
		t.Fatal("no models")
	}
	revert := h.queue.Configure(queue.Settings{})
	if n := len(h.queue.Models()); n != 0 {
		t.Errorf("%d models without an upstream", n)
	}
	revert()
	if err := h.queue.Check(&queue.NewTask{Key: admin, Kind: upstream.Video, Model: "jimeng-video-3.0", Prompt: "x"}); err != nil {
		t.Errorf("after the revert: %v", err)
	}
	if err := h.queue.Kick(context.Background()); err != nil {
		t.Error(err)
	}
}

// River may believe that this node runs a job although nobody does, as when the
// answer to its fetch was lost. The task goes on all the same.
func TestAnAbandonedJobIsFound(t *testing.T) {
	each(t, options{delay: time.Second, settings: func(s *queue.Settings) { s.PollInterval = 2 * time.Second }}, func(t *testing.T, h *house) {
		h.session("account-0000000001", 1)
		task := h.submit(h.video(admin, "a boat"))
		h.reaches(task.ID, store.Polling)
		old := "strftime('%Y-%m-%d %H:%M:%f', 'now', '-2 minutes')"
		if h.store.Pgx() != nil {
			old = "now() - interval '2 minutes'"
		}
		eventually(t, func() string { // between two steps
			err := h.store.Write(t.Context(), store.Durable, func(tx *store.Tx) error {
				result, err := tx.Exec("UPDATE river_job SET state = 'running', attempted_at = "+old+
					" WHERE state IN ('available', 'scheduled') AND id = (SELECT job_id FROM tasks WHERE id = $1)", task.ID)
				if err != nil {
					return err
				}
				if n, err := result.RowsAffected(); err != nil || n != 1 {
					return errors.New("the job is in a step")
				}
				return nil
			})
			if err != nil {
				return err.Error()
			}
			return ""
		})
		if ended := h.ended(task.ID); ended.Status != store.Succeeded {
			t.Errorf("task: %+v", ended)
		}
	})
}
