package freeapi

import (
	"slices"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// The limits are those of the servers' source, where it has any. maxFiles is
// ours: stock and fork count no materials, and twelve is what iptag, which
// submits to the same service, allows in one request.
const (
	maxFiles       = 12
	maxFrames      = 2 // first and last frame
	maxOmniImages  = 9
	maxOmniVideos  = 3
	maxComposition = 10 // images of /v1/images/compositions
)

var (
	videoRatios      = []string{"1:1", "4:3", "3:4", "16:9", "9:16"}
	videoResolutions = []string{"480p", "720p", "1080p"}
	imageRatios      = []string{"1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9"}
	imageResolutions = []string{"1k", "2k", "4k"}

	classicVideos = []string{
		"jimeng-video-3.5-pro", "jimeng-video-3.0", "jimeng-video-3.0-pro", "jimeng-video-2.0", "jimeng-video-2.0-pro",
	}
	sharedImages = []string{"jimeng-5.0", "jimeng-4.6", "jimeng-4.5", "jimeng-4.1", "jimeng-4.0", "jimeng-3.1", "jimeng-3.0"}
	olderImages  = []string{"jimeng", "jimeng-2.1", "jimeng-2.0-pro", "jimeng-2.0", "jimeng-1.4", "jimeng-xl-pro"}
	abroadImages = []string{"nanobanana", "nanobananapro"}
)

const (
	seedance     = "jimeng-video-seedance-2.0"
	seedanceFast = "jimeng-video-seedance-2.0-fast"
)

func isSeedance(id string) bool { return id == seedance || id == seedanceFast }

var catalogues = func() map[variant][]upstream.Model {
	c := map[variant][]upstream.Model{
		stock: stockModels(),
		fork:  forkModels(),
		iptag: iptagModels(),
	}
	c[unknown] = union(c[fork], c[stock], c[iptag])
	return c
}()

// catalogue returns what v can run. For the unknown variant that is everything
// that any of the three can; Submit checks again when it knows.
func catalogue(v variant) []upstream.Model { return catalogues[v] }

func find(models []upstream.Model, name string) *upstream.Model {
	for i := range models {
		if models[i].Is(name) {
			return &models[i]
		}
	}
	return nil
}

// seedanceModels have the short names that clients use as aliases.
func seedanceModels(m upstream.Model) []upstream.Model {
	m.Kind, m.DefaultDuration = upstream.Video, 4
	full, fast := m, m
	full.ID, full.Aliases = seedance, []string{"seedance-2.0", "seedance-2.0-pro"}
	fast.ID, fast.Aliases = seedanceFast, []string{"seedance-2.0-fast"}
	return []upstream.Model{full, fast}
}

func forkModels() []upstream.Model {
	models := seedanceModels(upstream.Model{
		Durations: seconds(4, 15), Ratios: videoRatios, Resolutions: videoResolutions,
		MinMaterials: 1, MaxMaterials: maxFiles, MaxImages: maxFiles, MaxVideos: maxFiles, MaxAudios: maxFiles,
	})
	for _, id := range classicVideos {
		models = append(models, upstream.Model{
			ID: id, Kind: upstream.Video, Durations: seconds(4, 15), DefaultDuration: 5,
			Ratios: videoRatios, Resolutions: videoResolutions, MaxMaterials: maxFrames, MaxImages: maxFrames,
		})
	}
	return append(models, imageModels(sharedImages, olderImages)...)
}

// stockModels are fork's without what stock's only Seedance route would replace
// silently: it makes 4 s of a duration of 5 and 4:3 of a ratio of 1:1.
func stockModels() []upstream.Model {
	models := forkModels()
	for i := range models {
		if m := &models[i]; isSeedance(m.ID) {
			m.Durations = without(m.Durations, 5)
			m.Ratios = without(m.Ratios, "1:1")
		}
	}
	return models
}

// iptagModels has the models of all regions; [servedIn] tells which of them a
// session can run. Only 3.0 and 3.0-fast honour a resolution; elsewhere the
// server's default is offered because asking for it changes nothing.
func iptagModels() []upstream.Model {
	models := seedanceModels(upstream.Model{
		Durations: seconds(4, 15), Ratios: videoRatios, Resolutions: []string{"720p"}, NeedsPrompt: true,
		MaxMaterials: maxOmniImages + maxOmniVideos, MaxImages: maxOmniImages, MaxVideos: maxOmniVideos,
	})
	video := func(id string, resolutions []string, durations ...int) {
		models = append(models, upstream.Model{
			ID: id, Kind: upstream.Video, Durations: durations, DefaultDuration: durations[0],
			Ratios: videoRatios, Resolutions: resolutions, NeedsPrompt: true,
			MaxMaterials: maxFrames, MaxImages: maxFrames,
		})
	}
	standard, both := []string{"720p"}, []string{"720p", "1080p"}
	video("jimeng-video-3.5-pro", standard, 5, 10, 12)
	video("jimeng-video-3.0", both, 5, 10)
	video("jimeng-video-3.0-fast", both, 5, 10)
	video("jimeng-video-3.0-pro", standard, 5, 10)
	video("jimeng-video-2.0", standard, 5, 10)
	video("jimeng-video-2.0-pro", standard, 5, 10)
	video("jimeng-video-veo3", standard, 8)
	video("jimeng-video-veo3.1", standard, 8)
	video("jimeng-video-sora2", standard, 4, 8, 12)
	return append(models, imageModels(sharedImages, abroadImages)...)
}

func imageModels(lists ...[]string) []upstream.Model {
	var models []upstream.Model
	for _, id := range slices.Concat(lists...) {
		models = append(models, upstream.Model{
			ID: id, Kind: upstream.Image, Ratios: imageRatios, Resolutions: imageResolutions,
			NeedsPrompt: true, MaxMaterials: maxComposition, MaxImages: maxComposition,
		})
	}
	return models
}

// servedIn reports whether iptag runs the model with a session of the region:
// "" for China, us, hk, jp or sg. The server would run its default instead.
func servedIn(id, region string) bool {
	if slices.Contains(sharedImages, id) || id == "jimeng-video-3.5-pro" || id == "jimeng-video-3.0" {
		return true
	}
	switch id {
	case "nanobanana", "nanobananapro":
		return region != ""
	case "jimeng-video-veo3", "jimeng-video-veo3.1", "jimeng-video-sora2":
		return region != "" && region != "us"
	}
	return region == ""
}

// union merges catalogues by model to the most lenient of each limit.
func union(lists ...[]upstream.Model) []upstream.Model {
	var all []upstream.Model
	for _, m := range slices.Concat(lists...) {
		have := find(all, m.ID)
		if have == nil {
			all = append(all, m)
			continue
		}
		have.Durations = merged(have.Durations, m.Durations)
		slices.Sort(have.Durations)
		have.Ratios = merged(have.Ratios, m.Ratios)
		have.Resolutions = merged(have.Resolutions, m.Resolutions)
		have.NeedsPrompt = have.NeedsPrompt && m.NeedsPrompt
		have.MinMaterials = min(have.MinMaterials, m.MinMaterials)
		have.MaxMaterials = max(have.MaxMaterials, m.MaxMaterials)
		have.MaxImages = max(have.MaxImages, m.MaxImages)
		have.MaxVideos = max(have.MaxVideos, m.MaxVideos)
		have.MaxAudios = max(have.MaxAudios, m.MaxAudios)
	}
	return all
}

func merged[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func without[T comparable](list []T, drop T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return v == drop })
}

func seconds(from, to int) []int {
	list := make([]int, 0, to-from+1)
	for s := from; s <= to; s++ {
		list = append(list, s)
	}
	return list
}
