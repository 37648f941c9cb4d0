package freeapi

import (
	"slices"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func TestCatalogues(t *testing.T) {
	t.Parallel()
	request := func(model string, duration int, ratio string, materials int) *upstream.Request {
		r := &upstream.Request{Kind: upstream.Video, Model: model, Prompt: "a boat", Duration: duration, Ratio: ratio}
		for range materials {
			r.Materials = append(r.Materials, upstream.Material{Kind: upstream.Image})
		}
		return r
	}
	for _, c := range []struct {
		name    string
		v       variant
		r       *upstream.Request
		allowed bool
	}{
		{"fork keeps 5 s and 1:1", fork, request("seedance-2.0", 5, "1:1", 1), true},
		{"stock makes 4 of 5", stock, request("seedance-2.0", 5, "16:9", 1), false},
		{"stock makes 4:3 of 1:1", stock, request("seedance-2.0", 6, "1:1", 1), false},
		{"stock otherwise", stock, request("seedance-2.0-pro", 6, "4:3", 1), true},
		{"stock's classic models keep both", stock, request("jimeng-video-3.0", 5, "1:1", 0), true},
		{"seedance needs a file on fork", fork, request("seedance-2.0-fast", 4, "", 0), false},
		{"and none on iptag", iptag, request("seedance-2.0-fast", 4, "", 0), true},
		{"too long", fork, request("seedance-2.0", 16, "", 1), false},
		{"veo3 is 8 s", iptag, request("jimeng-video-veo3", 8, "", 0), true},
		{"and nothing else", iptag, request("jimeng-video-veo3", 5, "", 0), false},
		{"sora2", iptag, request("jimeng-video-sora2", 12, "", 0), true},
		{"3.5-pro on iptag", iptag, request("jimeng-video-3.5-pro", 4, "", 0), false},
		{"two frames", iptag, request("jimeng-video-3.0", 5, "", 2), true},
		{"three frames", iptag, request("jimeng-video-3.0", 5, "", 3), false},
		{"nine images", iptag, request("seedance-2.0", 5, "", 9), true},
		{"ten images", iptag, request("seedance-2.0", 5, "", 10), false},
		{"anything that one of them does", unknown, request("seedance-2.0", 5, "1:1", 0), true},
	} {
		m := upstream.Find(catalogue(c.v), c.r.Model)
		if m == nil {
			t.Errorf("%s: %s has no %s", c.name, c.v, c.r.Model)
			continue
		}
		if err := m.Check(c.r); (err == nil) != c.allowed {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if upstream.Find(catalogue(fork), "jimeng-video-veo3") != nil || upstream.Find(catalogue(iptag), "jimeng-2.1") != nil {
		t.Error("a model is in the wrong catalogue: the server would silently run another")
	}
	for v, models := range catalogues {
		for _, m := range models {
			if !slices.IsSorted(m.Durations) {
				t.Errorf("%s: %s: %v", v, m.ID, m.Durations)
			}
			if upstream.Find(catalogue(unknown), m.ID) == nil {
				t.Errorf("the union lacks %s", m.ID)
			}
		}
	}
}

func TestServedIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		model, secret string
		want          bool
	}{
		{seedance, "0123456789abcdef", true},
		{seedance, "us-0123456789abcdef", false},
		{"jimeng-video-veo3", "0123456789abcdef", false},
		{"jimeng-video-veo3", "US-0123456789abcdef", false},
		{"jimeng-video-veo3", "http://u:p@proxy:1@ HK-0123456789abcdef", true},
		{"jimeng-video-sora2", "sg-0123456789abcdef", true},
		{"jimeng-video-3.5-pro", "us-0123456789abcdef", true},
		{"jimeng-video-2.0", "jp-0123456789abcdef", false},
		{"nanobanana", "0123456789abcdef", false},
		{"nanobananapro", "us-0123456789abcdef", true},
		{"jimeng-4.5", "us-0123456789abcdef", true},
	} {
		if got := servedIn(c.model, region(c.secret)); got != c.want {
			t.Errorf("%s with %s: %t", c.model, c.secret, got)
		}
	}
}
