package freeapi

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Every signal of the contract's classification table in the envelope in which
// the servers send it, and what may be concluded from it.
var envelopes = []struct {
	code, message string
	kind          upstream.Kind
	notAccepted   bool
}{
	// content rejected
	{"-2006", "内容被过滤", upstream.ContentRisk, true},
	{"-2006", "x", upstream.ContentRisk, true},
	{"-2006", "[内容违规]: risk not pass", upstream.ContentRisk, true},
	{"-2008", "视频生成失败，状态码: 30，错误码: 2038", upstream.ContentRisk, true},
	{"-2007", "生成失败，错误码: 2039", upstream.ContentRisk, true},
	{"-2007", "生成失败，错误码: 2040", upstream.ContentRisk, true},
	{"-2007", "生成失败，错误码: 2047", upstream.ContentRisk, true},
	{"-2001", "[请求jimeng失败]: 你输入的文字不符合平台规则，请修改后重试", upstream.ContentRisk, true},
	{"-2001", "视频未通过审核", upstream.ContentRisk, true},
	{"-2001", "违反平台规则", upstream.ContentRisk, true},
	{"-2001", "图片中可能包含不合适内容", upstream.ContentRisk, true},
	{"-2001", "图片内容检测未通过，该图片可能包含违规内容", upstream.ContentRisk, true},
	{"-2001", "image_file_1 处理失败: 图片内容检测未通过", upstream.ContentRisk, true},
	{"-2001", "web_text_violates_community_guidelines_toast", upstream.ContentRisk, true},
	{"-2001", "violate_guidelines", upstream.ContentRisk, true},
	{"-2001", "fail2generate_input", upstream.ContentRisk, true},
	{"-2001", "fail2generate_copyright_block", upstream.ContentRisk, true},
	{"-2001", "InputTextRisk", upstream.ContentRisk, true},
	{"-2001", "INPUTIMAGERISK", upstream.ContentRisk, true},
	{"-2001", "OutputVideoRisk", upstream.ContentRisk, true},
	{"-2001", "outputimagerisk", upstream.ContentRisk, true},
	{"-2001", "sensitive_text", upstream.ContentRisk, true},

	// account blocked, risk control
	{"-2001", "[请求jimeng失败]: 账号已被封禁", upstream.AccountBlocked, true},
	{"-2001", "web_account_block_toast", upstream.AccountBlocked, true},
	{"-2001", "[请求jimeng失败]: account punish limit ai generate", upstream.RiskControl, true},
	{"-2001", "[请求失败]: something (错误码: 1018)", upstream.RiskControl, true},
	{"-2001", "[请求jimeng失败]: shark not pass", upstream.RiskControl, true},
	{"-2001", "[请求失败]: something (错误码: 1019)", upstream.RiskControl, true},
	{"-2001", "[请求jimeng失败]: shark check reject", upstream.RiskControl, true},
	{"-2001", "[请求失败]: something (错误码: -4)", upstream.RiskControl, true},
	{"-2001", "[请求jimeng失败]: 疑似存在异常行为", upstream.RiskControl, true},
	{"-2001", "[请求失败]: something (错误码: 4013)", upstream.RiskControl, true},
	{"-2001", "web_risk_control_message_reject_generation", upstream.RiskControl, true},
	{"-2001", "risk_notification", upstream.RiskControl, true},
	{"-2001", "Risk_Control", upstream.RiskControl, true},
	{"-2001", "风控失败", upstream.RiskControl, true},

	// auth expired
	{"-2002", "Token已失效", upstream.Auth, true},
	{"-2002", "[登录失效]: check login error。请重新获取refresh_token并更新配置", upstream.Auth, true},
	{"-2001", "[请求jimeng失败]: login error", upstream.Auth, true},
	{"-2001", "[请求jimeng失败]: Check Login Error", upstream.Auth, true},
	{"-2001", "[请求失败]: something (错误码: 1015)", upstream.Auth, true},
	{"-2001", "[请求jimeng失败]: unauthorized", upstream.Auth, true},
	{"-2000", "Params headers.authorization invalid", upstream.Auth, true},
	{"-2001", "[请求jimeng失败]: permission denied", upstream.Auth, true},
	{"-2001", "[请求失败]: something (错误码: 3018)", upstream.Auth, true},

	// points, quota
	{"-2009", "[无法生成视频]: 即梦积分可能不足，Not enough credits left", upstream.Quota, true},
	{"-2009", "x", upstream.Quota, true},
	{"-2001", "[请求jimeng失败]: Not enough credits left", upstream.Quota, true},
	{"-2001", "[请求失败]: something (错误码: 1006)", upstream.Quota, true},
	{"-2008", "积分不足且无法自动收取。请访问即梦官网手动收取首次积分，或检查账户状态。", upstream.Quota, true},
	{"-2001", "今日生成次数已达每日使用上限", upstream.DailyLimit, true},
	{"-2001", "web_daily_usage_limit_toast", upstream.DailyLimit, true},

	// rate limited: a burst limit is not a quota
	{"-2001", "[请求jimeng失败]: api rate limit", upstream.RateLimited, true},
	{"-2001", "Too Many Requests", upstream.RateLimited, true},
	{"-1000", "Request failed with status code 429: too many requests", upstream.RateLimited, true},
	{"-2001", "[请求jimeng失败]: 请求过于频繁，请稍后再试", upstream.RateLimited, true},
	{"-2001", "[请求失败]: ExceedConcurrencyLimit (错误码: 1310)", upstream.RateLimited, true},
	{"-2001", "the account's generate limit", upstream.Unknown, false},

	// bad input
	{"-2000", "Params body.duration invalid", upstream.BadInput, true},
	{"-2000", "[参数错误]: something", upstream.BadInput, true},
	{"-1000", "不支持的参数: size。请使用 ratio 和 resolution 参数控制视频尺寸。", upstream.BadInput, true},
	{"-1000", `不支持的视频分辨率 "2160p"。支持的分辨率: 480p, 720p, 1080p`, upstream.BadInput, true},
	{"-1000", `在 "720p" 分辨率下，不支持的比例 "5:4"。支持的比例: 1:1`, upstream.BadInput, true},
	{"-2001", "[请求jimeng失败]: invalid parameter", upstream.BadInput, true},
	{"-2001", "[请求失败]: something (错误码: 1000)", upstream.BadInput, true},
	{"-2001", "[请求jimeng失败]: param error", upstream.BadInput, true},
	{"-2001", "[请求失败]: something (错误码: 34010100)", upstream.BadInput, true},
	{"-2001", "Seedance 2.0 需要至少一个文件（图片/视频/音频）", upstream.BadInput, true},
	{"-1000", "submit 接口当前仅支持 Seedance 模型，请使用 seedance-2.0", upstream.BadInput, true},
	{"-1000", "全能模式至少需要上传1个素材文件(图片或视频)", upstream.BadInput, true},

	// file transfer
	{"-2003", "File https://files.example/a.png is not valid: [404] Not Found", upstream.FileTransfer, true},
	{"-2004", "File https://files.example/a.png exceeds the size limit", upstream.FileTransfer, true},
	{"-2001", "首帧文件上传失败: socket hang up", upstream.FileTransfer, true},
	{"-2001", "首帧图片上传失败: timeout of 45000ms exceeded", upstream.FileTransfer, true},
	{"-2001", "首个文件上传失败: connect ECONNREFUSED", upstream.FileTransfer, true},
	{"-2001", "首个素材上传失败: x", upstream.FileTransfer, true},
	{"-2001", "所有文件上传失败", upstream.FileTransfer, true},
	{"-2001", "所有图片上传失败", upstream.FileTransfer, true},
	{"-2001", "video_file_1 处理失败: x", upstream.FileTransfer, true},

	// timeout: the job may still finish
	{"-1000", "timeout of 45000ms exceeded", upstream.Timeout, false},
	{"-2007", "视频生成超时", upstream.Timeout, false},
	{"-2007", "获取视频生成结果超时，请稍后在即梦官网查看您的视频", upstream.Timeout, false},
	{"-2007", "生成超时且无结果，状态码: 20，历史ID: 8918159809292", upstream.Timeout, false},
	{"-1000", "connection timed out", upstream.Timeout, false},

	// network: certain only where no connection was made
	{"-1000", "connect ECONNREFUSED 127.0.0.1:443", upstream.Network, true},
	{"-1000", "getaddrinfo ENOTFOUND jimeng.jianying.com", upstream.Network, true},
	{"-1000", "getaddrinfo EAI_AGAIN jimeng.jianying.com", upstream.Network, true},
	{"-1000", "read ECONNRESET", upstream.Network, false},
	{"-1000", "socket hang up", upstream.Network, false},
	{"-1000", "Network Error", upstream.Network, false},
	{"-2001", "浏览器 fetch 失败: Failed to fetch", upstream.Network, false},

	// generation failed
	{"-2007", "x", upstream.GenerationFailed, false},
	{"-2008", "视频生成失败，状态码: 30，错误码: 1500", upstream.GenerationFailed, false},
	{"-2007", "生成失败，错误码: undefined", upstream.GenerationFailed, false},
	{"-2001", "生成失败，错误码: 100402", upstream.GenerationFailed, false},
	{"-2001", "generation_failed", upstream.GenerationFailed, false},
	{"-2001", "fail2generate_input_retry", upstream.GenerationFailed, false},
	{"-2007", "未能获取视频URL，请稍后在即梦官网查看", upstream.GenerationFailed, false},
	{"-2007", "记录ID不存在", upstream.GenerationFailed, false},

	// nothing that is known
	{"-1", "Internal error", upstream.Unknown, false},
	{"-1000", "Cannot read properties of undefined", upstream.Unknown, false},
	{"-2001", "[请求jimeng失败]: something else in 2038 ms", upstream.Unknown, false},
	{"-9999", "API异常错误", upstream.Unknown, false},
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, c := range envelopes {
		for _, code := range []string{c.code, fmt.Sprintf("%q", c.code)} { // number and string
			e, ok := parseEnvelope(fmt.Appendf(nil, `{"code":%s,"message":%q,"data":null}`, code, c.message))
			if !ok || !e.failed() {
				t.Fatalf("%s %s is no failure", code, c.message)
			}
			got := e.fault("secret-secret")
			if got.Kind != c.kind || got.NotAccepted != c.notAccepted || got.Unreachable || got.Code != c.code || got.Message != c.message {
				t.Errorf("%s %q: got %+v, want %s, not accepted %t", code, c.message, got, c.kind, c.notAccepted)
			}
		}
	}
}

