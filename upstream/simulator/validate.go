package simulator

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// rule is one step of the originals' validation, which stops at the first that
// does not hold. The names of the fields are part of the message.
type rule struct {
	field string
	holds func(value any) bool
}

func isString(v any) bool { _, ok := v.(string); return ok }
func isArray(v any) bool  { _, ok := v.([]any); return ok }
func isFinite(v any) bool { n, ok := v.(float64); return ok && !math.IsInf(n, 0) && !math.IsNaN(n) }
func isBool(v any) bool   { _, ok := v.(bool); return ok }

// validate checks the fields that are present, those named in required also
// when they are not, and at last that there is an Authorization header.
func (b *body) validate(r *http.Request, required []string, rules ...rule) error {
	for _, rule := range rules {
		value, present := b.fields[rule.field]
		if !present && !slices.Contains(required, rule.field) {
			continue
		}
		if !rule.holds(value) {
			return invalidParam("body." + rule.field)
		}
	}
	if len(r.Header.Values("Authorization")) == 0 {
		return invalidParam("headers.authorization")
	}
	return nil
}

// refuseSizes refuses the fields that people know from OpenAI, even when empty.
func (b *body) refuseSizes(what string) error {
	var found []string
	for _, name := range []string{"size", "width", "height"} {
		if _, ok := b.fields[name]; ok {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("不支持的参数: %s。请使用 ratio 和 resolution 参数控制%s尺寸。", strings.Join(found, ", "), what)
}

// durationRule is the rule of stock and fork: 4 to 15 seconds, also in
// fractions; only a multipart body may write them as text.
func (b *body) durationRule(v any) bool {
	if text, ok := v.(string); ok && b.multipart {
		n, ok := parseInt(text)
		return ok && n >= 4 && n <= 15
	}
	n, ok := v.(float64)
	return ok && n >= 4 && n <= 15
}

var leadingInt = regexp.MustCompile(`^\s*([+-]?\d+)`)

// parseInt reads the integer at the beginning of a text, as JavaScript does.
func parseInt(text string) (int, bool) {
	m := leadingInt.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return n, err == nil
}

// sizes are the pixels of each resolution and ratio, in the order in which the
// messages list them.
type sizes []struct {
	resolution string
	ratios     []size
}

type size struct {
	ratio         string
	width, height int
}

var videoSizes = sizes{
	{"480p", []size{{"1:1", 480, 480}, {"4:3", 640, 480}, {"3:4", 480, 640}, {"16:9", 854, 480}, {"9:16", 480, 854}}},
	{"720p", []size{{"1:1", 720, 720}, {"4:3", 960, 720}, {"3:4", 720, 960}, {"16:9", 1280, 720}, {"9:16", 720, 1280}}},
	{"1080p", []size{{"1:1", 1080, 1080}, {"4:3", 1440, 1080}, {"3:4", 1080, 1440}, {"16:9", 1920, 1080}, {"9:16", 1080, 1920}}},
}

var imageSizes = sizes{
	{"1k", []size{{"1:1", 1024, 1024}, {"4:3", 1024, 768}, {"3:4", 768, 1024}, {"16:9", 1024, 576}, {"9:16", 576, 1024}, {"3:2", 1024, 682}, {"2:3", 682, 1024}, {"21:9", 1195, 512}}},
	{"2k", []size{{"1:1", 2048, 2048}, {"4:3", 2304, 1728}, {"3:4", 1728, 2304}, {"16:9", 2560, 1440}, {"9:16", 1440, 2560}, {"3:2", 2496, 1664}, {"2:3", 1664, 2496}, {"21:9", 3024, 1296}}},
	{"4k", []size{{"1:1", 4096, 4096}, {"4:3", 4608, 3456}, {"3:4", 3456, 4608}, {"16:9", 5404, 3040}, {"9:16", 3040, 5404}, {"3:2", 4992, 3328}, {"2:3", 3328, 4992}, {"21:9", 6197, 2656}}},
}

// find returns the size, or the originals' error; what is "视频" or "".
func (list sizes) find(what, resolution, ratio string) (size, error) {
	var names []string
	for _, group := range list {
		names = append(names, group.resolution)
		if group.resolution != resolution {
			continue
		}
		var ratios []string
		for _, s := range group.ratios {
			if s.ratio == ratio {
				return s, nil
			}
			ratios = append(ratios, s.ratio)
		}
		return size{}, fmt.Errorf(`在 "%s" 分辨率下，不支持的比例 "%s"。支持的比例: %s`, resolution, ratio, strings.Join(ratios, ", "))
	}
	return size{}, fmt.Errorf(`不支持的%s分辨率 "%s"。支持的分辨率: %s`, what, resolution, strings.Join(names, ", "))
}
