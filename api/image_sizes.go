package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// imageSize is what a client of OpenAI's dialect calls size, and the ratio and
// resolution that the upstream knows for it.
type imageSize struct{ pixels, ratio, resolution string }

// imageSizes is the upstream's table of image resolutions. For some ratios of 4k
// there are two rows, because its servers have changed them.
var imageSizes = []imageSize{
	{"1024x1024", "1:1", "1k"}, {"1024x768", "4:3", "1k"}, {"768x1024", "3:4", "1k"}, {"1024x576", "16:9", "1k"},
	{"576x1024", "9:16", "1k"}, {"1024x682", "3:2", "1k"}, {"682x1024", "2:3", "1k"}, {"1195x512", "21:9", "1k"},
	{"2048x2048", "1:1", "2k"}, {"2304x1728", "4:3", "2k"}, {"1728x2304", "3:4", "2k"}, {"2560x1440", "16:9", "2k"},
	{"1440x2560", "9:16", "2k"}, {"2496x1664", "3:2", "2k"}, {"1664x2496", "2:3", "2k"}, {"3024x1296", "21:9", "2k"},
	{"4096x4096", "1:1", "4k"}, {"4608x3456", "4:3", "4k"}, {"3456x4608", "3:4", "4k"}, {"5404x3040", "16:9", "4k"},
	{"3040x5404", "9:16", "4k"}, {"4992x3328", "3:2", "4k"}, {"3328x4992", "2:3", "4k"}, {"6197x2656", "21:9", "4k"},
	{"5120x2880", "16:9", "4k"}, {"2880x5120", "9:16", "4k"}, {"6048x2592", "21:9", "4k"},
}

// useSize translates size, unless ratio or resolution say it better.
func (c *create) useSize() error {
	t := &c.task
	if c.size == "" || c.size == "auto" || t.Ratio != "" || t.Resolution != "" {
		return nil
	}
	i := slices.IndexFunc(imageSizes, func(s imageSize) bool { return s.pixels == c.size })
	if i < 0 {
		var all []string
		for _, s := range imageSizes {
			all = append(all, s.pixels)
		}
		return &apiError{status: http.StatusBadRequest, code: "invalid_size", field: "size",
			message: fmt.Sprintf("%q is not possible, allowed: %s; or use ratio and resolution", c.size, strings.Join(all, ", "))}
	}
	t.Ratio, t.Resolution = imageSizes[i].ratio, imageSizes[i].resolution
	return nil
}
