package api

import (
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

type artifactView struct {
	Kind        string     `json:"kind" enum:"image,video,audio"`
	Poster      bool       `json:"poster" doc:"Whether this is a still of the video before it, made by the gateway."`
	Ready       bool       `json:"ready" doc:"Whether the gateway has all of the file. Until it does, while the task is downloading, the link serves what is there and waits for the rest; 503 says that nothing is there yet."`
	ContentType *string    `json:"content_type" doc:"The file's real type, null until it is ready."`
	Size        *int64     `json:"size" doc:"Bytes, null until it is ready."`
	SHA256      *string    `json:"sha256" doc:"Checksum of the file, in hexadecimal, null until it is ready."`
	Width       *int       `json:"width" doc:"Pixels, null when not known."`
	Height      *int       `json:"height" doc:"Pixels, null when not known."`
	Length      *float64   `json:"length" doc:"Seconds of a video, null when not known."`
	URL         *string    `json:"url" doc:"A link that works without a key and expires, null when the file has been deleted."`
	Expired     bool       `json:"expired" doc:"Whether the file has been deleted because it was kept for long enough, or to make room."`
	ExpiresAt   *time.Time `json:"expires_at" doc:"When the file is deleted, null when it is kept for ever or is gone."`
}

// showArtifacts fills in the results, and the links to them that have names of
// their own.
func (a *api) showArtifacts(v *taskView, base string, t *store.Task) {
	v.Artifacts = make([]artifactView, 0, len(t.Artifacts))
	if t.Status == store.Downloading {
		a.showComing(v, base, t)
		return
	}
	for i, artifact := range t.Artifacts {
		view := artifactView{
			Kind: artifact.Kind, Poster: artifact.Poster, Ready: artifact.Blob != "", Expired: artifact.Blob == "",
			ContentType: textOf(artifact.ContentType), Size: &artifact.Size, SHA256: textOf(artifact.SHA256),
			Width: numberOf(artifact.Width), Height: numberOf(artifact.Height),
		}
		if artifact.LengthMS > 0 {
			view.Length = new(float64(artifact.LengthMS) / 1000)
		}
		if artifact.Blob != "" {
			view.URL = new(a.link(base, "artifacts", t.ID, i))
			view.ExpiresAt = timeOf(t.ArtifactsUntil)
			switch kind := artifact.Kind; {
			case artifact.Poster && v.PosterURL == nil:
				v.PosterURL = view.URL
			case artifact.Poster:
			case kind == string(upstream.Video) && v.VideoURL == nil:
				v.VideoURL = view.URL
			case kind == string(upstream.Image) && t.Kind == string(upstream.Image):
				v.ImageURLs = append(v.ImageURLs, *view.URL)
			}
		}
		v.Artifacts = append(v.Artifacts, view)
	}
}

// showComing shows the results that the gateway fetches now: a video can be
// played already, which is why its link is where clients look for it. Links to
// images are there when all of them can be had.
func (a *api) showComing(v *taskView, base string, t *store.Task) {
	results, err := queue.Results(t)
	if err != nil {
		return // the step that fetches them says so
	}
	for i, result := range results {
		url := a.link(base, "artifacts", t.ID, i)
		if result.Kind == upstream.Video && v.VideoURL == nil {
			v.VideoURL = &url
		}
		v.Artifacts = append(v.Artifacts, artifactView{Kind: string(result.Kind), URL: &url})
	}
}

// numberOf is a number in an answer, null when there is none.
func numberOf(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
