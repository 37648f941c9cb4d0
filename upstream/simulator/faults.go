package simulator

import (
	"fmt"
	"strconv"
	"time"
)

// How to make the simulator fail, and where the names below can be used.
//
//	in the prompt            [[fault:NAME]]     of this generation
//	as a request header      X-Simulator-Fault: NAME
//	as the state of a token  POST /_simulator/tokens/{token} {"fault":"NAME"}
//	for the whole server     POST /_simulator/faults {"fault":"NAME"}
//
// A NAME may be followed by @submit (refused at once, nothing accepted or paid)
// or @generation (accepted and paid, fails when the delay is over). At the
// generation a fork's status is 30, and :number (the default), :string, :key or
// :empty after it choose how the fail code arrives, as in
// [[fault:2047@generation:string]]; :key sends the starling key and no code,
// :empty an empty one. All but fork's status answer with the message of a
// failed generation. What breaks below the protocol breaks right after the
// acceptance, and the generation itself goes on.
//
// Names, by the rows of the reference's classification table (faulttable.go has
// the texts); those with * fail at the generation unless told otherwise:
//
//	content rejected     content_filtered content_violation content_rules content_review
//	                     content_mismatch content_unsuitable image_check
//	                     2038* 2039* 2040* 2047*, and every starling key by its own name*:
//	                     violates_community_guidelines violate_guidelines fail2generate_input
//	                     fail2generate_copyright_block InputTextRisk inputimagerisk
//	                     OutputVideoRisk outputimagerisk sensitive_text
//	                     web_text_violates_community_guidelines_toast
//	blocked, risk        account_punished shark_not_pass shark_reject abnormal
//	                     account_banned risk_failed
//	                     web_risk_control_message_reject_generation* account_block*
//	                     risk_notification* risk_control*
//	auth expired         login_expired check_login_error unauthorized authorization
//	                     permission_denied
//	points, quota        no_credits credits_1006 uncollectable daily_limit daily_usage_limit*
//	rate limited         rate_limited
//	bad input            bad_param invalid_parameter param_error unsupported_param
//	                     unsupported_resolution unsupported_ratio needs_file
//	file transfer        file_invalid file_too_large first_frame_file first_frame_image
//	                     first_file first_material all_files all_images field_failed
//	timeout              timeout_45s timed_out video_timeout* result_timeout* no_result_timeout*
//	network              econnrefused econnreset enotfound eai_again hang_up network
//	                     browser_fetch
//	generation failed    generation_failed* fail2generate_input_retry* 100402* 1500*
//	                     generation_5001 generation_5002 no_video_url* no_record*
//	every code           code_1 code_1000 code_1001 … code_2009 code_9999
//	below the protocol   down (connection closed before anything was accepted)
//	                     cut (accepted, then closed without an answer)
//	                     truncated (accepted, half an answer, closed)
//	                     hang (no answer as long as the client waits)
//	                     slow (ten seconds late) garbage (HTML) http_500
//
// More for the prompt, all optional and in any order:
//
//	[[delay:3s]]        how long this generation takes (header X-Simulator-Delay)
//	[[queue:37/812]]    fork: raw.queue_info during the first half of the delay
//	[[states]]          fork: 42 and 45 during the last fifth; stock and fork
//	                    calls that wait end there without a video, as the real ones
//	[[lag:2]]           fork: so many reads at status 50 have no video_url yet
//	[[file:NAME]]       what those get who fetch a result, or with [[file:NAME:2]]
//	                    only the first two: cut (half of it, then the connection
//	                    breaks) short (half of it as if that were all) page (HTML)
//	                    garbage (HTML that is said to be a video) forbidden (403)
//	                    slow (two seconds) hold (half of it, and the rest when
//	                    control.go's release is called) hold_open (the same without
//	                    saying how long the file is) archive (all of it, and an
//	                    archive behind it)
//
// A token is such an account when it contains, in any letter case: expired
// (login_expired), blocked (account_punished), risk (shark_not_pass),
// nocredits (no credits left), ratelimited (rate_limited), daylimit (daily_limit).
var tokenWords = []struct{ word, fault string }{
	{"expired", "login_expired"},
	{"blocked", "account_punished"},
	{"nocredits", ""},
	{"ratelimited", "rate_limited"},
	{"daylimit", "daily_limit"},
	{"risk", "shark_not_pass"},
}

