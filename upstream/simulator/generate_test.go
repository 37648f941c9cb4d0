package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// submit sends a Seedance submit to a fork and returns its id.
func submit(t *testing.T, s *Server, token, prompt string) string {
	t.Helper()
	answer := call(t, s, "POST", "/v1/videos/submit", token, seedance(prompt))
	data, _ := answer["data"].(map[string]any)
	id, _ := data["history_record_id"].(string)
	if answer["code"] != 0.0 || answer["message"] != "submitted" || data["status"] != 20.0 || strings.Trim(id, "0123456789") != "" {
		t.Fatalf("submit: %v", answer)
	}
	return id
}

func status(t *testing.T, s *Server, token, id string) map[string]any {
	t.Helper()
	answer := call(t, s, "GET", "/v1/videos/"+id+"/status", token, nil)
	data, _ := answer["data"].(map[string]any)
	if answer["code"] != 0.0 || answer["message"] != "ok" || data["history_record_id"] != id {
		t.Fatalf("status: %v", answer)
	}
	return data
}

func TestBlockingCallWaits(t *testing.T) {
	t.Parallel()
	for _, v := range []Variant{Stock, Fork, Iptag} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Config{Variant: v, Delay: time.Minute})
			start := time.Now()
			answer := call(t, s, "POST", "/v1/videos/generations", "t", map[string]any{"prompt": "a boat"})
			if took := time.Since(start).Round(time.Millisecond); took != time.Minute {
				t.Errorf("%s: took %s, want a minute", v, took)
			}
			if _, ok := answer["code"]; ok {
				t.Errorf("%s: a success has no code: %v", v, answer)
			}
			item := answer["data"].([]any)[0].(map[string]any)
			if item["revised_prompt"] != "a boat" || !strings.HasPrefix(item["url"].(string), "http://example.com/_simulator/files/") {
				t.Errorf("%s: item %v", v, item)
			}
		})
	}
}

func TestStatusOnTheWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Delay: 100 * time.Second})
		id := submit(t, s, "t", "[[queue:37/812]] [[states]] [[lag:2]]")
		queue := status(t, s, "t", id)["raw"].(map[string]any)
		want := map[string]any{
			"history_record_id": id, "status": 20.0, "item_list": []any{},
			"queue_info": map[string]any{
				"queue_idx": 37.0, "queue_length": 812.0, "queue_status": 1.0, "priority": 0.0,
				"polling_config": map[string]any{"interval_seconds": 25.0, "timeout_seconds": 86400.0},
			},
			"forecast_queue_cost": 50.0, "forecast_generate_cost": 50.0,
		}
		if diff := cmp.Diff(want, queue); diff != "" {
			t.Errorf("raw while queued (-want +got):\n%s", diff)
		}
		for _, step := range []struct {
			wait   time.Duration
			status float64
			video  bool
		}{{51, 20, false}, {30, 42, false}, {10, 45, false}, {9, 50, false}, {0, 50, false}, {0, 50, true}} {
			time.Sleep(step.wait * time.Second) // a fake clock: returns at once
			data := status(t, s, "t", id)
			_, video := data["video_url"]
			if data["status"] != step.status || video != step.video {
				t.Errorf("after %ds more: status %v, video %v, want %v, %v", step.wait, data["status"], video, step.status, step.video)
			}
			if _, ok := data["raw"].(map[string]any)["queue_info"]; ok {
				t.Error("queue_info after the queue")
			}
			for _, absent := range []string{"fail_code", "queue_position", "queue_total", "queue_eta"} {
				if _, ok := data[absent]; ok {
					t.Errorf("%s must be absent", absent)
				}
			}
		}
	})
}

func TestStatusSurvivesRestart(t *testing.T) {
	t.Parallel()
	first, second := New(Config{}), New(Config{Delay: time.Hour})
	good := submit(t, first, "a", "x")
	bad := submit(t, first, "a", "[[fault:2047@generation:string]]")
	if data := status(t, second, "a", good); data["status"] != 50.0 || data["video_url"] == nil {
		t.Errorf("after a restart: %v", data)
	}
	if data := status(t, second, "a", bad); data["status"] != 30.0 || data["fail_code"] != "2047" {
		t.Errorf("after a restart: %v", data)
	}
	for _, ask := range []struct{ token, id string }{{"b", good}, {"a", "0" + good[1:]}, {"a", good + "0"}, {"a", "nonsense"}} {
		got := text(call(t, second, "GET", "/v1/videos/"+ask.id+"/status", ask.token, nil))
		if want := "-2007 历史记录不存在: " + ask.id; got != want {
			t.Errorf("token %s: got %s, want %s", ask.token, got, want)
		}
	}
}

