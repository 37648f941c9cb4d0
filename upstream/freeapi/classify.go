package freeapi

import (
	"regexp"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// rule recognises one kind of fault. codes are codes of the server's envelope,
// return codes of Jimeng and fail codes of a generation, which never collide;
// words are matched in any letter case.
type rule struct {
	kind        upstream.Kind
	notAccepted bool
	codes       []string
	words       []string
	wordStart   bool // a word must not continue another: "rate limit" is not in "generate limit"
}

// rules are asked from the top, and the first that matches decides: a text such
// as "生成失败，错误码: 2047" fits more than one. Codes and words come from the
// source of the servers and, for Jimeng's own, from public issue threads; the
// rate limits, which neither lists, are the usual phrases of the vendor.
//
// A fault of the network is only certain to have come before the submit where
// the server itself could not connect; the doubtful row therefore goes first.
var rules = []rule{
	// The upstream suggests another try. The key contains that of a content rejection.
	{kind: upstream.GenerationFailed, words: []string{"fail2generate_input_retry"}},
	{kind: upstream.ContentRisk, notAccepted: true,
		codes: []string{"-2006", "2038", "2039", "2040", "2047", "4001"},
		words: []string{
			"内容被过滤", "内容违规", "平台规则", "未通过审核", "不符合", "不合适内容", "图片内容检测未通过",
			"violates_community_guidelines", "violate_guidelines", "fail2generate_input", "fail2generate_copyright_block",
			"InputTextRisk", "inputimagerisk", "OutputVideoRisk", "outputimagerisk", "sensitive_text",
		}},
	{kind: upstream.AccountBlocked, notAccepted: true,
		words: []string{"account_block", "账号已被封禁"}},
	{kind: upstream.RiskControl, notAccepted: true,
		codes: []string{"1018", "1019", "-4", "4013"},
		words: []string{
			"account punish limit ai generate", "shark not pass", "shark check reject", "疑似存在异常行为",
			"web_risk_control_message_reject_generation", "risk_notification", "risk_control", "风控失败",
		}},
	{kind: upstream.Auth, notAccepted: true,
		codes: []string{"-2002", "1015", "3018"},
		words: []string{"login error", "登录失效", "unauthorized", "authorization", "permission denied"}},
	{kind: upstream.DailyLimit, notAccepted: true,
		words: []string{"每日使用上限", "daily_usage_limit"}},
	{kind: upstream.Quota, notAccepted: true,
		codes: []string{"-2009", "1006", "5000"},
		words: []string{"积分不足", "积分可能不足", "Not enough credits left", "无法自动收取"}},
	{kind: upstream.RateLimited, notAccepted: true, wordStart: true,
		codes: []string{"1310"},
		words: []string{
			"too many requests", "rate limit", "rate_limit", "ratelimit", "ExceedConcurrencyLimit",
			"请求过于频繁", "操作过于频繁", "访问过于频繁", "请求频率过高", "操作频繁",
		}},
	{kind: upstream.BadInput, notAccepted: true,
		codes: []string{"-2000", "1000", "4002", "34010100"},
		words: []string{
			"不支持的参数", "不支持的视频分辨率", "不支持的分辨率", "不支持的比例", "invalid parameter", "param error",
			"需要至少一个文件", "当前仅支持 Seedance", "至少需要上传1个素材文件", "无效的JSON格式",
		}},
	{kind: upstream.FileTransfer, notAccepted: true,
		codes: []string{"-2003", "-2004"},
		words: []string{
			"首帧文件上传失败", "首帧图片上传失败", "首个文件上传失败", "首个素材上传失败",
			"所有文件上传失败", "所有图片上传失败", "处理失败",
		}},
	{kind: upstream.Timeout,
		words: []string{"timeout of ", "视频生成超时", "获取视频生成结果超时", "生成超时且无结果", "timed out"}},
	{kind: upstream.Network,
		words: []string{"ECONNRESET", "ETIMEDOUT", "socket hang up", "network", "浏览器 fetch 失败"}},
	{kind: upstream.Network, notAccepted: true,
		words: []string{"ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"}},
	{kind: upstream.GenerationFailed,
		codes: []string{"-2007", "-2008", "100402", "5001", "5002"},
		words: []string{"生成失败，错误码", "100402", "generation_failed", "未能获取视频URL", "记录ID不存在"}},
}

// classify names a fault and tells whether the server surely did not accept the
// request. It knows nothing of the call; see [settle] for blocking ones.
func classify(codes []string, text string) (kind upstream.Kind, notAccepted bool) {
	text = strings.ToLower(text)
	for _, r := range rules {
		if r.matches(codes, text) {
			return r.kind, r.notAccepted
		}
	}
	return upstream.Unknown, false
}

func (r *rule) matches(codes []string, lower string) bool {
	for _, c := range codes {
		if slices.Contains(r.codes, c) {
			return true
		}
	}
	for _, w := range r.words {
		w = strings.ToLower(w)
		if r.wordStart && containsStart(lower, w) || !r.wordStart && strings.Contains(lower, w) {
			return true
		}
	}
	return false
}

// containsStart is strings.Contains for words that no letter precedes.
func containsStart(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		if at := from + i; at == 0 || text[at-1] < 'a' || text[at-1] > 'z' {
			return true
		}
		from += i + 1
	}
}

// codePattern finds the codes that the servers write into their messages:
// "错误码: 2038", "(错误码: 1018)".
var codePattern = regexp.MustCompile(`错误码[:：]\s*(-?\d+)`)

func codesIn(message string) []string {
	var codes []string
	for _, m := range codePattern.FindAllStringSubmatch(message, 8) {
		codes = append(codes, m[1])
	}
	return codes
}
