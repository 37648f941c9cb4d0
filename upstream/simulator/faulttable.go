package simulator

import "slices"

// faults is the table of everything that can go wrong. A fault's place in it is
// part of the ids of generations, so new ones go to the end.
var faults = slices.Concat(refusals, ownFailures, failedRecords, transports, codes())

// refusals are Jimeng's answers to a submit: those of its ret values that the
// servers map, and those that people have reported.
var refusals = []fault{
	{name: "login_expired", ret: "1015", words: "login error", anyCall: true},
	{name: "check_login_error", ret: "1015", words: "check login error", anyCall: true},
	{name: "unauthorized", ret: "401", words: "unauthorized", anyCall: true},
	{name: "authorization", ret: "401", words: "authorization", anyCall: true},
	{name: "permission_denied", ret: "3018", words: "permission denied", anyCall: true},
	{name: "account_punished", ret: "1018", words: "account punish limit ai generate"},
	{name: "shark_not_pass", ret: "1019", words: "shark not pass"},
	{name: "shark_reject", ret: "-4", words: "shark check reject"},
	{name: "abnormal", ret: "4013", words: "疑似存在异常行为"},
	{name: "account_banned", ret: "1018", words: "账号已被封禁"},
	{name: "risk_failed", ret: "1019", words: "风控失败"},
	{name: "no_credits", ret: "5000", words: "Not enough credits left"},
	{name: "credits_1006", ret: "1006", words: "Not enough credits left"},
	{name: "daily_limit", ret: "1", words: "今日生成次数已达每日使用上限"},
	{name: "rate_limited", ret: "1", words: "api rate limit"},
	{name: "content_violation", ret: "4001", words: "内容违规"},
	{name: "content_rules", ret: "2039", words: "你输入的文字不符合平台规则，请修改后重试"},
	{name: "content_review", ret: "2040", words: "视频未通过审核"},
	{name: "content_mismatch", ret: "2047", words: "内容不符合要求"},
	{name: "content_unsuitable", ret: "2047", words: "图片中可能包含不合适内容"},
	{name: "bad_param", ret: "4002", words: "invalid parameter"},
	{name: "invalid_parameter", ret: "1000", words: "invalid parameter"},
	{name: "param_error", ret: "34010100", words: "param error"},
	{name: "generation_5001", ret: "5001", words: "generate failed"},
	{name: "generation_5002", ret: "5002", words: "generate video failed"},
}

// ownFailures are thrown by the servers themselves.
var ownFailures = []fault{
	{name: "content_filtered", code: -2006, words: "内容被过滤", iptag: &apiError{-2006, "[内容违规]: risk not pass"}},
	{name: "image_check", code: -2001, words: "图片内容检测未通过，该图片可能包含违规内容"},
	{name: "uncollectable", code: -2009, words: "积分不足且无法自动收取。请访问即梦官网手动收取首次积分，或检查账户状态。",
		iptag: &apiError{-2008, "积分不足且无法自动收取。请访问即梦官网手动收取首次积分，或检查账户状态。"}},
	{name: "unsupported_param", code: -1000, words: "不支持的参数: size。请使用 ratio 和 resolution 参数控制视频尺寸。"},
	{name: "unsupported_resolution", code: -1000, words: `不支持的视频分辨率 "2160p"。支持的分辨率: 480p, 720p, 1080p`},
	{name: "unsupported_ratio", code: -1000, words: `在 "720p" 分辨率下，不支持的比例 "5:4"。支持的比例: 1:1, 4:3, 3:4, 16:9, 9:16`},
	{name: "needs_file", code: -2001, words: "Seedance 2.0 需要至少一个文件（图片/视频/音频）"},
	{name: "file_invalid", code: -2003, words: "File https://files.example/a.png is not valid: [404] Not Found"},
	{name: "file_too_large", code: -2004, words: "File https://files.example/a.png exceeds the size limit"},
	{name: "first_frame_file", code: -2001, words: "首帧文件上传失败: socket hang up"},
	{name: "first_frame_image", code: -2001, words: "首帧图片上传失败: socket hang up"},
	{name: "first_file", code: -2001, words: "首个文件上传失败: socket hang up"},
	{name: "first_material", code: -2001, words: "首个素材上传失败: socket hang up"},
	{name: "all_files", code: -2001, words: "所有文件上传失败"},
	{name: "all_images", code: -2001, words: "所有图片上传失败"},
	{name: "field_failed", code: -2001, words: "image_file_1 处理失败: socket hang up"},
	{name: "timeout_45s", code: -1000, words: "timeout of 45000ms exceeded", anyCall: true},
	{name: "timed_out", code: -1000, words: "connection timed out", anyCall: true},
	{name: "video_timeout", code: -2007, words: "视频生成超时", late: true},
	{name: "result_timeout", code: -2007, words: "获取视频生成结果超时，请稍后在即梦官网查看您的视频", late: true},
	{name: "no_result_timeout", code: -2007, words: "生成超时且无结果，状态码: 20，历史ID: 8918159809292", late: true},
	{name: "econnrefused", code: -1000, words: "connect ECONNREFUSED 127.0.0.1:443", anyCall: true},
	{name: "econnreset", code: -1000, words: "read ECONNRESET", anyCall: true},
	{name: "enotfound", code: -1000, words: "getaddrinfo ENOTFOUND jimeng.jianying.com", anyCall: true},
	{name: "eai_again", code: -1000, words: "getaddrinfo EAI_AGAIN jimeng.jianying.com", anyCall: true},
	{name: "hang_up", code: -1000, words: "socket hang up", anyCall: true},
	{name: "network", code: -1000, words: "Network Error", anyCall: true},
	{name: "browser_fetch", code: -2001, words: "浏览器 fetch 失败: Failed to fetch"},
	{name: "no_video_url", code: -2007, words: "未能获取视频URL", iptag: &apiError{-2007, "未能获取视频URL，请稍后查看"}, late: true},
	{name: "no_record", code: -2007, words: "记录ID不存在", late: true},
}