func TestFailedStatusForms(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	for fault, want := range map[string]string{
		"2047":                          `2047 web_text_violates_community_guidelines_toast`,
		"2038@generation:string":        `"2038" web_text_violates_community_guidelines_toast`,
		"2039@generation:key":           `absent web_image_violates_community_guidelines_toast`,
		"2040@generation:empty":         `"" web_video_violates_community_guidelines_toast`,
		"InputTextRisk":                 `absent InputTextRisk`,
		"shark_not_pass@generation":     `1019 `,
		"shark_reject@generation":       `-4 `,
		"code_2007@generation":          `1500 `,
		"risk_control@generation:empty": `"" risk_control`,
	} {
		data := status(t, s, "t", submit(t, s, "t", "[[fault:"+fault+"]]"))
		code := "absent"
		if value, ok := data["fail_code"]; ok {
			text, _ := json.Marshal(value)
			code = string(text)
		}
		got := fmt.Sprint(code, " ", data["raw"].(map[string]any)["fail_starling_key"])
		if data["status"] != 30.0 || got != want {
			t.Errorf("%s: status %v, %s, want %s", fault, data["status"], got, want)
		}
	}
}

func TestFailuresOfCallsThatWait(t *testing.T) {
	t.Parallel()
	classic, seedance := map[string]any{}, seedance("")
	omni := map[string]any{"model": "jimeng-video-seedance-2.0"}
	for _, tt := range []struct {
		variant Variant
		body    map[string]any
		fault   string
		want    string
	}{
		{Stock, seedance, "[[fault:2038]]", "-2006 内容被过滤"},
		{Stock, seedance, "[[fault:2038@generation:string]]", "-2007 生成失败，错误码: 2038"},
		{Stock, seedance, "[[fault:2047]]", "-2007 生成失败，错误码: 2047"},
		{Fork, seedance, "[[fault:InputTextRisk]]", "-2007 生成失败，错误码: undefined"},
		{Stock, seedance, "[[fault:InputTextRisk@submit]]", "-2001 [请求jimeng失败]: InputTextRisk"},
		{Stock, classic, "[[fault:2038]]", "-2007 未能获取视频URL，请稍后在即梦官网查看"},
		{Stock, classic, "[[states]]", "-2007 未能获取视频URL，请稍后在即梦官网查看"},
		{Fork, seedance, "[[states]]", "-2007 未能获取视频URL"},
		{Iptag, omni, "[[states]]", "ok"},
		{Iptag, omni, "[[fault:2038]]", "-2008 视频生成失败，状态码: 30，错误码: 2038"},
		{Iptag, omni, "[[fault:no_video_url]]", "-2007 未能获取视频URL，请稍后查看"},
		{Stock, seedance, "[[fault:video_timeout]]", "-2007 视频生成超时"},
		{Stock, seedance, "[[fault:content_violation]]", "-2001 [请求jimeng失败]: 内容违规"},
		{Iptag, omni, "[[fault:content_violation]]", "-2006 [内容违规]: 内容违规"},
		{Iptag, omni, "[[fault:bad_param]]", "-2000 [参数错误]: invalid parameter"},
		{Iptag, omni, "[[fault:generation_5001]]", "-2007 [生成失败]: generate failed"},
		{Iptag, omni, "[[fault:generation_5002]]", "-2008 [视频生成失败]: generate video failed"},
		{Iptag, omni, "[[fault:no_credits]]", "-2009 [积分不足]: Not enough credits left。建议：1)尝试使用1024x1024分辨率，2)检查是否需要购买积分，3)确认账户状态正常"},
	} {
		s := New(Config{Variant: tt.variant})
		body := map[string]any{"prompt": tt.fault}
		for k, v := range tt.body {
			if k != "prompt" {
				body[k] = v
			}
		}
		if got := text(call(t, s, "POST", "/v1/videos/generations", "t", body)); got != tt.want {
			t.Errorf("%s %s: got %s, want %s", tt.variant, tt.fault, got, tt.want)
		}
		paid := 1
		if p, err := parsePlan(strings.Trim(tt.fault, "[]")[6:]); err == nil && !p.generation {
			paid = 0
		}
		if got := len(s.Submits()); got != paid {
			t.Errorf("%s %s: %d paid submits, want %d", tt.variant, tt.fault, got, paid)
		}
	}
	s := New(Config{})
	for fault, want := range map[string]string{
		"2038": "-2007 生成失败，错误码: 2038", "2038@generation:string": "-2006 内容被过滤",
	} {
		if got := text(call(t, s, "POST", "/v1/images/generations", "t", map[string]any{"prompt": "[[fault:" + fault + "]]"})); got != want {
			t.Errorf("image %s: got %s, want %s", fault, got, want)
		}
	}
}

// Every fault of the table can be produced in both phases by every variant.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for i := range faults {
		f := &faults[i]
		if names[f.name] {
			t.Errorf("%s is twice in the table", f.name)
		}
		names[f.name] = true
		if f.transport != "" {
			continue // over real connections in TestBreakages
		}
		for _, v := range []Variant{Stock, Fork, Iptag} {
			for _, phase := range []string{"submit", "generation"} {
				s := New(Config{Variant: v})
				body := seedance("[[fault:" + f.name + "@" + phase + "]]")
				if got := text(call(t, s, "POST", "/v1/videos/generations", "t", body)); got == "ok" {
					t.Errorf("%s %s at %s: no failure", v, f.name, phase)
				}
				submits := s.Submits()
				if phase == "submit" && len(submits) != 0 || phase == "generation" && (len(submits) != 1 || submits[0].Outcome != "failed" || submits[0].Code == nil) {
					t.Errorf("%s %s at %s: submits %+v", v, f.name, phase, submits)
				}
			}
		}
		s := New(Config{})
		if data := status(t, s, "t", submit(t, s, "t", "[[fault:"+f.name+"@generation:key]]")); data["status"] != 30.0 || data["fail_code"] != nil {
			t.Errorf("%s as status: %v", f.name, data)
		}
	}
}

