package freeapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/upstreamtest"
)

// The simulator's faults by the kind of their messages. A late one is known
// only after the generation was paid for.
var faults = []struct {
	kind  upstream.Kind
	names string
}{
	{upstream.ContentRisk, "content_violation content_rules content_review content_mismatch content_unsuitable image_check InputTextRisk@submit code_2006"},
	{upstream.AccountBlocked, "account_banned account_block@submit"},
	{upstream.RiskControl, "account_punished shark_not_pass shark_reject abnormal risk_failed risk_control@submit"},
	{upstream.Auth, "login_expired check_login_error unauthorized authorization permission_denied code_2002"},
	{upstream.Quota, "no_credits credits_1006 uncollectable code_2009"},
	{upstream.DailyLimit, "daily_limit"},
	{upstream.RateLimited, "rate_limited"},
	{upstream.BadInput, "bad_param invalid_parameter param_error unsupported_param unsupported_resolution unsupported_ratio needs_file code_2000"},
	{upstream.FileTransfer, "file_invalid file_too_large first_frame_file first_frame_image first_file first_material all_files all_images field_failed"},
	{upstream.Timeout, "timeout_45s timed_out video_timeout@submit result_timeout@submit no_result_timeout@submit"},
	{upstream.Network, "econnrefused econnreset enotfound eai_again hang_up network browser_fetch"},
	{upstream.GenerationFailed, "generation_5001@generation code_2007 code_2008 no_video_url@submit no_record@submit"},
	{upstream.InDoubt, "down cut truncated garbage http_500"},
}

// TestFaults asks for every fault in every variant, video and image, and counts
// what was paid for: what is surely not accepted must not have cost anything.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, variant := range []simulator.Variant{simulator.Stock, simulator.Fork, simulator.Iptag} {
		t.Run(string(variant), func(t *testing.T) {
			t.Parallel()
			sim := simulator.New(simulator.Config{Variant: variant})
			server := httptest.NewServer(sim)
			t.Cleanup(server.Close)
			driver := newDriver(t, server.URL)
			for _, row := range faults {
				for name := range strings.FieldsSeq(row.names) {
					if strings.Contains(name, "@generation") && variant != simulator.Iptag {
						continue // stock's texts do not tell
					}
					for _, r := range faultRequests() {
						checkFault(t, sim, driver, r, name, row.kind)
					}
				}
			}
		})
	}
}

func faultRequests() []upstream.Request {
	image, _ := upstreamtest.Material(upstream.Image, "a.png", "image/png", 100)
	return []upstream.Request{
		{Kind: upstream.Video, Model: "seedance-2.0", Duration: 4, Materials: []upstream.Material{image}},
		{Kind: upstream.Video, Model: "jimeng-video-3.0", Duration: 5},
		{Kind: upstream.Image, Model: "jimeng-4.5"},
	}
}

func checkFault(t *testing.T, sim *simulator.Server, driver *freeapi.Driver, r upstream.Request, fault string, kind upstream.Kind) {
	t.Helper()
	before := len(sim.Submits())
	r.Prompt = fmt.Sprintf("a boat [[fault:%s]]", fault)
	_, err := driver.Submit(t.Context(), upstream.Session{Secret: "0123456789abcdef"}, &r)
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok {
		t.Errorf("%s %s: %v", r.Model, fault, err)
		return
	}
	if e.Kind != kind {
		t.Errorf("%s %s: got %s (%s), want %s", r.Model, fault, e.Kind, e.Message, kind)
	}
	if paid := len(sim.Submits()) - before; e.NotAccepted && paid > 0 {
		t.Errorf("%s %s: surely not accepted, but paid: %+v", r.Model, fault, e)
	}
}

// TestLateFaults: what fails after the first poll of a blocking call may look
// like a refusal, and is paid for.
func TestLateFaults(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits as long as the servers do before their first poll")
	}
	// All at once and not as subtests, of which only a few would wait together.
	var all sync.WaitGroup
	defer all.Wait()
	for _, variant := range []simulator.Variant{simulator.Stock, simulator.Iptag} {
		for _, fault := range []string{"login_expired", "rate_limited", "shark_not_pass", "account_banned", "econnrefused", "2038"} {
			sim := simulator.New(simulator.Config{Variant: variant})
			server := httptest.NewServer(sim)
			t.Cleanup(server.Close)
			driver := newDriver(t, server.URL)
			r := faultRequests()[0]
			r.Prompt = "a boat [[delay:5200ms]] [[fault:" + fault + "@generation]]"
			all.Go(func() {
				_, err := driver.Submit(t.Context(), upstream.Session{Secret: "0123456789abcdef"}, &r)
				e, ok := errors.AsType[*upstream.Error](err)
				if !ok || e.NotAccepted || len(sim.Submits()) != 1 {
					t.Errorf("%s %s: %+v, %d submits", variant, fault, err, len(sim.Submits()))
				}
			})
		}
	}
}

// TestFailedGenerations reads fork's records of failed generations, whose codes
// arrive as numbers, as text, or not at all.
func TestFailedGenerations(t *testing.T) {
	t.Parallel()
	sim := simulator.New(simulator.Config{Variant: simulator.Fork})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	driver := newDriver(t, server.URL)
	session := upstream.Session{Secret: "0123456789abcdef"}
	for fault, kind := range map[string]upstream.Kind{
		"2038": upstream.ContentRisk, "2039@generation:string": upstream.ContentRisk,
		"2040@generation:key": upstream.ContentRisk, "2047@generation:empty": upstream.ContentRisk,
		"100402": upstream.GenerationFailed, "1500": upstream.GenerationFailed,
		"OutputVideoRisk": upstream.ContentRisk, "fail2generate_input": upstream.ContentRisk,
		"fail2generate_input_retry":                  upstream.GenerationFailed,
		"web_risk_control_message_reject_generation": upstream.RiskControl,
		"account_block":                              upstream.AccountBlocked,
		"daily_usage_limit":                          upstream.DailyLimit,
		"generation_failed":                          upstream.GenerationFailed,
	} {
		r := faultRequests()[0]
		r.Prompt = "a boat [[fault:" + fault + "]]"
		p := generate(t, driver, session, &r)
		if p.State != upstream.Failed || p.Failure.Kind != kind || p.Failure.NotAccepted {
			t.Errorf("%s: %+v, %+v", fault, p, p.Failure)
		}
	}
	// States on the way, a late URL and the queue end well.
	r := faultRequests()[0]
	r.Prompt = "a boat [[delay:300ms]] [[states]] [[lag:2]] [[queue:37/812]]"
	if p := generate(t, driver, session, &r); p.State != upstream.Succeeded {
		t.Errorf("%+v", p)
	}
}

func generate(t *testing.T, driver *freeapi.Driver, s upstream.Session, r *upstream.Request) upstream.Progress {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	sub, err := driver.Submit(ctx, s, r)
	if err != nil {
		t.Fatal(err)
	}
	progress := sub.Progress
	for progress.State == upstream.Running {
		if progress, err = driver.Poll(ctx, s, sub.Ref); err != nil {
			t.Fatal(err)
		}
	}
	return progress
}
