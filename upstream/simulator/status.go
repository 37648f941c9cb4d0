package simulator

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// Jimeng's states of a generation.
const (
	statusRunning    = 20
	statusFailed     = 30
	statusProcessing = 42
	statusFinalising = 45
	statusDone       = 50
)

// status is the state at a moment.
func (h *history) status(now time.Time) int {
	delay, elapsed := h.script.delay, now.Sub(h.start)
	switch {
	case elapsed >= delay && h.faultIndex >= 0:
		return statusFailed
	case elapsed >= delay:
		return statusDone
	case h.script.states && elapsed >= delay*9/10:
		return statusFinalising
	case h.script.states && elapsed >= delay*8/10:
		return statusProcessing
	}
	return statusRunning
}

// videoStatus is fork's reading of one generation.
func (s *Server) videoStatus(r *http.Request) (any, error) {
	tokens, err := s.tokens(r)
	if err != nil {
		return nil, err
	}
	token := tokens[rand.IntN(len(tokens))] // any of them: a list makes reads fail at random
	if err := s.checkAccount(r, token); err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	h, ok := parseHistory(id)
	if !ok || h.owner != ownerOf(token) {
		return nil, failure(-2007, "历史记录不存在: %s", id)
	}
	now := time.Now()
	status := h.status(now)
	items := []any{}
	raw := map[string]any{"history_record_id": id, "status": status, "item_list": items}
	data := map[string]any{"history_record_id": id, "status": status, "item_list": items, "raw": raw}
	switch {
	case status == statusDone:
		item := map[string]any{"common_attr": map[string]any{"id": id[:19]}}
		if !s.lags.pending(h) {
			url := s.fileURL(r, id+".mp4")
			item["video"] = map[string]any{"transcoded_video": map[string]any{"origin": map[string]any{"video_url": url}}}
			data["video_url"] = url
		}
		items = []any{item}
		data["item_list"], raw["item_list"] = items, items
	case status == statusFailed:
		f := h.script.plan.fault
		code, key := f.record(h.script.plan.form)
		if code != nil {
			data["fail_code"], raw["fail_code"] = code, code
		}
		raw["fail_starling_key"], raw["fail_starling_message"] = key, f.words
	default:
		h.queue(raw, now)
	}
	return envelope{0, "ok", data}, nil
}

// queue adds Jimeng's queue fields, during the first half of a generation that
// was asked to have a queue.
func (h *history) queue(raw map[string]any, now time.Time) {
	left := h.start.Add(h.script.delay / 2).Sub(now)
	if h.script.queueTotal == 0 || left <= 0 {
		return
	}
	raw["queue_info"] = map[string]any{
		"queue_idx":      h.script.queueIndex,
		"queue_length":   h.script.queueTotal,
		"queue_status":   1,
		"priority":       0,
		"polling_config": map[string]any{"interval_seconds": min(30, max(1, int(h.script.delay.Seconds()/4))), "timeout_seconds": 86400},
	}
	raw["forecast_queue_cost"] = int(left.Seconds() + 0.5)
	raw["forecast_generate_cost"] = int(h.script.delay.Seconds()/2 + 0.5)
}

// checkAccount fails where every call with the account does.
func (s *Server) checkAccount(r *http.Request, token string) error {
	if p := s.ledger.faultOf(token); p != nil && p.fault.anyCall {
		return s.refuse(r.Context(), p.fault, &job{media: ofVideo, seedance: true})
	}
	return nil
}
