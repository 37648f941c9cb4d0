package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seedance is a body that fork's submit accepts.
func seedance(prompt string) map[string]any {
	return map[string]any{"model": "seedance-2.0", "prompt": prompt, "file_paths": []string{"https://files.example/a.png"}}
}

// call sends a JSON body (nil for none, or a string as it is) and returns the answer.
func call(t *testing.T, s *Server, method, path, token string, body any) map[string]any {
	t.Helper()
	var reader io.Reader
	if text, ok := body.(string); ok {
		reader = strings.NewReader(text)
	} else if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequest(method, path, reader)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return do(t, s, r, token)
}

func do(t *testing.T, s *Server, r *http.Request, token string) map[string]any {
	t.Helper()
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: HTTP %d, everything must be 200", r.Method, r.URL, w.Code)
	}
	var answer any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s %s: %v in %q", r.Method, r.URL, err, w.Body)
	}
	if object, ok := answer.(map[string]any); ok {
		return object
	}
	return map[string]any{"list": answer}
}

// text writes an envelope as "code message", or "ok" for a success.
func text(answer map[string]any) string {
	if code, ok := answer["code"]; ok && code != 0.0 {
		if data, ok := answer["data"]; !ok || data != nil {
			return fmt.Sprintf("%v %v with data %v", code, answer["message"], data)
		}
		return fmt.Sprintf("%v %v", code, answer["message"])
	}
	return "ok"
}

