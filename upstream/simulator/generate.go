package simulator

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"
)

// job is what a request wants to have generated.
type job struct {
	media     string // ofVideo or ofImage
	model     string
	prompt    string
	seedance  bool
	materials []Material
	needsFile bool // stock and fork refuse Seedance without a material

	token  string
	script *script
}

// accept books a job for one of the caller's tokens, or says why not. Whoever
// gets a history has paid for it.
func (s *Server) accept(r *http.Request, j *job) (*history, error) {
	tokens, err := s.tokens(r)
	if err != nil {
		return nil, err
	}
	j.token = tokens[rand.IntN(len(tokens))]
	if j.script, err = s.script(r.Header, j.prompt); err != nil {
		return nil, err
	}
	broken := s.ledger.faultOf(j.token)
	for _, p := range []*plan{broken, j.script.plan} {
		if p != nil && !p.generation {
			if err := s.refuse(r.Context(), p.fault, j); err != nil {
				return nil, err
			}
			if j.script.plan == p {
				j.script.plan = nil // it was slow and nothing else
			}
		}
	}
	if broken != nil && broken.generation && j.script.plan == nil {
		j.script.plan = broken
	}
	if j.needsFile && len(j.materials) == 0 {
		return nil, failure(-2001, "Seedance 2.0 需要至少一个文件（图片/视频/音频）")
	}
	h, ok := s.book(j, r.URL.Path)
	if !ok {
		return nil, s.outOfCredits(j)
	}
	s.log.Debug("accepted a submit", zap.String("id", h.id), zap.String("model", j.model), zap.Int("materials", len(j.materials)))
	if p := j.script.plan; p != nil && p.fault.transport != "" {
		if err := s.disturb(r, p.fault, slowAnswer); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// refuse returns the failure that a fault is; nil after one that only delays.
func (s *Server) refuse(ctx context.Context, f *fault, j *job) error {
	switch f.transport {
	case "slow":
		return sleep(ctx, slowAnswer)
	case "hang":
		<-ctx.Done()
	}
	return f.refusal(s.variant, j.media, j.seedance)
}

// disturb does what a fault of the whole server or of the transport does to
// one request; nil lets the request go on.
func (s *Server) disturb(r *http.Request, f *fault, wait time.Duration) error {
	switch f.transport {
	case "slow":
		return sleep(r.Context(), wait)
	case "hang":
		<-r.Context().Done()
	}
	return f.refusal(s.variant, ofVideo, true)
}

func (s *Server) book(j *job, path string) (h *history, ok bool) {
	ok = s.ledger.accept(j.token, func(now time.Time) Submit {
		h = newHistory(j.token, now, j.script)
		submit := Submit{
			Time: now, Token: j.token, Path: path, Model: j.model, Prompt: j.prompt, ID: h.id,
			Outcome: "succeeded", Finish: h.finish(), Materials: append([]Material{}, j.materials...),
		}
		if h.faultIndex >= 0 {
			submit.Outcome = "failed"
			code, key := j.script.plan.fault.record(j.script.plan.form)
			if submit.Code = code; code == nil || code == "" {
				submit.Code = key
			}
		}
		return submit
	})
	return h, ok
}

func (s *Server) outOfCredits(j *job) error {
	switch {
	case s.variant == Iptag && j.media == ofVideo:
		return failure(-2008, "积分不足且无法自动收取。请访问即梦官网手动收取首次积分，或检查账户状态。")
	case s.variant == Iptag:
		return failure(-2009, "积分不足且无法自动收取。请访问即梦官网手动收取首次积分，或检查账户状态。")
	}
	return mapRet(s.variant, j.media, j.seedance, "5000", "Not enough credits left")
}

// wait stays until the generation is over, as the calls of the originals do
// that answer with the result. The generation goes on, and stays paid, when the
// caller leaves.
func (s *Server) wait(ctx context.Context, h *history, j *job) error {
	until := h.finish()
	giveUp := j.script.states && s.variant != Iptag && j.media == ofVideo
	if giveUp {
		until = h.start.Add(h.script.delay * 4 / 5)
	}
	if d := time.Until(until); d > 0 {
		if err := sleep(ctx, d); err != nil {
			return err
		}
	}
	switch p := j.script.plan; {
	case giveUp && j.seedance:
		return failure(-2007, "未能获取视频URL")
	case giveUp:
		return failure(-2007, "未能获取视频URL，请稍后在即梦官网查看")
	case p != nil && p.generation && p.fault.transport == "":
		return p.fault.failed(s.variant, j.media, j.seedance, p.form)
	}
	return nil
}

// isSeedance is the rule of stock and fork.
func isSeedance(model string) bool {
	return strings.HasPrefix(model, "seedance-") || strings.HasPrefix(model, "jimeng-video-seedance-")
}
