package media

import (
	"mime"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// Sniffed is how much of a file is looked at to learn its type, the amount that
// mimetype recommends.
const Sniffed = 3072

// Sniff returns the content type of the file that begins with head.
func Sniff(head []byte) string { return TypeName(mimetype.Detect(head).String()) }

type format struct {
	kind      Kind
	extension string
	// parse completes info and returns where the file's content ends and
	// whatever lies behind it begins.
	parse func(s *source, info *Info) (end int64, err error)
}

// formats are the supported types.
var formats = map[string]format{
	"image/jpeg":      {Image, ".jpg", parseJPEG},
	"image/png":       {Image, ".png", parsePNG},
	"image/webp":      {Image, ".webp", parseWebP},
	"image/gif":       {Image, ".gif", parseGIF},
	"image/bmp":       {Image, ".bmp", parseBMP},
	"video/mp4":       {Video, ".mp4", parseMovie},
	"video/quicktime": {Video, ".mov", parseMovie},
	"video/x-m4v":     {Video, ".m4v", parseMovie},
	"audio/mpeg":      {Audio, ".mp3", parseMP3},
	"audio/wav":       {Audio, ".wav", parseWAV},
}

// sameType maps other names of a type to the one above; an animated PNG is a PNG
// to whoever does not know better.
var sameType = map[string]string{
	"image/jpg":              "image/jpeg",
	"image/pjpeg":            "image/jpeg",
	"image/apng":             "image/png",
	"image/vnd.mozilla.apng": "image/png",
	"image/x-png":            "image/png",
	"image/x-bmp":            "image/bmp",
	"image/x-ms-bmp":         "image/bmp",
	"audio/mp3":              "audio/mpeg",
	"audio/x-mp3":            "audio/mpeg",
	"audio/x-mpeg":           "audio/mpeg",
	"audio/x-wav":            "audio/wav",
	"audio/wave":             "audio/wav",
	"audio/vnd.wave":         "audio/wav",
	"video/m4v":              "video/x-m4v",
}

// TypeName returns the one name that this package uses for a content type: in
// lower case, without parameters, and the same for all its synonyms.
func TypeName(contentType string) string {
	name, _, _ := strings.Cut(contentType, ";")
	name = strings.ToLower(strings.TrimSpace(name))
	if same, ok := sameType[name]; ok {
		return same
	}
	return name
}

// KindOf returns the kind of a content type, and whether it is supported.
func KindOf(contentType string) (Kind, bool) {
	format, ok := formats[TypeName(contentType)]
	return format.kind, ok
}

// Agrees tells whether a file of the real type may be declared like that. Who
// declares nothing, or just bytes, does not lie.
func Agrees(declared, real string) bool {
	if strings.TrimSpace(declared) == "" {
		return true
	}
	if _, _, err := mime.ParseMediaType(declared); err != nil {
		return false
	}
	name := TypeName(declared)
	return name == "application/octet-stream" || name == "binary/octet-stream" || withoutBrand(name) == withoutBrand(TypeName(real))
}

// withoutBrand makes M4V and MP4 equal: the only difference is a brand that many
// writers set at random.
func withoutBrand(name string) string {
	if name == "video/x-m4v" {
		return "video/mp4"
	}
	return name
}
