package simulator

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// imagesPerRequest is how many pictures one request makes.
const imagesPerRequest = 4

func (s *Server) imageGenerations(r *http.Request) (any, error) {
	b, err := s.readBody(r)
	if err != nil {
		return nil, err
	}
	// Stock and fork silently drop uploaded files here; iptag ignores images.
	var inputs []Material
	if s.variant != Iptag {
		inputs = b.list("images")
	}
	return s.generateImages(r, b, inputs)
}

func (s *Server) imageCompositions(r *http.Request) (any, error) {
	b, err := s.readBody(r)
	if err != nil {
		return nil, err
	}
	inputs := b.list("images")
	if s.variant == Iptag && b.multipart {
		inputs = nil
		for _, m := range b.files {
			if m.Field == "images" {
				inputs = append(inputs, m)
			}
		}
	} else if err := b.validate(r, []string{"images"}, rule{"images", isArray}); err != nil {
		return nil, err
	}
	switch {
	case len(inputs) == 0:
		return nil, errors.New("至少需要提供1张输入图片")
	case len(inputs) > 10:
		return nil, errors.New("最多支持10张输入图片")
	}
	return s.generateImages(r, b, inputs)
}

func (s *Server) generateImages(r *http.Request, b *body, inputs []Material) (any, error) {
	if err := b.refuseSizes(ofImage); err != nil {
		return nil, err
	}
	number := func(v any) bool { return isFinite(v) || b.multipart && isString(v) }
	boolean := func(v any) bool { return isBool(v) || b.multipart && isString(v) }
	err := b.validate(r, []string{"prompt"},
		rule{"model", isString},
		rule{"prompt", isString},
		rule{"negative_prompt", isString},
		rule{"ratio", isString},
		rule{"resolution", isString},
		rule{"intelligent_ratio", boolean},
		rule{"sample_strength", number},
		rule{"response_format", isString},
	)
	if err != nil {
		return nil, err
	}
	pixels, err := imageSizes.find("", b.textOr("resolution", "2k"), b.textOr("ratio", "1:1"))
	if err != nil {
		return nil, err
	}
	j := &job{media: ofImage, model: b.textOr("model", "jimeng-4.5"), prompt: b.text("prompt"), materials: inputs}
	h, err := s.accept(r, j)
	if err != nil {
		return nil, err
	}
	if err := s.wait(r.Context(), h, j); err != nil {
		return nil, err
	}
	items := make([]any, imagesPerRequest)
	for i := range items {
		if b.text("response_format") == "b64_json" {
			items[i] = map[string]any{"b64_json": base64.StdEncoding.EncodeToString(drawPNG(pixels.width, pixels.height, i))}
			continue
		}
		items[i] = map[string]any{"url": s.fileURL(r, fmt.Sprintf("%s-%d-%dx%d.png", h.id, i, pixels.width, pixels.height))}
	}
	answer := map[string]any{"created": time.Now().Unix(), "data": items}
	if len(inputs) > 0 {
		answer["input_images"] = len(inputs)
		answer["composition_type"] = "multi_image_synthesis"
	}
	return answer, nil
}
