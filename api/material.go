package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode"

	"github.com/gabriel-vasile/mimetype"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// materialTypes are the files that the upstream takes, by their real type.
var materialTypes = map[string]upstream.MediaKind{
	"image/jpeg":      upstream.Image,
	"image/png":       upstream.Image,
	"image/webp":      upstream.Image,
	"image/gif":       upstream.Image,
	"image/bmp":       upstream.Image,
	"video/mp4":       upstream.Video,
	"video/quicktime": upstream.Video,
	"video/x-m4v":     upstream.Video,
	"audio/mpeg":      upstream.Audio,
	"audio/wav":       upstream.Audio,
}

const materialTypesText = "jpg, png, webp, gif, bmp, mp4, mov, m4v, mp3, wav"

// sameType maps other names of a type to the one above; an animated PNG is a PNG
// to whoever does not know better, and the only difference between M4V and MP4
// is a brand that many writers set at random.
var sameType = map[string]string{
	"image/jpg":      "image/jpeg",
	"image/pjpeg":    "image/jpeg",
	"image/apng":     "image/png",
	"image/x-png":    "image/png",
	"image/x-bmp":    "image/bmp",
	"image/x-ms-bmp": "image/bmp",
	"audio/mp3":      "audio/mpeg",
	"audio/x-mpeg":   "audio/mpeg",
	"audio/x-wav":    "audio/wav",
	"audio/wave":     "audio/wav",
	"audio/vnd.wave": "audio/wav",
	"video/m4v":      "video/x-m4v",
}

func typeName(name string) string {
	if same, ok := sameType[name]; ok {
		return same
	}
	return name
}

// sniffed is how much of a file is looked at to learn its type, the amount that
// mimetype recommends.
const sniffed = 3072

// storeFile streams one file to the blob store. The real type decides what it
// is; a declared one may be missing, but must not say something else. It
// returns nil for a file input in which nothing was chosen. rest is what the
// files of the request may still have together.
func (a *api) storeFile(ctx context.Context, part *multipart.Part, rest int64) (*store.Material, error) {
	source := &upload{api: a, r: part, rest: rest}
	head := make([]byte, sniffed)
	n, err := io.ReadFull(source, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if n == 0 {
		if part.FileName() == "" {
			return nil, nil
		}
		return nil, invalid("files", "must not be empty")
	}
	contentType, kind, err := checkType(head[:n], part.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	name := "materials/" + rand.Text()
	info, err := a.Blobs.Put(ctx, name, io.MultiReader(bytes.NewReader(head[:n]), source))
	if err != nil {
		return nil, err
	}
	return &store.Material{Kind: string(kind), Name: fileName(part.FileName()), ContentType: contentType, Size: info.Size, Blob: name}, nil
}

// checkType tells what a file is from its first bytes.
func checkType(head []byte, declared string) (contentType string, kind upstream.MediaKind, err error) {
	real, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	contentType = typeName(real)
	kind, ok := materialTypes[contentType]
	if !ok {
		return "", "", invalid("files", "must be %s; one is %s", materialTypesText, real)
	}
	if declared == "" {
		return contentType, kind, nil
	}
	stated, _, err := mime.ParseMediaType(declared)
	if err != nil {
		return "", "", invalid("files", "have a content type that cannot be read")
	}
	stated = typeName(stated)
	mp4 := strings.NewReplacer("video/x-m4v", "video/mp4")
	if stated != "application/octet-stream" && mp4.Replace(stated) != mp4.Replace(contentType) {
		return "", "", invalid("files", "must be what they say: one is declared as %s and is %s", stated, contentType)
	}
	return contentType, kind, nil
}

// fileName keeps the last part of a client's name for a file, for people to
// recognise it. It is never used as a path.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > 100 {
		extension := []rune(path.Ext(name))
		if len(extension) > 10 {
			extension = nil
		}
		name = string(runes[:100-len(extension)]) + string(extension)
	}
	if name == "." || name == "/" {
		return ""
	}
	return name
}

// upload reads a file from the client within the limits. All its errors are the
// client's, which sets them apart from those of the disk behind it.
type upload struct {
	api  *api
	r    io.Reader
	rest int64
	read int64
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.read += int64(n)
	switch {
	case u.read > u.api.Upload.File:
		return n, &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: "files",
			message: "must not be larger than " + size(u.api.Upload.File) + " each"}
	case u.read > u.rest:
		return n, u.api.totalTooLarge()
	case err != nil && err != io.EOF:
		return n, u.api.formError(err)
	}
	return n, err
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