// failedRecords are what a history record with status 30 says.
var failedRecords = []fault{
	{name: "2038", failCode: "2038", failKey: "web_text_violates_community_guidelines_toast", late: true},
	{name: "2039", failCode: "2039", failKey: "web_image_violates_community_guidelines_toast", late: true},
	{name: "2040", failCode: "2040", failKey: "web_video_violates_community_guidelines_toast", late: true},
	{name: "2047", failCode: "2047", failKey: "web_text_violates_community_guidelines_toast", late: true},
	{name: "100402", failCode: "100402", failKey: "generation_failed", late: true},
	{name: "1500", failCode: "1500", failKey: "generation_failed", late: true},
	{name: "violates_community_guidelines", failKey: "violates_community_guidelines", late: true},
	{name: "violate_guidelines", failKey: "violate_guidelines", late: true},
	{name: "fail2generate_input", failKey: "fail2generate_input", late: true},
	{name: "fail2generate_copyright_block", failKey: "fail2generate_copyright_block", late: true},
	{name: "fail2generate_input_retry", failKey: "fail2generate_input_retry", late: true},
	{name: "InputTextRisk", failKey: "InputTextRisk", late: true},
	{name: "inputimagerisk", failKey: "inputimagerisk", late: true},
	{name: "OutputVideoRisk", failKey: "OutputVideoRisk", late: true},
	{name: "outputimagerisk", failKey: "outputimagerisk", late: true},
	{name: "sensitive_text", failKey: "sensitive_text", late: true},
	{name: "web_text_violates_community_guidelines_toast", failKey: "web_text_violates_community_guidelines_toast", late: true},
	{name: "web_risk_control_message_reject_generation", failKey: "web_risk_control_message_reject_generation", late: true},
	{name: "account_block", failKey: "account_block", late: true},
	{name: "risk_notification", failKey: "risk_notification", late: true},
	{name: "risk_control", failKey: "risk_control", late: true},
	{name: "daily_usage_limit", failKey: "daily_usage_limit", late: true},
	{name: "generation_failed", failKey: "generation_failed", late: true},
}

var transports = []fault{
	{name: "down", transport: "down", anyCall: true},
	{name: "cut", transport: "cut", late: true},
	{name: "truncated", transport: "truncated", late: true},
	{name: "hang", transport: "hang", anyCall: true},
	{name: "slow", transport: "slow", anyCall: true},
	{name: "garbage", transport: "garbage", anyCall: true},
	{name: "http_500", transport: "http_500", anyCall: true},
}

// codes are the rows of the table of error codes with their default texts, also
// those that no released server throws.
func codes() []fault {
	rows := []struct {
		name  string
		code  int
		words string
	}{
		{"code_1", -1, "Internal error"},
		{"code_1000", -1000, "系统异常"},
		{"code_1001", -1001, "请求参数校验错误"},
		{"code_1002", -1002, "无匹配的路由"},
		{"code_2000", -2000, "请求参数非法"},
		{"code_2001", -2001, "请求失败"},
		{"code_2002", -2002, "Token已失效"},
		{"code_2003", -2003, "远程文件URL非法"},
		{"code_2004", -2004, "远程文件超出大小"},
		{"code_2005", -2005, "已有对话流正在输出"},
		{"code_2006", -2006, "内容由于合规问题已被阻止生成"},
		{"code_2007", -2007, "图像生成失败"},
		{"code_2008", -2008, "视频生成失败"},
		{"code_2009", -2009, "即梦积分不足"},
		{"code_9999", -9999, "API异常错误"},
	}
	list := make([]fault, len(rows))
	for i, r := range rows {
		list[i] = fault{name: r.name, code: r.code, words: r.words}
	}
	return list
}