// multipartForm returns a multipart request; files are "field=name=content".
func multipartForm(path string, fields [][2]string, files ...string) *http.Request {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		w.WriteField(f[0], f[1])
	}
	for _, f := range files {
		parts := strings.SplitN(f, "=", 3)
		part, _ := w.CreateFormFile(parts[0], parts[1])
		io.WriteString(part, parts[2])
	}
	w.Close()
	r := httptest.NewRequest("POST", path, &b)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const video, image = "/v1/videos/generations", "/v1/images/generations"
	type m = map[string]any
	tests := []struct {
		name     string
		variants string
		method   string
		path     string
		token    string
		body     any
		want     string
	}{
		{"no authorization", "stock fork", "POST", video, "", m{"prompt": "a"}, "-2000 Params headers.authorization invalid"},
		{"no authorization", "iptag", "POST", video, "", m{"prompt": "a"}, "-2000 Params headers.authorization invalid"},
		{"broken JSON", "stock fork", "POST", video, "t", `{"prompt":`, "-1000 Unexpected end of JSON input"},
		{"not JSON", "stock fork", "POST", video, "t", `nonsense`, `-1000 Unexpected token 'o', "nonsense" is not valid JSON`},
		{"broken JSON", "iptag", "POST", video, "t", `{"prompt":`, "-1000 无效的JSON格式: Unexpected end of JSON input"},
		{"mended JSON", "iptag", "POST", video, "t", "\ufeff{prompt:\u00a0'a',}", "ok"},
		{"unknown route", "stock fork", "GET", "/v1/nothing?x=1", "", nil, "-1000 [请求有误]: 正确请求为 POST -> /v1/chat/completions，当前请求为 GET -> /v1/nothing?x=1 请纠正"},
		{"unknown route", "iptag", "POST", "/v1/nothing", "", nil, "-1000 [请求有误]: 请检查API文档确认正确的请求路径，当前请求为 POST -> /v1/nothing 请纠正"},
		{"wrong method", "stock", "POST", "/ping", "", nil, "-1000 [请求有误]: 正确请求为 POST -> /v1/chat/completions，当前请求为 POST -> /ping 请纠正"},
		{"submit is fork's", "stock", "POST", "/v1/videos/submit", "t", m{}, "-1000 [请求有误]: 正确请求为 POST -> /v1/chat/completions，当前请求为 POST -> /v1/videos/submit 请纠正"},
		{"no alias in iptag", "iptag", "POST", "/v1/video/generations", "t", m{"prompt": "a"}, "-1000 [请求有误]: 请检查API文档确认正确的请求路径，当前请求为 POST -> /v1/video/generations 请纠正"},
		{"alias", "stock fork", "POST", "/v1/video/generations", "t", m{"prompt": "a"}, "ok"},

		{"classic", "stock fork", "POST", video, "t", m{"prompt": "a", "duration": 4.5}, "ok"},
		{"no prompt", "stock fork", "POST", video, "t", m{}, "ok"},
		{"unknown model", "stock fork iptag", "POST", video, "t", m{"prompt": "a", "model": "sora-99"}, "ok"},
		{"bad ratio", "stock fork", "POST", video, "t", m{"ratio": "21:9"}, `-1000 在 "720p" 分辨率下，不支持的比例 "21:9"。支持的比例: 1:1, 4:3, 3:4, 16:9, 9:16`},
		{"bad resolution", "stock fork", "POST", video, "t", m{"resolution": "4k"}, `-1000 不支持的视频分辨率 "4k"。支持的分辨率: 480p, 720p, 1080p`},
		{"bad duration", "stock fork", "POST", video, "t", m{"duration": 16}, "-2000 Params body.duration invalid"},
		{"duration as text", "stock fork", "POST", video, "t", m{"duration": "5"}, "-2000 Params body.duration invalid"},
		{"size", "stock fork", "POST", video, "t", m{"size": nil}, "-1000 不支持的参数: size。请使用 ratio 和 resolution 参数控制视频尺寸。"},
		{"null", "stock fork", "POST", video, "t", m{"model": nil}, "-2000 Params body.model invalid"},
		{"Seedance without a file", "stock fork", "POST", video, "t", m{"model": "seedance-2.0"}, "-2001 Seedance 2.0 需要至少一个文件（图片/视频/音频）"},
		{"Seedance without a file", "iptag", "POST", video, "t", m{"model": "jimeng-video-seedance-2.0", "prompt": "a"}, "ok"},

		{"submit", "fork", "POST", "/v1/videos/submit", "t", seedance("a"), "ok"},
		{"submit alias", "fork", "POST", "/v1/video/submit", "t", seedance("a"), "ok"},
		{"submit without a file", "fork", "POST", "/v1/videos/submit", "t", m{"model": "seedance-2.0"}, "-2001 Seedance 2.0 需要至少一个文件（图片/视频/音频）"},
		{"submit ignores size", "fork", "POST", "/v1/videos/submit", "t", m{"model": "seedance-2.0", "size": "1x1", "file_paths": []string{"https://a/b"}}, "ok"},
		{"submit of another model", "fork", "POST", "/v1/videos/submit", "t", m{}, "-1000 submit 接口当前仅支持 Seedance 模型，请使用 jimeng-video-seedance-2.0 或 seedance-2.0"},
		{"unknown id", "fork", "GET", "/v1/videos/8918159809292/status", "t", nil, "-2007 历史记录不存在: 8918159809292"},
		{"status without authorization", "fork", "GET", "/v1/video/1/status", "", nil, "-2000 Params headers.authorization invalid"},

		{"prompt required", "iptag", "POST", video, "t", m{}, "-2000 Params body.prompt invalid"},
		{"duration of 3.5-pro", "iptag", "POST", video, "t", m{"prompt": "a", "duration": 4}, "-1000 3.5-pro 模型仅支持 5、10、12 秒时长，当前值: 4"},
		{"duration of veo3", "iptag", "POST", video, "t", m{"prompt": "a", "model": "veo3.1", "duration": 5}, "-1000 veo3 模型仅支持 8 秒时长，当前值: 5"},
		{"duration of sora2", "iptag", "POST", video, "t", m{"prompt": "a", "model": "sora2", "duration": 12}, "ok"},
		{"fraction", "iptag", "POST", video, "t", m{"prompt": "a", "duration": 5.5}, "-1000 duration 必须是整数，当前值: 5.5"},
		{"function mode", "iptag", "POST", video, "t", m{"prompt": "a", "functionMode": "omni_reference"}, "-2000 Params body.functionMode invalid"},
		{"omni without material", "iptag", "POST", video, "t", m{"prompt": "a", "model": "jimeng-video-seedance-2.0", "functionMode": "omni_reference"}, "-1000 全能模式至少需要上传1个素材文件(图片或视频)"},
		{"three paths", "iptag", "POST", video, "t", m{"prompt": "a", "filePaths": []string{"a", "b", "c"}}, "-2000 Params body.filePaths invalid"},
		{"bad ratio", "iptag", "POST", video, "t", m{"prompt": "a", "ratio": "5:4"}, `-1000 在 "720p" 分辨率下，不支持的比例 "5:4"。支持的比例: 1:1, 4:3, 3:4, 16:9, 9:16`},
		{"resolution ignored", "iptag", "POST", video, "t", m{"prompt": "a", "resolution": "8k"}, "ok"},

		{"image", "stock fork iptag", "POST", image, "t", m{"prompt": "a"}, "ok"},
		{"image without prompt", "stock fork iptag", "POST", image, "t", m{}, "-2000 Params body.prompt invalid"},
		{"image size", "stock fork iptag", "POST", image, "t", m{"prompt": "a", "width": 1}, "-1000 不支持的参数: width。请使用 ratio 和 resolution 参数控制图像尺寸。"},
		{"image resolution", "stock fork iptag", "POST", image, "t", m{"prompt": "a", "resolution": "8k"}, `-1000 不支持的分辨率 "8k"。支持的分辨率: 1k, 2k, 4k`},
		{"composition without images", "stock fork iptag", "POST", "/v1/images/compositions", "t", m{"prompt": "a"}, "-2000 Params body.images invalid"},
		{"composition of none", "stock fork iptag", "POST", "/v1/images/compositions", "t", m{"prompt": "a", "images": []string{}}, "-1000 至少需要提供1张输入图片"},

		{"check", "stock fork iptag", "POST", "/token/check", "", m{"token": "t"}, "ok"},
		{"check nothing", "stock fork iptag", "POST", "/token/check", "", nil, "-2000 Params body.token invalid"},
		{"check expired", "stock fork", "POST", "/token/check", "", m{"token": "expired"}, "-2001 [请求jimeng失败]: login error"},
		{"points", "stock fork iptag", "POST", "/token/points", "t", nil, "ok"},
		{"points of an expired one", "stock fork", "POST", "/token/points", "t,expired", nil, "-2001 [请求jimeng失败]: login error"},
		{"points of an expired one", "iptag", "POST", "/token/points", "expired", nil, "-2002 [登录失效]: login error。请重新获取refresh_token并更新配置"},
		{"login error", "stock fork", "POST", video, "expired", m{}, "-2001 [请求jimeng失败]: login error"},
		{"login error at a status", "fork", "GET", "/v1/videos/1/status", "expired", nil, "-2001 [请求jimeng失败]: login error"},
		{"blocked", "stock fork", "POST", video, "my-blocked-1", m{}, "-2001 [请求jimeng失败]: account punish limit ai generate"},
		{"blocked", "iptag", "POST", video, "my-blocked-1", m{"prompt": "a"}, "-2001 [请求失败]: account punish limit ai generate (错误码: 1018)"},
		{"no points", "stock fork", "POST", video, "nocredits", m{}, "-2009 [无法生成图像]: 即梦积分可能不足，Not enough credits left"},
		{"no points for Seedance", "stock fork", "POST", video, "nocredits", seedance("a"), "-2009 [无法生成视频]: 即梦积分可能不足，Not enough credits left"},
		{"no points", "iptag", "POST", video, "nocredits", m{"prompt": "a"}, "-2008 积分不足且无法自动收取。请访问即梦官网手动收取首次积分，或检查账户状态。"},
		{"no points", "iptag", "POST", image, "nocredits", m{"prompt": "a"}, "-2009 积分不足且无法自动收取。请访问即梦官网手动收取首次积分，或检查账户状态。"},
		{"scheme in lower case is part of the token", "fork", "POST", video, "x,expired", m{"model": 1}, "-2000 Params body.model invalid"},
		{"misspelt fault", "fork", "POST", "/v1/videos/submit", "t", seedance("[[fault:nothing]]"), `-1000 simulator: unknown fault "nothing", see the table in faults.go`},
	}
	for _, tt := range tests {
		for variant := range strings.FieldsSeq(tt.variants) {
			t.Run(variant+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				s := New(Config{Variant: Variant(variant)})
				if got := text(call(t, s, tt.method, tt.path, tt.token, tt.body)); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		}
	}
}

