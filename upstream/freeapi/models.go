package freeapi

import (
	"slices"
	"strings"

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

// isSeedance is the rule by which the servers themselves tell what wants the
// routes and fields of Seedance. (iptag of today has a list of two; what is not
// in it is refused there at no cost when it comes with Seedance's fields, and
// would silently run as another model without them.)
func isSeedance(id string) bool {
	return strings.HasPrefix(id, "seedance-") || strings.HasPrefix(id, "jimeng-video-seedance-")
}

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

// What stock's only Seedance route replaces silently, by 4 s and 4:3.
const (
	replacedDuration = 5
	replacedRatio    = "1:1"
)

// stockModels are fork's without what stock would replace.
func stockModels() []upstream.Model {
	models := forkModels()
	for i := range models {
		if m := &models[i]; isSeedance(m.ID) {
			m.Durations = without(m.Durations, replacedDuration)
			m.Ratios = without(m.Ratios, replacedRatio)
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
		if have := upstream.Find(all, m.ID); have != nil {
			have.Widen(&m)
		} else {
			all = append(all, m)
		}
	}
	return all
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
