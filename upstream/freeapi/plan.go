package freeapi

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	videosPath       = "/v1/videos/generations"
	submitPath       = "/v1/videos/submit"
	imagesPath       = "/v1/images/generations"
	compositionsPath = "/v1/images/compositions"
)

// plan is one request to the server, before it is written.
type plan struct {
	path     string
	fields   []field
	files    []file // with any, the request is multipart, otherwise JSON
	images   images // in JSON
	blocking bool   // the answer comes with the result
}

// field is a string, a number, a boolean or a list of strings. Lists only occur
// in JSON: in a form, a list of one would arrive as a string and be refused.
type field struct {
	name  string
	value any
}

// images are the addresses of reference images, or their content as data URIs.
type images []upstream.Material

// inline reports whether there is content among them.
func (list images) inline() bool {
	return slices.ContainsFunc(list, func(m upstream.Material) bool { return m.URL == "" })
}

type file struct {
	field    string
	material upstream.Material
}

func (p *plan) set(name string, value any) { p.fields = append(p.fields, field{name, value}) }

// newPlan says how v wants to be asked for r with the model m. The request has
// passed m.Check. An error is for the client: this server cannot do it.
func newPlan(v variant, m *upstream.Model, r *upstream.Request) (*plan, error) {
	p := &plan{blocking: true}
	p.set("model", m.ID)
	switch {
	case m.Kind == upstream.Image:
		return p, p.image(v, r)
	case v == iptag:
		return p, p.iptagVideo(m, r)
	}
	if v == fork && isSeedance(m.ID) {
		p.blocking = false
	}
	return p, p.video(m, r)
}

// common sets what every route has. response_format is left at its default, url.
func (p *plan) common(prompt string, r *upstream.Request) {
	if prompt != "" {
		p.set("prompt", prompt)
	}
	if r.Ratio != "" {
		p.set("ratio", r.Ratio)
	}
	if r.Resolution != "" {
		p.set("resolution", r.Resolution)
	}
	if r.Kind == upstream.Video {
		p.set("duration", r.Duration)
	}
}

// video is a request for stock and fork.
func (p *plan) video(m *upstream.Model, r *upstream.Request) error {
	p.path = videosPath
	if !p.blocking {
		p.path = submitPath
	}
	p.common(r.Prompt, r)
	if isSeedance(m.ID) {
		if err := checkRecognised(r.Materials); err != nil {
			return err
		}
	}
	urls, stored, err := divide(r.Materials)
	if err != nil {
		return err
	}
	if len(urls) > 0 {
		p.set("file_paths", urls)
	}
	for _, s := range stored {
		p.files = append(p.files, file{"files", s})
	}
	return nil
}

// iptagVideo is a request for iptag, which takes Seedance's materials in fields
// of their own and the frames of other models in two fields of different names.
func (p *plan) iptagVideo(m *upstream.Model, r *upstream.Request) error {
	p.path = videosPath
	if isSeedance(m.ID) && len(r.Materials) > 0 {
		names := omniNames(r.Materials)
		p.common(translateReferences(r.Prompt, names), r)
		p.set("functionMode", "omni_reference")
		for i, material := range r.Materials {
			switch {
			case material.URL == "":
				p.files = append(p.files, file{names[i], material})
			case isHTTP(material.URL):
				p.set(names[i], material.URL)
			default:
				return &upstream.InvalidError{Field: "file_paths", Message: "only http and https addresses are possible with this upstream"}
			}
		}
		return nil
	}
	p.common(r.Prompt, r)
	p.set("functionMode", "first_last_frames")
	urls, stored, err := divide(r.Materials)
	if err != nil {
		return err
	}
	if len(urls) > 0 {
		p.set("file_paths", urls)
	}
	names := omniNames(stored)
	for i, s := range stored {
		p.files = append(p.files, file{names[i], s})
	}
	return nil
}

// maxInline is the largest image that is sent as a data URI. The server holds all
// of the request in memory, several times.
const maxInline = 10 << 20