func TestRunningIsExact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Delay: 10 * time.Second})
		var wg sync.WaitGroup
		for range 2 { // two workers per token, one submit after the other
			for token := range 20 {
				wg.Go(func() {
					for range 25 {
						id := submit(t, s, fmt.Sprint("t", token), "x")
						for status(t, s, fmt.Sprint("t", token), id)["status"] != 50.0 {
							time.Sleep(10 * time.Second)
						}
					}
				})
			}
		}
		time.Sleep(5 * time.Second)
		if all, _ := s.Loads(); all.Running != 40 {
			t.Errorf("%d run, want 40", all.Running)
		}
		wg.Wait()
		all, tokens := s.Loads()
		if diff := cmp.Diff(Load{0, 40, 1000}, all); diff != "" {
			t.Errorf("all (-want +got):\n%s", diff)
		}
		for token, load := range tokens {
			if diff := cmp.Diff(Load{0, 2, 50}, load); diff != "" {
				t.Errorf("%s (-want +got):\n%s", token, diff)
			}
		}
		if len(tokens) != 20 || len(s.Submits()) != 1000 {
			t.Errorf("%d tokens, %d submits", len(tokens), len(s.Submits()))
		}
		submit(t, s, "t0", "x")
		submit(t, s, "t0", "x")
		submit(t, s, "t0", "x")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/_simulator/stats", nil))
		if want := `"t0":{"running":3,"max_running":3,"submits":53}`; !strings.Contains(w.Body.String(), want) {
			t.Errorf("stats %s lack %s", w.Body, want)
		}
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("DELETE", "/_simulator/submits", nil))
		if _, tokens := s.Loads(); len(s.Submits()) != 0 || tokens["t0"] != (Load{3, 3, 0}) {
			t.Errorf("after a reset: %v, %v", s.Submits(), tokens)
		}
	})
}

func TestAccountsChangeAtRunTime(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	send := func() string { return text(call(t, s, "POST", "/v1/videos/submit", "a", seedance("x"))) }
	id := submit(t, s, "a", "x")
	control(t, s, "/_simulator/tokens/a", `{"fault":"check_login_error"}`)
	if got, want := send(), "-2001 [请求jimeng失败]: check login error"; got != want {
		t.Errorf("expired: %s, want %s", got, want)
	}
	if got := text(call(t, s, "GET", "/v1/videos/"+id+"/status", "a", nil)); got == "ok" {
		t.Error("a status read needs a login too")
	}
	control(t, s, "/_simulator/tokens/a", `{"fault":"","credits":2}`)
	for i, want := range []string{"ok", "ok", "-2009 [无法生成视频]: 即梦积分可能不足，Not enough credits left"} {
		if got := send(); got != want {
			t.Errorf("submit %d: %s, want %s", i+1, got, want)
		}
	}
	if data := status(t, s, "a", id); data["status"] != 50.0 {
		t.Errorf("status without credits: %v", data)
	}
	control(t, s, "/_simulator/faults", `{"fault":"econnreset","path":"/v1/","count":1}`)
	if got := send(); got != "-1000 read ECONNRESET" {
		t.Errorf("outage: %s", got)
	}
	if got := send(); strings.HasPrefix(got, "-1000") {
		t.Errorf("after the outage: %s", got)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/_simulator/faults", strings.NewReader(`{"fault":"nope"}`)))
	if w.Code != http.StatusBadRequest {
		t.Errorf("unknown fault: HTTP %d", w.Code)
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Variant: Stock, Delay: time.Minute})
		control(t, s, "/_simulator/faults", `{"fault":"slow","delay":"7s","count":1}`)
		for _, tt := range []struct {
			prompt, header string
			want           time.Duration
		}{
			{"", "", 67 * time.Second}, // the whole server is slow, once
			{"", "", time.Minute},
			{"[[delay:3s]]", "", 3 * time.Second},
			{"", "4s", 4 * time.Second},
			{"[[fault:slow@submit]][[delay:1s]]", "", 11 * time.Second},
		} {
			body, _ := json.Marshal(map[string]any{"prompt": tt.prompt})
			r := httptest.NewRequest("POST", "/v1/videos/generations", strings.NewReader(string(body)))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Simulator-Delay", tt.header)
			start := time.Now()
			if got := text(do(t, s, r, "t")); got != "ok" {
				t.Errorf("%q: %s", tt.prompt, got)
			}
			if took := time.Since(start).Round(10 * time.Millisecond); took != tt.want {
				t.Errorf("%q with header %q took %s, want %s", tt.prompt, tt.header, took, tt.want)
			}
		}
	})
}
