package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/media"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const materialTypesText = "jpg, png, webp, gif, bmp, mp4, mov, m4v, mp3, wav"

// intake is the files of one request, from the first byte until it is known
// whether the request is taken. Until then nobody else can see them, and what is
// refused leaves nothing behind.
type intake struct {
	api   *api
	most  int64 // bytes of one file, as the key says; 0 for no such limit
	total int64
	files []*staged
	nonce string // begins the text that stands for a file in a body that was too large to keep
}

// staged is a file that was read and found good.
type staged struct {
	store.Material
	pending   blob.Pending
	committed bool
}

// stage streams one file to the blob store. What it really is decides, and its
// first bytes are enough to refuse what cannot be used. What it is declared to be
// may be missing, but must not be something else.
func (in *intake) stage(ctx context.Context, field, declared string, r io.Reader) (*staged, error) {
	limits := &in.api.Materials
	if len(in.files) >= limits.Count {
		return nil, tooManyFiles(topField(field), limits.Count, "")
	}
	source := &limited{r: r, field: field, rest: limits.Total - in.total, total: limits.Total}
	head := make([]byte, media.Sniffed)
	n, err := io.ReadFull(source, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if n == 0 {
		return nil, invalid(field, "must not be empty")
	}
	contentType, kind, err := checkType(field, declared, head[:n])
	if err != nil {
		return nil, err
	}
	source.kind, source.most, source.key = kind, limits.of(kind).Size, in.most
	pending, err := in.api.Blobs.Create(ctx, path.Join(queue.MaterialDir, queue.MaterialPrefix+rand.Text()))
	if err != nil {
		return nil, err
	}
	file := &staged{Material: store.Material{Kind: string(kind), ContentType: contentType}, pending: pending}
	in.files = append(in.files, file) // before anything can fail, so that it is dropped
	if _, err := io.Copy(pending, io.MultiReader(bytes.NewReader(head[:n]), source)); err != nil {
		return nil, err
	}
	info := pending.Info()
	file.Size, file.SHA256, file.Blob = info.Size, info.SHA256, info.Name
	in.total += info.Size
	return file, file.inspect(field, limits.of(kind))
}

// inspect looks at the whole file: whether it is what its first bytes promise,
// and how much picture and sound is in it.
func (f *staged) inspect(field string, limits *KindLimits) error {
	content, err := f.pending.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	info, err := media.Inspect(content, f.Size)
	switch {
	case errors.Is(err, media.ErrUnknownType), errors.Is(err, media.ErrDamaged), errors.Is(err, media.ErrPolyglot):
		return invalid(field, "%v", err)
	case err != nil:
		return err
	}
	f.Width, f.Height, f.LengthMS = info.Width, info.Height, info.Length.Milliseconds()
	return limits.measure(field, &f.Material)
}

// checkType tells what a file is from its first bytes.
func checkType(field, declared string, head []byte) (contentType string, kind upstream.MediaKind, err error) {
	contentType = media.Sniff(head)
	of, ok := media.KindOf(contentType)
	if !ok {
		return "", "", invalid(field, "must be %s; one is %s", materialTypesText, contentType)
	}
	if err := checkDeclared(field, declared, contentType); err != nil {
		return "", "", err
	}
	return contentType, upstream.MediaKind(of), nil
}

// checkDeclared refuses a file that is said to be what it is not. No word about
// it is good, too.
func checkDeclared(field, declared, contentType string) error {
	if !media.Agrees(declared, contentType) {
		return invalid(field, "must be what it is said to be: it is declared as %s and is %s", short(declared), contentType)
	}
	return nil
}

// commit makes the files durable, but for those that the key has already: of
// these it uses the ones that are there, and notes so in the materials, which are
// those of the request.
func (in *intake) commit(ctx context.Context, keyID string, materials []store.Material) error {
	for _, file := range in.files {
		known, err := in.api.Store.MaterialByContent(ctx, keyID, file.SHA256)
		if err == nil {
			for i := range materials {
				if m := &materials[i]; m.Blob == file.Blob {
					m.ID, m.Blob = known.ID, known.Blob
				}
			}
			continue
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if _, err := file.pending.Commit(); err != nil {
			return err
		}
		file.committed = true
	}
	return nil
}

// cleanUpTimeout bounds the deletion of files that nobody will use, which goes on
// after the client is gone.
const cleanUpTimeout = 30 * time.Second

// close drops the files that nobody refers to: all whose blobs are not among the
// used ones. After an error that leaves open what the database has, all stay; the
// queue's clean-up asks the database again a day later. It also runs when the
// client has gone away, which is the most frequent reason.
func (in *intake) close(ctx context.Context, err error, used map[string]bool) {
	if len(in.files) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	for _, file := range in.files {
		name := file.pending.Info().Name
		var fault error
		switch {
		case !file.committed:
			fault = file.pending.Abort()
		case !used[name] && !errors.Is(err, store.ErrUnavailable):
			fault = in.api.Blobs.Delete(ctx, name)
		}
		if fault != nil {
			in.api.log(ctx, &apiError{status: http.StatusServiceUnavailable, cause: fault})
		}
	}
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

// topField is the field that an entry of a list belongs to.
func topField(field string) string {
	name, _, _ := strings.Cut(field, "[")
	return name
}

// limited reads a file within the limits. Before it is known what kind of file it
// is, there is only the limit for all together.
type limited struct {
	r           io.Reader
	field       string
	kind        upstream.MediaKind
	most        int64 // of this file, 0 for not known yet
	key         int64 // of one file of the key, 0 for no limit
	rest, total int64 // of all files together: what is left, and the limit
	read        int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.read += int64(n)
	switch {
	case l.key > 0 && l.read > l.key:
		return n, overUpload(l.field, l.key)
	case l.most > 0 && l.read > l.most:
		return n, &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: l.field,
			message: fmt.Sprintf("must not be larger than %s, which is the limit for one %s", size(l.most), l.kind)}
	case l.read > l.rest:
		return n, &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: topField(l.field),
			message: "are together larger than " + size(l.total)}
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
