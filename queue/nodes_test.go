package queue_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// wired is a house on PostgreSQL whose database can go away, and its database.
func wired(t *testing.T, o options) (h *house, wire *storetest.Wire, databaseURL string) {
	t.Helper()
	t.Parallel()
	if os.Getenv(storetest.PostgresURL) == "" {
		t.Skip("there is no PostgreSQL (" + storetest.PostgresURL + ")")
	}
	databaseURL = storetest.Postgres(t)
	wire = storetest.NewWire(t, databaseURL)
	return build(t, wire.URL, o), wire, databaseURL
}

// second is another node with the same data folder, upstream and database.
func (h *house) second(databaseURL string) *house {
	h.t.Helper()
	other := *h
	other.url = databaseURL
	other.start()
	h.t.Cleanup(func() { other.stop() })
	return &other
}

// holdAnswers stands between the gateway and the upstream. Submits arrive there, and
// their answers go back when the gate is opened.
func holdAnswers(t *testing.T, h *house) (arrived <-chan struct{}, open func()) {
	t.Helper()
	target, err := url.Parse(h.web.URL)
	if err != nil {
		t.Fatal(err)
	}
	came, opened := make(chan struct{}, 100), make(chan struct{})
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		if strings.HasSuffix(r.Request.URL.Path, "/submit") {
			came <- struct{}{}
			<-opened
		}
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	driver, err := freeapi.New(freeapi.Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Close() })
	h.settings.Upstreams = map[string]queue.Upstream{"sim": {Driver: driver}}
	h.queue.Configure(h.settings)
	return came, func() { close(opened) }
}

// paidOnceAndSucceeded fails unless the task ends well with one paid submit.
func (h *house) paidOnceAndSucceeded(id string) {
	h.t.Helper()
	if task := h.ended(id); task.Status != store.Succeeded || task.Attempt != 1 {
		h.t.Errorf("task: %+v", task)
	}
	if n := len(h.sim.Submits()); n != 1 {
		h.t.Errorf("%d paid submits", n)
	}
	h.consistent()
}

// An upstream accepts while the database is away. Its answer is written down
// when the database is back: nobody could tell again what it was.
func TestAnAnswerWaitsForTheDatabase(t *testing.T) {
	h, wire, _ := wired(t, options{})
	arrived, open := holdAnswers(t, h)
	h.session("account-0000000001", 1)
	task := h.submit(h.video(admin, "a boat"))
	<-arrived
	wire.Refuse()
	open()
	if err := h.queue.Kick(t.Context()); err == nil {
		t.Error("the database is not away")
	}
	<-time.After(2 * time.Second) // the settling step has met it, too
	wire.Restore()
	h.paidOnceAndSucceeded(task.ID)
}

// A task is cancelled while its call is on the wire, the database goes away, and
// the node stops. It does not go on trying to write the answer down for ever.
func TestACancelledCallDoesNotOutliveItsNode(t *testing.T) {
	core, logs := observer.New(zap.ErrorLevel)
	h, wire, _ := wired(t, options{log: zap.New(core)})
	tries := func() int { return logs.FilterMessageSnippet("cannot be written down yet").Len() }
	arrived, open := holdAnswers(t, h)
	defer open()
	h.session("account-0000000001", 1)
	task := h.submit(h.video(admin, "a boat"))
	<-arrived
	lost := wire.LoseCommit("UPDATE attempts SET state = $3, ref = $4")
	if _, err := h.queue.Cancel(t.Context(), "", task.ID); err != nil {
		t.Fatal(err)
	}
	<-lost // the step has heard of it, and wanted to write down what it knows
	wire.Refuse()
	eventually(t, func() string {
		if tries() == 0 {
			return "the answer was not met"
		}
		return ""
	})
	grace, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	h.queue.Stop(grace) // what River keeps of its jobs cannot be written down either
	before := tries()
	<-time.After(6 * time.Second) // longer than the longest pause
	if n := tries() - before; n > 0 {
		t.Errorf("%d tries after the stop", n)
	}
	wire.Restore()
}

// The intent was committed and the answer to the commit was lost. This process
// knows that it has sent nothing, so there is no doubt: the attempt is sent.
func TestAnIntentWhoseCommitWasLostIsSent(t *testing.T) {
	h, wire, _ := wired(t, options{})
	h.session("account-0000000001", 1)
	lost := wire.LoseCommit("UPDATE attempts SET state = $3, node = $4")
	task := h.submit(h.video(admin, "a boat"))
	<-lost
	h.paidOnceAndSucceeded(task.ID)
}

// After a stall of the database all nodes look silent. The first that hears of
// it again must not judge another that only hears a moment later, and whose call
// is on the wire.
func TestAStallKillsNobody(t *testing.T) {
	h, wire, databaseURL := wired(t, options{variant: simulator.Stock, delay: 25 * time.Second})
	h.session("account-0000000001", 1)
	task := h.submit(h.video(admin, "a boat"))
	eventually(t, func() string {
		if len(h.sim.Submits()) == 0 {
			return "not submitted"
		}
		return ""
	})
	otherWire := storetest.NewWire(t, databaseURL)
	h.second(otherWire.URL)
	wire.Hang()
	otherWire.Hang()
	<-time.After(13 * time.Second) // both are silent for longer than a dead node
	otherWire.Restore()
	<-time.After(4 * time.Second)
	wire.Restore()
	h.paidOnceAndSucceeded(task.ID)
}