// fault is one thing that can go wrong. It has either the ret and words with
// which Jimeng refuses, or the code and words of the server itself, or what a
// failed generation's record says, or a breakage of the transport.
type fault struct {
	name      string
	ret       string // of Jimeng; each variant maps it in its own way
	words     string // of Jimeng, or the server's whole message
	code      int    // of the server's own failure
	iptag     *apiError
	failCode  string // of a record with status 30
	failKey   string // starling key of such a record
	transport string
	anyCall   bool // every call with the account fails, not only those that generate
	late      bool // at the generation unless told otherwise
}

// form is how a record tells why its generation failed.
type form int

const (
	asNumber form = iota
	asString
	asKey
	asEmpty
)

var formNames = []string{"number", "string", "key", "empty"}

// plan is a fault and when and how it happens.
type plan struct {
	fault      *fault
	generation bool
	form       form
}

const (
	ofVideo = "视频"
	ofImage = "图像"
)

// refusal is the failure with which the variant answers.
func (f *fault) refusal(v Variant, media string, seedance bool) error {
	switch {
	case f.transport != "":
		return &breakage{f.transport}
	case f.ret != "":
		return mapRet(v, media, seedance, f.ret, f.words)
	case f.failCode != "":
		return f.failed(v, media, seedance, asNumber)
	case f.failKey != "":
		return mapRet(v, media, seedance, "1500", f.failKey)
	case v == Iptag && f.iptag != nil:
		return f.iptag
	}
	return &apiError{f.code, f.words}
}

// failed is how a variant that waits tells that a record has status 30.
func (f *fault) failed(v Variant, media string, seedance bool, as form) error {
	if f.failCode == "" && f.failKey == "" {
		return f.refusal(v, media, seedance)
	}
	code, _ := f.record(as)
	text := "undefined"
	if code != nil {
		text = fmt.Sprint(code)
	}
	switch {
	case v == Iptag && media == ofImage:
		return failure(-2007, "图像生成失败，状态码: 30，错误码: %s", text)
	case v == Iptag:
		return failure(-2008, "视频生成失败，状态码: 30，错误码: %s", text)
	case media == ofVideo && !seedance:
		// The real servers lose the reason here.
		return failure(-2007, "未能获取视频URL，请稍后在即梦官网查看")
	case media == ofVideo && code == 2038, media == ofImage && code == "2038":
		return failure(-2006, "内容被过滤")
	}
	return failure(-2007, "生成失败，错误码: %s", text)
}

// record returns the fail code of a record, nil for none, and its starling key.
func (f *fault) record(as form) (code any, key string) {
	text, key := f.failCode, f.failKey
	if text == "" && f.ret != "" {
		text = f.ret
	}
	if text == "" && key == "" {
		text = "1500" // the servers' own failures have no code of Jimeng's
	}
	number, err := strconv.Atoi(text)
	switch {
	case as == asEmpty:
		return "", key
	case as == asKey || text == "":
		return nil, key
	case as == asNumber && err == nil:
		return number, key
	}
	return text, key
}

// mapRet is the reference's table of Jimeng's ret values.
func mapRet(v Variant, media string, seedance bool, ret, words string) error {
	if v != Iptag {
		if ret == "5000" {
			what := ofImage
			if seedance {
				what = ofVideo
			}
			return failure(-2009, "[无法生成%s]: 即梦积分可能不足，%s", what, words)
		}
		return failure(-2001, "[请求jimeng失败]: %s", words)
	}
	switch ret {
	case "1015":
		return failure(-2002, "[登录失效]: %s。请重新获取refresh_token并更新配置", words)
	case "5000":
		return failure(-2009, "[积分不足]: %s。建议：1)尝试使用1024x1024分辨率，2)检查是否需要购买积分，3)确认账户状态正常", words)
	case "4001":
		return failure(-2006, "[内容违规]: %s", words)
	case "4002":
		return failure(-2000, "[参数错误]: %s", words)
	case "5001":
		return failure(-2007, "[生成失败]: %s", words)
	case "5002":
		return failure(-2008, "[视频生成失败]: %s", words)
	}
	return failure(-2001, "[请求失败]: %s (错误码: %s)", words, ret)
}

// slowAnswer is how late an answer with the fault slow is.
const slowAnswer = 10 * time.Second
