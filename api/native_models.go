package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func (a *api) modelOperations(h huma.API) {
	handle(a, h, operation(get, "/api/v1/models", "list-models", "models", "List models",
		"What the configured upstreams can generate, and what each model takes. Where several upstreams run a model, its limits are those "+
			"of all of them together, and a request goes to those that can serve the whole of it. What none can serve is refused before anything is paid. A key that may use some models only sees no others. "+
			"The list may change while the gateway finds out what an upstream can do, and when the configuration is reloaded."), a.listCatalogue)
}

type modelsAnswer struct {
	Models []*modelView `json:"models" nullable:"false"`
}

type modelView struct {
	ID               string             `json:"id" doc:"The name by which requests ask for it." example:"jimeng-video-seedance-2.0"`
	Aliases          []string           `json:"aliases" nullable:"false" doc:"Other names that requests can use." example:"[\"seedance-2.0\"]"`
	Kind             upstream.MediaKind `json:"kind" enum:"video,image" doc:"What it makes."`
	Durations        []int              `json:"durations" nullable:"false" doc:"The lengths of a video that are possible, in seconds, ascending; empty for images."`
	DefaultDuration  *int               `json:"default_duration" doc:"The length of a video where a request names none, in seconds; null for images."`
	Ratios           []string           `json:"ratios" nullable:"false" doc:"The ratios of width and height that are possible; empty if none can be asked for." example:"[\"16:9\",\"9:16\"]"`
	Resolutions      []string           `json:"resolutions" nullable:"false" doc:"The resolutions that are possible; empty if none can be asked for." example:"[\"720p\",\"1080p\"]"`
	MaxPrompt        *int               `json:"max_prompt" doc:"The most characters of a prompt; null if no limit is known."`
	NeedsPrompt      bool               `json:"needs_prompt" doc:"Whether a prompt is needed also when there is material. Without material it always is."`
	MinMaterials     int                `json:"min_materials" doc:"The least number of materials, of all kinds together."`
	MaxMaterials     int                `json:"max_materials" doc:"The greatest number of materials, of all kinds together."`
	MaxImages        int                `json:"max_images" doc:"The greatest number of images among the materials."`
	MaxVideos        int                `json:"max_videos" doc:"The greatest number of videos among the materials."`
	MaxAudios        int                `json:"max_audios" doc:"The greatest number of audio files among the materials."`
	Credits          *float64           `json:"credits" doc:"What a task costs whatever its length, in the upstream's credits; null if not known. The price of a task is this and credits_per_second times its duration together."`
	CreditsPerSecond *float64           `json:"credits_per_second" doc:"What each second of a video costs, in the upstream's credits; null if not known."`
	Upstreams        []string           `json:"upstreams,omitempty" doc:"The upstreams that run it; only for admins."`
}

func (a *api) listCatalogue(ctx context.Context, _ *struct{}) (*body[modelsAnswer], error) {
	models := a.Queue.ModelsFor(callerOf(ctx).Key)
	answer := modelsAnswer{make([]*modelView, len(models))}
	admin := callerOf(ctx).Has(auth.PoolRead)
	for i := range models {
		answer.Models[i] = modelViewOf(&models[i])
		if admin {
			answer.Models[i].Upstreams = models[i].Upstreams
		}
	}
	return reply(answer)
}

func modelViewOf(m *queue.Model) *modelView {
	return &modelView{
		ID: m.ID, Aliases: listOf(m.Aliases), Kind: m.Kind,
		Durations: listOf(m.Durations), DefaultDuration: knownOf(m.DefaultDuration), Ratios: listOf(m.Ratios), Resolutions: listOf(m.Resolutions),
		MaxPrompt: knownOf(m.MaxPrompt), NeedsPrompt: m.NeedsPrompt,
		MinMaterials: m.MinMaterials, MaxMaterials: m.MaxMaterials, MaxImages: m.MaxImages, MaxVideos: m.MaxVideos, MaxAudios: m.MaxAudios,
		Credits: knownOf(m.Credits), CreditsPerSecond: knownOf(m.CreditsPerSecond),
	}
}

// listOf is a list in an answer, never null.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// knownOf is a number in an answer, null when nobody knows it.
func knownOf[T int | float64](n T) *T {
	if n == 0 {
		return nil
	}
	return &n
}
