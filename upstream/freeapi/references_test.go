package freeapi

import (
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func TestTranslateReferences(t *testing.T) {
	t.Parallel()
	materials := []upstream.Material{{Kind: upstream.Image}, {Kind: upstream.Video}, {Kind: upstream.Image}}
	names := omniNames(materials)
	for prompt, want := range map[string]string{
		"@1 walks to @2 and @3":         "@image_file_1 walks to @video_file_1 and @image_file_2",
		"@图1在@图2旁边，像@IMAGE3":            "@image_file_1在@video_file_1旁边，像@image_file_2",
		"@Image1,@image2.":              "@image_file_1,@video_file_1.",
		"@10 @4 @0 @图99999999999999999": "@10 @4 @0 @图99999999999999999",
		"write to bob@1and1.com":        "write to bob@1and1.com",
		"bob@1.com and a@2":             "bob@1.com and a@2",
		"@1st, @1.5 and @1_x":           "@1st, @1.5 and @1_x",
		"the end @1. Then @2.":          "the end @image_file_1. Then @video_file_1.",
		"@image_file_1 @video_file_1":   "@image_file_1 @video_file_1",
		"@@1":                           "@@image_file_1",
		"在@1":                           "在@image_file_1",
		"":                              "",
		"@":                             "@",
	} {
		if got := translateReferences(prompt, names); got != want {
			t.Errorf("%q became %q, want %q", prompt, got, want)
		}
	}
}

func FuzzTranslateReferences(f *testing.F) {
	f.Add("@1 bob@1.com @图2 @10")
	f.Fuzz(func(t *testing.T, prompt string) {
		if got := translateReferences(prompt, nil); got != prompt {
			t.Errorf("%q became %q without any material", prompt, got)
		}
		once := translateReferences(prompt, []string{"image_file_1"})
		if twice := translateReferences(once, []string{"image_file_1"}); twice != once {
			t.Errorf("%q became %q, then %q", prompt, once, twice)
		}
	})
}
