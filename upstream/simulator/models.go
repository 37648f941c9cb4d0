package simulator

import "net/http"

var stockModels = []string{
	"jimeng", "jimeng-5.0", "jimeng-4.6", "jimeng-4.5", "jimeng-4.1", "jimeng-4.0", "jimeng-3.1", "jimeng-3.0",
	"jimeng-2.1", "jimeng-2.0-pro", "jimeng-2.0", "jimeng-1.4", "jimeng-xl-pro",
	"jimeng-video-3.5-pro", "jimeng-video-3.0", "jimeng-video-3.0-pro", "jimeng-video-2.0", "jimeng-video-2.0-pro",
	"jimeng-video-seedance-2.0", "seedance-2.0", "seedance-2.0-pro", "jimeng-video-seedance-2.0-fast", "seedance-2.0-fast",
}

// iptagModels is the short and stale list that iptag tells; it accepts more.
var iptagModels = []string{"jimeng", "jimeng-video-3.0", "jimeng-video-3.0-pro", "jimeng-video-2.0", "jimeng-video-2.0-pro"}

func (s *Server) models(*http.Request) (any, error) {
	names := stockModels
	if s.variant == Iptag {
		names = iptagModels
	}
	list := make([]any, len(names))
	for i, name := range names {
		item := map[string]any{"id": name, "object": "model", "owned_by": "jimeng-free-api"}
		if isSeedance(name) {
			item["description"] = "Seedance 2.0 多图智能视频生成模型"
		}
		list[i] = item
	}
	return map[string]any{"data": list}, nil
}
