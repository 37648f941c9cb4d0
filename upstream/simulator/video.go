package simulator

import (
	"encoding/base64"
	"errors"
	"net/http"
	"time"
)

// videoGenerations is the call that stays open until the video exists.
func (s *Server) videoGenerations(r *http.Request) (any, error) {
	b, err := s.readBody(r)
	if err != nil {
		return nil, err
	}
	j := &job{media: ofVideo, prompt: b.text("prompt"), materials: b.references()}
	if s.variant == Iptag {
		err = s.iptagVideo(r, b, j)
	} else {
		err = s.stockVideo(r, b, j)
	}
	if err != nil {
		return nil, err
	}
	h, err := s.accept(r, j)
	if err != nil {
		return nil, err
	}
	if err := s.wait(r.Context(), h, j); err != nil {
		return nil, err
	}
	item := map[string]any{}
	if b.text("response_format") == "b64_json" {
		item["b64_json"] = base64.StdEncoding.EncodeToString(sampleMP4)
	} else {
		item["url"] = s.fileURL(r, h.id+".mp4")
	}
	if prompt, ok := b.fields["prompt"]; ok {
		item["revised_prompt"] = prompt
	}
	return map[string]any{"created": time.Now().Unix(), "data": []any{item}}, nil
}

func (s *Server) stockVideo(r *http.Request, b *body, j *job) error {
	if err := b.refuseSizes(ofVideo); err != nil {
		return err
	}
	if err := b.validateStockVideo(r); err != nil {
		return err
	}
	// Any name that nobody knows runs as the default model.
	j.model = b.textOr("model", "jimeng-video-3.0")
	j.seedance = isSeedance(j.model)
	j.needsFile = j.seedance
	ratio := b.textOr("ratio", "1:1")
	if j.seedance && ratio == "1:1" {
		ratio = "4:3" // rewritten even if somebody asked for just that
	}
	_, err := videoSizes.find(ofVideo, b.textOr("resolution", "720p"), ratio)
	return err
}

func (b *body) validateStockVideo(r *http.Request) error {
	return b.validate(r, nil,
		rule{"model", isString},
		rule{"prompt", isString},
		rule{"ratio", isString},
		rule{"resolution", isString},
		rule{"duration", b.durationRule},
		rule{"file_paths", isArray},
		rule{"filePaths", isArray},
		rule{"response_format", isString},
	)
}

func (s *Server) iptagVideo(r *http.Request, b *body, j *job) error {
	if err := b.validateIptag(r); err != nil {
		return err
	}
	j.model = b.textOr("model", iptagModel)
	j.seedance = isIptagSeedance(j.model)
	if b.text("functionMode") == omni {
		j.materials = b.omniMaterials()
	}
	return nil
}

// videoSubmit is fork's call that answers as soon as Jimeng has accepted.
func (s *Server) videoSubmit(r *http.Request) (any, error) {
	b, err := s.readBody(r)
	if err != nil {
		return nil, err
	}
	if err := b.validateStockVideo(r); err != nil {
		return nil, err
	}
	j := &job{media: ofVideo, model: b.textOr("model", "jimeng-video-3.0"), prompt: b.text("prompt"), materials: b.references(), seedance: true, needsFile: true}
	if !isSeedance(j.model) {
		return nil, errors.New("submit 接口当前仅支持 Seedance 模型，请使用 jimeng-video-seedance-2.0 或 seedance-2.0")
	}
	if _, err := videoSizes.find(ofVideo, b.textOr("resolution", "720p"), b.textOr("ratio", "4:3")); err != nil {
		return nil, err
	}
	h, err := s.accept(r, j)
	if err != nil {
		return nil, err
	}
	return envelope{0, "submitted", map[string]any{"history_record_id": h.id, "status": statusRunning}}, nil
}
