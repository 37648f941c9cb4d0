package freeapi

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

var pollAnswers = []struct {
	name, body string
	want       upstream.Progress
}{
	{"queued, told by Jimeng's own names",
		`{"code":0,"message":"ok","data":{"history_record_id":"1","status":20,"item_list":[],
		 "raw":{"status":20,"queue_info":{"queue_idx":37,"queue_length":812,"polling_config":{"interval_seconds":30,"timeout_seconds":86400}},"forecast_queue_cost":540}}}`,
		upstream.Progress{QueuePosition: new(37), QueueTotal: new(812), QueueETA: "9m0s", PollAfter: 30 * time.Second}},
	{"queued, told by fork's names",
		`{"code":0,"data":{"status":20,"queue_position":3,"queue_total":"9","queue_eta":"2 min","raw":{"queue_info":{"queue_idx":1}}}}`,
		upstream.Progress{QueuePosition: new(3), QueueTotal: new(9), QueueETA: "2 min"}},
	{"forecast under forecast_cost_time, interval too short",
		`{"code":0,"data":{"status":20,"raw":{"forecast_cost_time":{"forecast_queue_cost":61.2},"queue_info":{"polling_config":{"interval_seconds":0.01}}}}}`,
		upstream.Progress{QueueETA: "1m2s", PollAfter: time.Second}},
	{"interval too long",
		`{"code":0,"data":{"status":20,"raw":{"queue_info":{"polling_config":{"interval_seconds":86400}}}}}`,
		upstream.Progress{PollAfter: 5 * time.Minute}},
	{"post-processing", `{"code":0,"data":{"status":42}}`, upstream.Progress{}},
	{"finalising", `{"code":0,"data":{"status":45,"raw":{"status":45}}}`, upstream.Progress{}},
	{"a state that nobody knows", `{"code":0,"data":{"status":77}}`, upstream.Progress{}},
	{"a URL before the end", `{"code":0,"data":{"status":20,"video_url":"https://v.example/a.mp4"}}`, upstream.Progress{}},
	{"done without a URL", `{"code":0,"data":{"status":50,"item_list":[]}}`, upstream.Progress{}},
	{"done", `{"code":0,"data":{"status":50,"video_url":"https://v.example/a.mp4"}}`,
		upstream.Progress{State: upstream.Succeeded, Results: []upstream.Result{{Kind: upstream.Video, URL: "https://v.example/a.mp4"}}}},
	{"done, as text", `{"code":"0","data":{"status":"10","video_url":"https://v.example/a.mp4"}}`,
		upstream.Progress{State: upstream.Succeeded, Results: []upstream.Result{{Kind: upstream.Video, URL: "https://v.example/a.mp4"}}}},
	{"failed, code as text and message",
		`{"code":0,"message":"ok","data":{"status":30,"fail_code":"2047","item_list":[],
		 "raw":{"status":30,"fail_code":"2047","fail_starling_key":"web_text_violates_community_guidelines_toast","fail_starling_message":"not allowed"}}}`,
		failedAs(upstream.ContentRisk, "2047", "not allowed")},
	{"failed, code as number", `{"code":0,"data":{"status":30,"fail_code":2038}}`,
		failedAs(upstream.ContentRisk, "2038", "the generation failed")},
	{"failed, code in the record only", `{"code":0,"data":{"status":30,"raw":{"fail_code":2040}}}`,
		failedAs(upstream.ContentRisk, "2040", "the generation failed")},
	{"failed, key and empty code", `{"code":0,"data":{"status":30,"fail_code":"","raw":{"fail_code":0,"fail_starling_key":"web_account_block"}}}`,
		failedAs(upstream.AccountBlocked, "", "web_account_block")},
	{"failed, message only", `{"code":0,"data":{"status":30,"raw":{"fail_starling_message":"今日已达每日使用上限"}}}`,
		failedAs(upstream.DailyLimit, "", "今日已达每日使用上限")},
	{"failed, code unknown", `{"code":0,"data":{"status":30,"fail_code":1500}}`,
		failedAs(upstream.GenerationFailed, "1500", "the generation failed")},
	{"failed with a URL", `{"code":0,"data":{"status":30,"video_url":"https://v.example/a.mp4"}}`,
		failedAs(upstream.GenerationFailed, "", "the generation failed")},
	{"decoration of unexpected shapes",
		`{"code":0,"data":{"status":50,"video_url":"https://v.example/a.mp4","queue_eta":{"a":1},"raw":[1],"queue_position":-1}}`,
		upstream.Progress{State: upstream.Succeeded, Results: []upstream.Result{{Kind: upstream.Video, URL: "https://v.example/a.mp4"}}}},
	{"queue of unexpected shapes",
		`{"code":0,"data":{"status":20,"raw":{"queue_info":"soon","forecast_cost_time":7,"forecast_queue_cost":{"a":[]}}}}`,
		upstream.Progress{}},
}

func failedAs(kind upstream.Kind, code, message string) upstream.Progress {
	return upstream.Progress{State: upstream.Failed, Failure: &upstream.Error{Kind: kind, Code: code, Message: message}}
}

func TestParsePoll(t *testing.T) {
	t.Parallel()
	for _, c := range pollAnswers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := parsePoll([]byte(c.body), "secret-secret")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParsePollErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body        string
		kind        upstream.Kind
		unreachable bool
	}{
		{`{"code":-2007,"message":"历史记录不存在: 8918159809292","data":null}`, upstream.GenerationFailed, false},
		{`{"code":-2001,"message":"[请求jimeng失败]: login error","data":null}`, upstream.Auth, false},
		{`{"code":-1000,"message":"[请求有误]: 正确请求为 POST -> /v1/chat/completions","data":null}`, upstream.Network, true},
		{`<html>502</html>`, upstream.Network, true},
		{`{"code":0,"data":null}`, upstream.Network, true},
		{`{"code":0,"data":[]}`, upstream.Network, true},
		{`{"code":0}`, upstream.Network, true},
		{``, upstream.Network, true},
	} {
		_, err := parsePoll([]byte(c.body), "secret-secret")
		e, ok := errors.AsType[*upstream.Error](err)
		if !ok || e.Kind != c.kind || e.Unreachable != c.unreachable {
			t.Errorf("%s: %+v", c.body, err)
		}
	}
}

func FuzzPollAnswer(f *testing.F) {
	for _, c := range pollAnswers {
		f.Add([]byte(c.body))
	}
	f.Add([]byte(`{"code":0,"data":{"status":20,"raw":{"queue_info":{"queue_idx":1e300}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := parsePoll(body, "0123456789abcdef")
		if err != nil {
			if _, ok := errors.AsType[*upstream.Error](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if (p.State == upstream.Succeeded) != (len(p.Results) > 0) || (p.State == upstream.Failed) != (p.Failure != nil) {
			t.Errorf("%+v", p)
		}
		if p.PollAfter != 0 && (p.PollAfter < minPollAfter || p.PollAfter > maxPollAfter) {
			t.Errorf("poll after %s", p.PollAfter)
		}
		if p.QueuePosition != nil && *p.QueuePosition < 0 || p.QueueTotal != nil && *p.QueueTotal < 0 {
			t.Errorf("%+v", p)
		}
		if p.Failure != nil && (p.Failure.NotAccepted || strings.Contains(p.Failure.Message, "0123456789")) {
			t.Errorf("%+v", p.Failure)
		}
	})
}