func TestPlainRoutes(t *testing.T) {
	t.Parallel()
	for _, v := range []Variant{Stock, Fork, Iptag} {
		s := New(Config{Variant: v})
		for path, want := range map[string]string{"/ping": "pong", "/": "simulated"} {
			for _, method := range []string{"GET", "HEAD"} {
				w := httptest.NewRecorder()
				s.ServeHTTP(w, httptest.NewRequest(method, path, nil))
				if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s %s %s: %d %s", v, method, path, w.Code, w.Body)
				}
			}
		}
		answer := call(t, s, "GET", "/v1/models", "", nil)
		models, _ := answer["data"].([]any)
		if want := map[Variant]int{Stock: 23, Fork: 23, Iptag: 5}[v]; len(models) != want {
			t.Errorf("%s tells %d models, want %d", v, len(models), want)
		}
		if _, ok := answer["object"]; ok {
			t.Errorf("%s: the list has no object field in the originals", v)
		}
	}
}

func TestTokenEndpoints(t *testing.T) {
	t.Parallel()
	s := New(Config{Variant: Iptag})
	if got := call(t, s, "POST", "/token/check", "", map[string]any{"token": "expired"}); got["live"] != false {
		t.Errorf("an expired token at iptag: %v, want live false", got)
	}
	control(t, s, "/_simulator/tokens/a", `{"credits":0,"daily":66}`)
	for i, want := range []string{
		`[{"credits":{"giftCredit":66,"purchaseCredit":0,"totalCredit":66,"vipCredit":0},"received":true,"token":"a"}]`,
		`[{"credits":{"giftCredit":66,"purchaseCredit":0,"totalCredit":66,"vipCredit":0},"received":false,"token":"a"}]`,
	} {
		got, _ := json.Marshal(call(t, s, "POST", "/token/receive", "a", nil)["list"])
		if string(got) != want {
			t.Errorf("collection %d\ngot  %s\nwant %s", i+1, got, want)
		}
	}
	got, _ := json.Marshal(call(t, s, "POST", "/token/points", "a, b", nil)["list"])
	want := `[{"points":{"giftCredit":66,"purchaseCredit":0,"totalCredit":66,"vipCredit":0},"token":"a"},` +
		`{"points":{"giftCredit":100000,"purchaseCredit":0,"totalCredit":100000,"vipCredit":0},"token":"b"}]`
	if string(got) != want {
		t.Errorf("points\ngot  %s\nwant %s", got, want)
	}
}

// control sends a control request that must succeed.
func control(t *testing.T, s *Server, path, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader(body)))
	if w.Code >= 300 {
		t.Fatalf("POST %s %s: HTTP %d %s", path, body, w.Code, w.Body)
	}
}
