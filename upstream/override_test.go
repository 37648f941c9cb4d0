package upstream_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func TestOver(t *testing.T) {
	t.Parallel()
	known := upstream.Model{ID: "m", Kind: upstream.Video, Durations: []int{4, 5, 6}, DefaultDuration: 5, Ratios: []string{"1:1"},
		MaxPrompt: 10, NeedsPrompt: true, MinMaterials: 1, MaxMaterials: 12, MaxImages: 9, MaxVideos: 3}
	for name, c := range map[string]struct {
		of     upstream.Model
		o      upstream.Override
		change func(*upstream.Model)
	}{
		"nothing":                        {known, upstream.Override{}, func(*upstream.Model) {}},
		"durations in any order":         {known, upstream.Override{Durations: []int{6, 5, 6}}, func(m *upstream.Model) { m.Durations = []int{5, 6} }},
		"durations without the default":  {known, upstream.Override{Durations: []int{8, 7}}, func(m *upstream.Model) { m.Durations, m.DefaultDuration = []int{7, 8}, 7 }},
		"a default":                      {known, upstream.Override{DefaultDuration: 6}, func(m *upstream.Model) { m.DefaultDuration = 6 }},
		"a default that is not possible": {known, upstream.Override{DefaultDuration: 9}, func(*upstream.Model) {}},
		"zeros": {known, upstream.Override{MaxPrompt: new(0), NeedsPrompt: new(false), MinMaterials: new(0), MaxVideos: new(0)},
			func(m *upstream.Model) {
				m.MaxPrompt, m.NeedsPrompt, m.MinMaterials, m.MaxVideos, m.MaxMaterials = 0, false, 0, 0, 9
			}},
		"more in all than of all kinds": {known, upstream.Override{MaxMaterials: new(50)}, func(*upstream.Model) {}},
		"more of a kind than in all":    {known, upstream.Override{MaxImages: new(50)}, func(m *upstream.Model) { m.MaxImages = 50 }},
		"a new model": {upstream.Model{ID: "n", Kind: upstream.Video}, upstream.Override{Durations: []int{5}, MaxImages: new(2), MaxAudios: new(1), Credits: 3},
			func(m *upstream.Model) {
				m.Durations, m.DefaultDuration, m.MaxImages, m.MaxAudios, m.MaxMaterials, m.Credits = []int{5}, 5, 2, 1, 3, 3
			}},
	} {
		want := c.of
		c.change(&want)
		if diff := cmp.Diff(want, c.o.Over(c.of)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWiden(t *testing.T) {
	t.Parallel()
	narrow := upstream.Model{ID: "m", Durations: []int{10}, Ratios: []string{"1:1"}, MaxPrompt: 10, NeedsPrompt: true, MinMaterials: 1, MaxMaterials: 1, MaxImages: 1}
	other := upstream.Model{ID: "m", Aliases: []string{"a"}, Durations: []int{5}, Ratios: []string{"1:1", "2:1"}, MaxPrompt: 20, MaxMaterials: 3, MaxVideos: 3}
	m := narrow
	m.Widen(&other)
	want := upstream.Model{ID: "m", Aliases: []string{"a"}, Durations: []int{5, 10}, Ratios: []string{"1:1", "2:1"}, MaxPrompt: 20, MaxMaterials: 3, MaxImages: 1, MaxVideos: 3}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	other.MaxPrompt = 0
	if m.Widen(&other); m.MaxPrompt != 0 {
		t.Errorf("one of both has no limit on the prompt, and together they have %d", m.MaxPrompt)
	}
	if narrow.Durations[0] != 10 || len(narrow.Ratios) != 1 {
		t.Errorf("a list was changed that others hold: %v", narrow)
	}
}
