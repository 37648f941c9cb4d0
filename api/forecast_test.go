package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
)

// eventually tries until nothing is wrong: what the gateway tells of the pool may
// be a second old.
func eventually(t *testing.T, try func() string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		wrong := try()
		if wrong == "" {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal(wrong)
		}
	}
}

// codes are the members code of a list.
func codes(list any) (codes []string) {
	for _, item := range list.([]any) {
		codes = append(codes, item.(map[string]any)["code"].(string))
	}
	return codes
}

// waiting gives a client one task that runs for long and two that wait for it.
func waiting(t *testing.T, admin *gateway) (client *gateway, running string, queued []string) {
	t.Helper()
	client = admin.as(`{"name":"patient","concurrency":1}`)
	const body = `{"model":"jimeng-video-3.0","prompt":"a boat %s","duration":5}`
	running = client.submit(fmt.Sprintf(body, "[[delay:5m]]"))
	client.await(running, "submitting")
	for range 2 {
		queued = append(queued, client.submit(fmt.Sprintf(body, "")))
	}
	t.Cleanup(func() {
		for _, id := range append(queued, running) {
			if _, err := shared.queue.Cancel(context.Background(), "", id); err != nil && !errors.Is(err, queue.ErrEnded) {
				t.Errorf("cancel: %v", err)
			}
		}
	})
	return client, running, queued
}

