package simulator

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	iptagModel = "jimeng-video-3.5-pro"
	omni       = "omni_reference"
)

// validateIptag checks a video request by iptag's rules. What the rules for
// numbers refuse is a plain error there, and so has the code -1000.
func (b *body) validateIptag(r *http.Request) error {
	model := b.textOr("model", iptagModel)
	mode := b.textOr("functionMode", "first_last_frames")
	err := b.validate(r, []string{"prompt"},
		rule{"model", isString},
		rule{"prompt", isString},
		rule{"ratio", isString},
		rule{"resolution", isString},
		rule{"functionMode", func(any) bool {
			return mode == "first_last_frames" || mode == omni && isIptagSeedance(model)
		}},
		rule{"response_format", isString},
	)
	if err != nil {
		return err
	}
	if err := b.iptagDuration(model); err != nil {
		return err
	}
	atMostTwo := func(v any) bool {
		list, ok := v.([]any)
		return ok && (mode == omni || len(list) <= 2)
	}
	if err := b.validate(r, nil, rule{"file_paths", atMostTwo}, rule{"filePaths", atMostTwo}); err != nil {
		return err
	}
	if mode == omni {
		return b.iptagOmni()
	}
	if len(b.files) > 2 {
		return errors.New("最多只能上传2个图片文件")
	}
	if len(b.files) == 2 && b.files[0].Field == b.files[1].Field {
		// Two files of one name are a list, which no code there expects.
		//lint:ignore ST1005 these are the server's own words
		return errors.New(`The "path" argument must be of type string or an instance of Buffer or URL. Received undefined`)
	}
	if len(b.references()) > 0 {
		return nil // the pictures decide the ratio
	}
	resolution := "720p"
	if model == "jimeng-video-3.0" || model == "jimeng-video-3.0-fast" {
		resolution = b.textOr("resolution", resolution)
	}
	_, err = videoSizes.find(ofVideo, resolution, b.textOr("ratio", "1:1"))
	return err
}

func isIptagSeedance(model string) bool {
	return model == "jimeng-video-seedance-2.0" || model == "jimeng-video-seedance-2.0-fast"
}

func (b *body) iptagDuration(model string) error {
	value, present := b.fields["duration"]
	if !present {
		return nil
	}
	var seconds int
	switch v := value.(type) {
	case string:
		n, ok := parseInt(v)
		if !b.multipart {
			return errors.New("duration 参数格式错误")
		} else if !ok || strings.TrimSpace(v) != strconv.Itoa(n) {
			return fmt.Errorf("duration 必须是整数，当前值: %s", v)
		}
		seconds = n
	case float64:
		if v != math.Trunc(v) {
			return fmt.Errorf("duration 必须是整数，当前值: %v", v)
		}
		seconds = int(v)
	default:
		return errors.New("duration 参数格式错误")
	}
	var allowed []int
	var message string
	switch {
	case strings.Contains(model, "veo3"):
		allowed, message = []int{8}, "veo3 模型仅支持 8 秒时长"
	case strings.Contains(model, "sora2"):
		allowed, message = []int{4, 8, 12}, "sora2 模型仅支持 4、8、12 秒时长"
	case strings.Contains(model, "3.5-pro"), strings.Contains(model, "3.5_pro"):
		allowed, message = []int{5, 10, 12}, "3.5-pro 模型仅支持 5、10、12 秒时长"
	case strings.Contains(model, "seedance-2.0"):
		if seconds < 4 || seconds > 15 {
			return fmt.Errorf("seedance 2.0/2.0-fast 模型支持 4~15 秒时长，当前值: %d", seconds)
		}
		return nil
	default:
		allowed, message = []int{5, 10}, "该模型仅支持 5、10 秒时长"
	}
	if !slices.Contains(allowed, seconds) {
		return fmt.Errorf("%s，当前值: %d", message, seconds)
	}
	return nil
}

// iptagOmni checks the numbered fields of the omni mode. Bare image_file and
// video_file are not counted, as in the original.
func (b *body) iptagOmni() error {
	images, videos := 0, 0
	for _, m := range b.omniFields() {
		if strings.HasPrefix(m.Field, "image_file_") {
			images++
		} else {
			videos++
		}
	}
	switch total := images + videos; {
	case images > 9:
		return errors.New("全能模式最多上传9张图片")
	case videos > 3:
		return errors.New("全能模式最多上传3个视频")
	case total > 12:
		return errors.New("全能模式图片+视频总数不超过12个")
	case total == 0 && len(b.list("filePaths")) == 0 && len(b.list("file_paths")) == 0:
		return errors.New("全能模式至少需要上传1个素材文件(图片或视频)")
	}
	return nil
}

// omniFields returns the materials under numbered names, files and URLs.
func (b *body) omniFields() []Material {
	var list []Material
	for _, m := range b.files {
		if strings.HasPrefix(m.Field, "image_file_") || strings.HasPrefix(m.Field, "video_file_") {
			list = append(list, m)
		}
	}
	for prefix, most := range map[string]int{"image_file_": 9, "video_file_": 3} {
		for i := 1; i <= most; i++ {
			name := fmt.Sprint(prefix, i)
			if url := b.text(name); strings.HasPrefix(url, "http") {
				list = append(list, Material{Field: name, URL: url})
			}
		}
	}
	slices.SortFunc(list, func(x, y Material) int { return strings.Compare(x.Field, y.Field) })
	return list
}

// omniMaterials returns what the omni mode uses; paths fill free image slots.
func (b *body) omniMaterials() []Material {
	list := b.omniFields()
	paths := b.list("filePaths")
	if len(paths) == 0 {
		paths = b.list("file_paths")
	}
	return append(list, paths...)
}
