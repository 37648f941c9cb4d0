package queue_test

import (
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// outcome is what becomes of a task and of the session that it was sent with.
type outcome struct {
	kind    string             // error_kind, or "" for success
	session store.SessionState // afterwards
	pause   time.Duration      // of a cooling session
	over    bool               // another session takes over, and succeeds
	again   bool               // it is sent again, which counts as no failover
	doubt   bool               // nobody can tell whether it was accepted, and the message says so
	bench   bool               // the upstream rests for a moment
	spent   int                // paid submits with the session, accepted or not
}

// What the classes of the reference's table mean for a fault that surely came
// before the upstream accepted anything, and for those that leave that open.
var (
	fine    = outcome{session: store.Ready, spent: 1}
	content = outcome{kind: "content_risk", session: store.Ready}
	banned  = outcome{kind: "account_blocked", session: store.Dead, over: true}
	risk    = outcome{kind: "account_blocked", session: store.Cooling, pause: 30 * time.Minute, over: true}
	login   = outcome{kind: "auth", session: store.Dead, over: true}
	credits = outcome{kind: "quota", session: store.Exhausted, over: true}
	burst   = outcome{kind: "rate_limited", session: store.Cooling, pause: 30 * time.Second, over: true}
	input   = outcome{kind: "bad_input", session: store.Ready}
	file    = outcome{kind: "file_transfer", session: store.Ready, over: true}
	timeout = outcome{kind: "timeout", session: store.Ready, doubt: true}
	offline = outcome{kind: "network", session: store.Ready, again: true, bench: true}
	network = outcome{kind: "network", session: store.Ready, doubt: true, bench: true}
	failed  = outcome{kind: "generation_failed", session: store.Ready}
	strange = outcome{kind: "unknown", session: store.Ready, doubt: true}
	lost    = outcome{kind: "in_doubt", session: store.Ready, doubt: true, bench: true}
	silence = outcome{kind: "in_doubt", session: store.Ready, doubt: true} // until the deadline; it may just be slow
)

// faultRow is what the reference says of some faults: the class of the message
// with which a submit is refused, that of fork's record of a failed generation,
// and that of the message with which a call fails that waits for the generation.
type faultRow struct {
	names                        string
	submit, record, stock, iptag outcome
	iptagSubmit                  *outcome // where it is another than that of stock and fork
}

func everywhere(names string, o outcome) faultRow {
	return faultRow{names: names, submit: o, record: o, stock: o, iptag: o}
}

// own are failures of the servers themselves: a record of Jimeng's cannot have
// their code, and the table does not know their words.
func own(names string, o outcome) faultRow {
	return faultRow{names: names, submit: o, record: failed, stock: o, iptag: o}
}

// keyOnly are failed generations that only have a key, which the servers that
// wait do not pass on: they say 错误码: undefined.
func keyOnly(names string, o outcome) faultRow {
	return faultRow{names: names, submit: o, record: o, stock: failed, iptag: failed}
}

// faultTable is the classification table of the reference upstream-free-api.md,
// fault by fault of the simulator. It is written down here once more, so that a
// slip in the code is not one in the test too.
var faultTable = []faultRow{
	everywhere("content_filtered content_violation content_rules content_review content_mismatch content_unsuitable image_check", content),
	everywhere("2038 2039 2040 2047", content),
	keyOnly("violates_community_guidelines violate_guidelines fail2generate_input fail2generate_copyright_block InputTextRisk "+
		"inputimagerisk OutputVideoRisk outputimagerisk sensitive_text web_text_violates_community_guidelines_toast", content),
	own("code_2006", content),

	everywhere("account_banned", banned),
	keyOnly("account_block", banned),
	everywhere("account_punished shark_not_pass shark_reject abnormal risk_failed", risk),
	keyOnly("web_risk_control_message_reject_generation risk_notification risk_control", risk),

	everywhere("login_expired check_login_error unauthorized authorization permission_denied", login),
	own("code_2002", login),

	everywhere("no_credits credits_1006 uncollectable daily_limit code_2009", credits),
	keyOnly("daily_usage_limit", credits),
	everywhere("rate_limited", burst),

	everywhere("bad_param invalid_parameter param_error unsupported_param unsupported_resolution unsupported_ratio needs_file", input),
	own("code_2000", input),

	everywhere("first_frame_file first_frame_image first_file first_material all_files all_images field_failed", file),
	own("file_invalid file_too_large code_2003 code_2004", file),

	everywhere("timeout_45s timed_out video_timeout result_timeout no_result_timeout", timeout),

	// A generation that failed is no fault of the way to the upstream.
	own("econnrefused enotfound eai_again", offline),
	own("econnreset hang_up network browser_fetch", network),

	everywhere("no_video_url no_record code_2007 code_2008 100402 1500 fail2generate_input_retry generation_failed", failed),
	// Stock and fork do not pass these numbers on, and the table has not the words.
	{names: "generation_5001 generation_5002", submit: strange, iptagSubmit: &failed, record: failed, stock: strange, iptag: failed},

	own("code_1 code_1000 code_1001 code_1002 code_2001 code_2005 code_9999", strange),

	{names: "down cut truncated garbage http_500", submit: lost, record: lost, stock: lost, iptag: lost},
	{names: "hang", submit: silence, record: silence, stock: silence, iptag: silence},
	{names: "slow", submit: fine, record: fine, stock: fine, iptag: fine},
}

// transport are faults below the protocol: no record tells of them.
const transport = " down cut truncated garbage http_500 hang slow "

// expect is what becomes of a task whose fault comes at the submit or, late, at
// the generation.
func (r *faultRow) expect(v simulator.Variant, late bool) outcome {
	switch {
	case !late && v == simulator.Iptag && r.iptagSubmit != nil:
		return *r.iptagSubmit
	case !late:
		return r.submit
	case v == simulator.Fork:
		return r.record.accepted()
	case v == simulator.Stock:
		return r.stock.late()
	default:
		return r.iptag.late()
	}
}

// accepted is what a record of a failed generation does: it was paid, so nobody
// takes over, and there is no doubt about that.
func (o outcome) accepted() outcome {
	o.over, o.again, o.spent = false, false, 1
	if o.kind != "in_doubt" {
		o.doubt, o.bench = false, false
	}
	return o
}

// late is what the same message means when a call has waited for long: it may be
// that of a poll of paid work. Credits and uploads are only asked for before the
// submit, so these are as certain as before; that the simulator has charged for
// them is its own fault.
func (o outcome) late() outcome {
	o.spent = 1
	switch o.kind {
	case "auth", "account_blocked", "rate_limited", "bad_input", "network":
		o.over, o.again, o.doubt = false, false, true
	}
	return o
}