// Each word and code of the table must be reached by a case above or here.
func TestRulesAreReachable(t *testing.T) {
	t.Parallel()
	for i, r := range rules {
		for _, w := range r.words {
			if kind, _ := classify(nil, w); kind != r.kind {
				t.Errorf("row %d: %q is %s and not %s", i, w, kind, r.kind)
			}
		}
		for _, c := range r.codes {
			if kind, _ := classify([]string{c}, ""); kind != r.kind {
				t.Errorf("row %d: code %s is %s and not %s", i, c, kind, r.kind)
			}
		}
	}
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body       string
		ok, failed bool
	}{
		{`{"created":1,"data":[]}`, true, false},
		{`{"code":0,"message":"ok","data":{}}`, true, false},
		{`{"code":"0","data":{}}`, true, false},
		{`{"code":null,"data":{}}`, true, false},
		{`{"code":-1000,"message":"x","data":null}`, true, true},
		{`{"code":"E1","message":["x"]}`, true, true},
		{`<html>`, false, false},
		{``, false, false},
		{`[]`, false, false},
		{`{"code":`, false, false},
	} {
		e, ok := parseEnvelope([]byte(c.body))
		if ok != c.ok || e.failed() != c.failed {
			t.Errorf("%s: ok %t, failed %t", c.body, ok, e.failed())
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	secret := "http://user:password@proxy.example:8080@us-0123456789abcdef0123"
	for _, text := range []string{
		"token " + secret + " is bad", "token us-0123456789abcdef0123", "token 0123456789abcdef0123!",
		"token 456789abcd…", "via user:password",
	} {
		got := clean(text, secret)
		for i := 0; i+secretPiece <= len(secret); i++ {
			piece := secret[i : i+secretPiece]
			if !strings.ContainsAny(piece, "@/") && strings.Contains(got, piece) {
				t.Errorf("%q shows %q", got, piece)
			}
		}
	}
	long := clean(strings.Repeat("即梦", 5000), secret)
	if len(long) > maxMessage+len("…") || !utf8.ValidString(long) {
		t.Errorf("%d bytes, valid %t", len(long), utf8.ValidString(long))
	}
	if got := clean("short secrets stay out too: abcd", "abcd"); strings.Contains(got, "abcd") {
		t.Error(got)
	}
}

func FuzzClassify(f *testing.F) {
	for _, c := range envelopes {
		f.Add(c.code, c.message)
	}
	f.Add("-2001", "token 0123456789abcdef is bad")
	f.Fuzz(func(t *testing.T, code, message string) {
		e := envelope{code: code, message: message}
		got := e.fault("0123456789abcdef")
		if got.Kind == "" {
			t.Error("no kind")
		}
		if strings.Contains(got.Message, "01234567") || !utf8.ValidString(got.Message) || len(got.Message) > maxMessage+8 {
			t.Errorf("message %q", got.Message)
		}
		if again := e.fault("0123456789abcdef"); again.Kind != got.Kind || again.NotAccepted != got.NotAccepted {
			t.Error("not the same twice")
		}
	})
}