func TestATaskTellsItsPlaceAndETA(t *testing.T) {
	t.Parallel()
	client, running, queued := waiting(t, serve(t, nil))
	task := client.task(queued[1])
	place, eta := task["place"].(map[string]any), task["eta"].(map[string]any)
	if place["in_key"] != 2.0 || place["of_key"] != 2.0 || place["in_queue"].(float64) < 2 || place["of_queue"].(float64) < 2 || place["at_least"] != false {
		t.Errorf("place %v", place)
	}
	for _, member := range []string{"starts_at", "finishes_at", "earliest", "latest", "confidence", "samples", "reason"} {
		if _, ok := eta[member]; !ok {
			t.Errorf("the eta %v lacks %s", eta, member)
		}
	}
	if task = client.task(running); task["place"] != nil || task["eta"] == nil {
		t.Errorf("a running task: place %v, eta %v", task["place"], task["eta"])
	}
	list := client.json("GET", "/api/v1/tasks", "", http.StatusOK)
	for _, item := range list["tasks"].([]any) {
		if item.(map[string]any)["place"] != nil || item.(map[string]any)["eta"] != nil {
			t.Errorf("a list has a place or an eta: %v", item)
		}
	}
	client.json("POST", "/api/v1/tasks/"+queued[1]+"/cancel", "", http.StatusOK)
	if task = client.task(queued[1]); task["place"] != nil || task["eta"] != nil {
		t.Errorf("an ended task: place %v, eta %v", task["place"], task["eta"])
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	client, running, queued := waiting(t, admin)
	path := "/api/v1/tasks/" + queued[1] + "/explain"
	var answer map[string]any
	eventually(t, func() string {
		answer = client.json("GET", path, "", http.StatusOK)
		if got := codes(answer["reasons"]); !slices.Equal(got, []string{"key_concurrency", "others_first"}) {
			return fmt.Sprint("the reasons are ", got)
		}
		return ""
	})
	if answer["task_id"] != queued[1] || answer["status"] != "queued" || answer["session"] != nil || answer["place"].(map[string]any)["in_key"] != 2.0 || answer["next_slot_at"] == nil {
		t.Errorf("answer %v", answer)
	}
	session := answer["sessions"].([]any)[0].(map[string]any)
	if keys := fmt.Sprint(len(session)); session["code"] != "ready" || session["state"] != "ready" || session["chosen"] != false || keys != "5" {
		t.Errorf("a client sees %v", session)
	}
	full := admin.json("GET", path, "", http.StatusOK)["sessions"].([]any)[0].(map[string]any)
	if full["upstream"] != "jimeng" || full["slots"] != 50.0 || full["message"] == "" || full["free"] == nil {
		t.Errorf("an admin sees %v", full)
	}
	answer = client.json("GET", "/api/v1/tasks/"+running+"/explain", "", http.StatusOK)
	chosen := answer["session"].(map[string]any)
	if len(answer["reasons"].([]any)) != 0 || len(answer["attempts"].([]any)) != 1 || chosen["session_pool_id"] != client.task(running)["session_pool_id"] || chosen["since"] == nil {
		t.Errorf("of a running task: %v", answer)
	}
	client.json("POST", "/api/v1/tasks/"+queued[0]+"/cancel", "", http.StatusOK)
	answer = client.json("GET", "/api/v1/tasks/"+queued[0]+"/explain", "", http.StatusOK)
	if answer["status"] != "cancelled" || len(answer["reasons"].([]any)) != 0 || len(answer["sessions"].([]any)) != 0 || answer["eta"] != nil {
		t.Errorf("of an ended task: %v", answer)
	}

	other := admin.as("")
	other.json("GET", path, "", http.StatusNotFound)
	blind := admin.as(`{"name":"blind","scopes":["video:create"]}`)
	blind.json("GET", path, "", http.StatusForbidden)
}

func TestThePool(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	_, _, queued := waiting(t, admin)
	eventually(t, func() string {
		pool := admin.json("GET", "/api/v1/pool", "", http.StatusOK)
		upstream := pool["upstreams"].([]any)[0].(map[string]any)
		session := pool["sessions"].([]any)[0].(map[string]any)
		waiting := pool["waiting"].(map[string]any)
		if upstream["name"] == "jimeng" && upstream["configured"] == true && upstream["limit"] == nil && upstream["running"].(float64) > 0 && upstream["models"].(float64) > 0 &&
			session["code"] == "ready" && session["free"].(float64) > 0 && session["slots"] == 50.0 && session["credits"] != nil &&
			pool["slots"].(float64) >= 50 && pool["free"].(float64) > 0 && pool["running"].(float64) > 0 && pool["next_slot_at"] != nil &&
			waiting["tasks"].(float64) >= float64(len(queued)) && waiting["keys"].(float64) >= 1 && waiting["since"] != nil {
			return ""
		}
		return fmt.Sprint("the pool is ", mustJSON(t, pool))
	})
	client := admin.as("")
	client.json("GET", "/api/v1/pool", "", http.StatusForbidden)
	client.json("POST", "/api/v1/pool/probe", "", http.StatusForbidden)
}

func TestProbes(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	ill := admin.json("POST", "/api/v1/sessions", `{"session_id":"nocredits-session-of-the-probe-test"}`, http.StatusCreated)["session"].(map[string]any)["id"].(string)
	t.Cleanup(func() {
		if err := shared.pool.Remove(context.Background(), ill); err != nil {
			t.Logf("remove the session: %v", err)
		}
	})
	answer := admin.json("POST", "/api/v1/pool/probe", "", http.StatusOK)
	if results := answer["results"].([]any); len(results) < 2 || answer["working"].(float64) < 1 || answer["working"].(float64) >= float64(len(results)) {
		t.Errorf("all: %v", answer)
	}
	answer = admin.json("POST", "/api/v1/pool/probe", `{"sessions":["`+ill+`"]}`, http.StatusOK)
	results := answer["results"].([]any)
	if len(results) != 1 || answer["working"] != 0.0 {
		t.Fatalf("one: %v", answer)
	}
	result := results[0].(map[string]any)
	if session := result["session"].(map[string]any); result["ok"] != false || result["message"] == "" || session["state"] != "exhausted" || session["credits"] == nil || session["probed_at"] == nil {
		t.Errorf("result %v", result)
	}
	admin.json("POST", "/api/v1/pool/probe", `{"sessions":["ses_nobody"]}`, http.StatusNotFound)
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	client := admin.as(`{"name":"thrifty","daily_quota":1}`)
	estimate := func(g *gateway, body string) map[string]any {
		t.Helper()
		return g.json("POST", "/api/v1/tasks/estimate", body, http.StatusOK)
	}
	png := base64.StdEncoding.EncodeToString(pngFile(t))
	for name, body := range map[string]string{
		"a prompt":         `{"model":"jimeng-video-3.0","prompt":"a boat","duration":5,"ratio":"16:9","resolution":"720p","priority":3,"webhook":"x"}`,
		"the default":      `{"prompt":"a boat","materials":[{"kind":"image"}]}`,
		"a type":           `{"prompt":"a boat","materials":[{"mime_type":"image/png"}]}`,
		"a URL":            `{"prompt":"a boat","files":[{"url":"https://example.com/a.mp4"}]}`,
		"file_paths":       `{"prompt":"a boat","file_paths":["https://example.com/a.png"]}`,
		"a file":           `{"prompt":"a boat","files":[{"data":"` + png + `"}]}`,
		"a data URI":       `{"prompt":"a boat","files":[{"data":"data:image/png;base64,` + png + `"}]}`,
		"an image":         `{"model":"jimeng-4.0","prompt":"a boat"}`,
		"an image by kind": `{"model":"jimeng-4.0","kind":"image","prompt":"a boat","ratio":"3:2"}`,
	} {
		answer := estimate(client, body)
		if answer["valid"] != true || len(answer["errors"].([]any)) != 0 || answer["place"].(map[string]any)["in_key"] != 1.0 || answer["eta"] == nil || answer["upstreams"] != nil {
			t.Errorf("%s: %v", name, answer)
		}
		if (answer["credits"] == nil) != (answer["credits_reason"] != nil) {
			t.Errorf("%s: credits %v, reason %v", name, answer["credits"], answer["credits_reason"])
		}
	}
	if answer := estimate(admin, `{"model":"jimeng-video-3.0","prompt":"a boat"}`); mustJSON(t, answer["upstreams"]) != `["jimeng"]` {
		t.Errorf("an admin sees %v", answer)
	}
	for body, fields := range map[string][]string{
		`{"prompt":"x","duration":99,"materials":[{"kind":"image"}]}`:                   {"duration"},
		`{"model":"sora-9","prompt":"x"}`:                                               {"model"},
		`{"duration":"5","ratio":5,"kind":"audio"}`:                                     {"duration", "ratio", "kind"},
		`{"prompt":"x","size":"1x1"}`:                                                   {"size"},
		`{"prompt":"x","materials":[{}]}`:                                               {"materials"},
		`{"prompt":"x","materials":"a"}`:                                                {"materials"},
		`{"prompt":"x","materials":[{"kind":"poem"}]}`:                                  {"materials"},
		`{"prompt":"x","files":[{"id":"mat_1"}]}`:                                       {"files[0].id"},
		`{"prompt":"x","files":[{"url":"ftp://a/b.png"}]}`:                              {"files[0].url"},
		`{"prompt":"x","files":[{"data":"!"}]}`:                                         {"files[0].data"},
		`{"prompt":"x","files":[{"data":"bm90IGEgZmlsZQ=="}]}`:                          {"files[0].data"},
		`{"prompt":"x","files":[{"mime_type":"video/mp4","data":"` + png + `"}]}`:       {"files[0].data"},
		`{"prompt":"x","files":[{"url":"https://example.com/a","data":"` + png + `"}]}`: {"files[0]"},
	} {
		answer := estimate(client, body)
		var got []string
		for _, item := range answer["errors"].([]any) {
			fault := item.(map[string]any)
			got = append(got, fault["field"].(string))
			if fault["message"] == "" {
				t.Errorf("%s: no message", body)
			}
		}
		if answer["valid"] != false || !slices.Equal(got, fields) || answer["place"] != nil || answer["eta"] != nil {
			t.Errorf("%s: %v, want faults in %v", body, answer, fields)
		}
	}
	client.json("POST", "/api/v1/tasks/estimate", `[]`, http.StatusBadRequest)
	client.json("POST", "/api/v1/tasks/estimate", `{"prompt":`, http.StatusBadRequest)
	client.json("POST", "/api/v1/tasks/estimate", `{"prompt":"`+strings.Repeat("x", 2<<20)+`"}`, http.StatusRequestEntityTooLarge)
	admin.as(`{"name":"reader","scopes":["task:read"]}`).json("POST", "/api/v1/tasks/estimate", `{"prompt":"x"}`, http.StatusForbidden)

	client.submit(`{"model":"jimeng-video-3.0","prompt":"a boat","duration":5}`)
	answer := estimate(client, `{"model":"jimeng-video-3.0","prompt":"a boat"}`)
	if !slices.Contains(codes(answer["why_not_sooner"]), "daily_quota") || answer["valid"] != true || answer["eta"].(map[string]any)["starts_at"] != nil {
		t.Errorf("with the quota used up: %v", answer)
	}
}

// An estimate and a submit say the same of what is wrong.
func TestAnEstimateChecksAsASubmitDoes(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	for _, body := range []string{
		`{"model":"sora-9","prompt":"x"}`, `{"model":"jimeng-video-3.0","prompt":"x","duration":99}`, `{"model":"jimeng-video-3.0","prompt":" "}`,
		`{"model":"jimeng-video-3.0","prompt":"x","ratio":"5:1"}`, `{"prompt":"x","priority":1000}`, `{"prompt":"x"}`,
	} {
		var refused struct {
			Error struct{ Param, Message string }
		}
		res, raw := g.do("POST", "/v1/videos/generations", "application/json", strings.NewReader(body))
		if err := json.Unmarshal(raw, &refused); err != nil || res.StatusCode != http.StatusBadRequest {
			t.Fatalf("%s: %s %s", body, res.Status, raw)
		}
		faults := g.json("POST", "/api/v1/tasks/estimate", body, http.StatusOK)["errors"].([]any)
		if len(faults) != 1 {
			t.Fatalf("%s: %v", body, faults)
		}
		fault := faults[0].(map[string]any)
		if said := fmt.Sprintf("%s: %s", fault["field"], fault["message"]); said != refused.Error.Message || fault["field"] != refused.Error.Param {
			t.Errorf("%s: the estimate says %q, the submit %q", body, said, refused.Error.Message)
		}
	}
}