// image is a request for images. With materials it is a composition, because
// iptag's generations would ignore them. Only iptag can receive files here:
// stock and fork flatten them and then find none, but they fetch every image like
// an address, and Node fetches data URIs, too.
func (p *plan) image(v variant, r *upstream.Request) error {
	p.path = imagesPath
	p.common(r.Prompt, r)
	for _, name := range []string{"negative_prompt", "sample_strength", "intelligent_ratio"} {
		if value, ok := r.Options[name]; ok {
			p.set(name, value)
		}
	}
	if len(r.Materials) == 0 {
		return nil
	}
	p.path = compositionsPath
	for _, m := range r.Materials {
		if m.URL != "" && !isHTTP(m.URL) {
			return &upstream.InvalidError{Field: "file_paths", Message: "only http and https addresses of images are possible with this upstream"}
		}
	}
	if v == iptag {
		_, stored, err := divide(r.Materials)
		if err != nil {
			return err
		}
		for _, s := range stored {
			p.files = append(p.files, file{"images", s})
		}
		if len(stored) > 0 {
			return nil
		}
	}
	for _, m := range r.Materials {
		if m.URL == "" && m.Size > maxInline {
			return &upstream.InvalidError{Field: "files", Message: fmt.Sprintf("this upstream takes images of at most %d MiB; send larger ones as addresses (file_paths)", maxInline>>20)}
		}
	}
	p.images = r.Materials
	return nil
}

// divide separates addresses from files. Both in one request are refused: the
// servers would take the files and drop the addresses without a word.
func divide(materials []upstream.Material) (urls []string, stored []upstream.Material, err error) {
	for _, m := range materials {
		if m.URL != "" {
			urls = append(urls, m.URL)
		} else {
			stored = append(stored, m)
		}
	}
	if len(urls) > 0 && len(stored) > 0 {
		return nil, nil, &upstream.InvalidError{Field: "files", Message: "this upstream takes either files or addresses (file_paths) in one request, not both"}
	}
	return urls, stored, nil
}

func isHTTP(u string) bool {
	return strings.HasPrefix(u, "http://") || strings.HasPrefix(u, "https://")
}

// What stock and fork take for a video or an audio; everything else counts as an
// image there, and the generation would go wrong after it was paid.
var (
	videoTypes = []string{"video/mp4", "video/quicktime", "video/x-m4v"}
	audioTypes = []string{"audio/mpeg", "audio/wav", "audio/x-wav", "audio/mp3"}
	extensions = map[string]upstream.MediaKind{
		".mp4": upstream.Video, ".mov": upstream.Video, ".m4v": upstream.Video,
		".mp3": upstream.Audio, ".wav": upstream.Audio,
	}
)

// recognised is the kind that stock and fork see in a material: by its type,
// then by the extension of its name; an address has only the extension.
func recognised(m upstream.Material) upstream.MediaKind {
	name := m.Name
	if m.URL != "" {
		u, err := url.Parse(m.URL)
		if err != nil || !isHTTP(m.URL) {
			return upstream.Image
		}
		name = u.Path
	} else {
		switch mime := mediaType(m.ContentType); {
		case slices.Contains(videoTypes, mime):
			return upstream.Video
		case slices.Contains(audioTypes, mime):
			return upstream.Audio
		case strings.HasPrefix(mime, "image/"):
			return upstream.Image
		}
	}
	if kind, ok := extensions[strings.ToLower(path.Ext(name))]; ok {
		return kind
	}
	return upstream.Image
}

func checkRecognised(materials []upstream.Material) error {
	for _, m := range materials {
		if recognised(m) != m.Kind {
			name := "files"
			if m.URL != "" {
				name = "file_paths"
			}
			return &upstream.InvalidError{Field: name, Message: "this upstream would not recognise the " + string(m.Kind) +
				"; it takes mp4, mov and m4v, mp3 and wav, and addresses must end in one of these"}
		}
	}
	return nil
}

// mediaType is a content type without its parameters.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}
