package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/blob"
	"github.com/jimeng-gateway/jimeng-gateway/media"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

func (a *api) fileRoutes(r *router) {
	r.HandleFunc("GET /v1/artifacts/{task}/{number}", a.serveArtifact)
	r.HandleFunc("GET /v1/materials/{task}/{number}", a.serveMaterial)
}

// link is the absolute address of a file of a task: kind is "artifacts" or
// "materials". Whoever has it may fetch the file until it expires.
func (a *api) link(base, kind, task string, number int) string {
	return base + a.Links.Sign("/v1/"+kind+"/"+task+"/"+strconv.Itoa(number), a.linkExpiry())
}

// linkExpiry is at the end of an hour, so that a page that asks again and again
// gets the same address and its player goes on playing.
func (a *api) linkExpiry() time.Time {
	const step = time.Hour
	return time.Now().Add(a.LinkTTL + step).Truncate(step)
}

var errNotReady = &apiError{status: http.StatusServiceUnavailable, code: "artifact_not_ready", retryAfter: 3 * time.Second,
	message: "The file is not here yet; ask again, or wait until the task has succeeded."}

var errExpired = &apiError{status: http.StatusGone, code: "artifact_expired",
	message: "The file has been deleted: it was kept for as long as results are, or had to make room."}

// serveArtifact serves a result of a task, also while the gateway fetches it.
func (a *api) serveArtifact(w http.ResponseWriter, r *http.Request) {
	task, number, expires, err := a.taskOfLink(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	name := fmt.Sprintf("%s-%d", task.ID, number)
	if task.Status == store.Downloading {
		if mirror := a.Queue.Mirror(task.ID, number); mirror != nil {
			a.serveMirror(w, r, mirror, name)
			return
		}
		// It may have ended since.
		if task, err = a.Queue.Task(r.Context(), "", task.ID); err != nil {
			a.fail(w, r, err)
			return
		}
	}
	switch {
	case task.Status == store.Downloading:
		a.fail(w, r, errNotReady)
	case number >= len(task.Artifacts):
		a.fail(w, r, store.ErrNotFound)
	case task.Artifacts[number].Blob == "":
		a.fail(w, r, errExpired)
	default:
		artifact := task.Artifacts[number]
		a.serveFile(w, r, storedFile{blob: artifact.Blob, contentType: artifact.ContentType, etag: artifact.SHA256, name: name, expires: expires})
	}
}

// serveMaterial serves an input of a task back to who may see the task.
func (a *api) serveMaterial(w http.ResponseWriter, r *http.Request) {
	task, number, expires, err := a.taskOfLink(r)
	if err == nil && (number >= len(task.Materials) || task.Materials[number].Blob == "") {
		err = store.ErrNotFound
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	material := task.Materials[number]
	// Blobs never change, so their name is as good as a checksum.
	etag := strings.ReplaceAll(material.Blob, "/", "-")
	a.serveFile(w, r, storedFile{blob: material.Blob, contentType: material.ContentType, etag: etag, name: material.Name, expires: expires})
}

// taskOfLink checks the signed link and finds what it points at.
func (a *api) taskOfLink(r *http.Request) (task *store.Task, number int, expires time.Time, err error) {
	if expires, err = a.checkLink(r); err != nil {
		return nil, 0, expires, err
	}
	if number, err = strconv.Atoi(r.PathValue("number")); err != nil || number < 0 { // signed, so it is a number
		return nil, 0, expires, store.ErrNotFound
	}
	task, err = a.Queue.Task(r.Context(), "", r.PathValue("task"))
	return task, number, expires, err
}

type storedFile struct {
	blob, contentType, etag, name string
	expires                       time.Time // of the link
}

// serveFile serves a file that the gateway has, whole or in ranges.
func (a *api) serveFile(w http.ResponseWriter, r *http.Request, file storedFile) {
	content, err := a.Blobs.Open(r.Context(), file.blob)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer content.Close()
	describe(w, r, file.contentType, file.name)
	header := w.Header()
	header.Set("Etag", `"`+file.etag+`"`)
	header.Set("Cache-Control", fmt.Sprintf("private, immutable, max-age=%d", max(0, int(time.Until(file.expires).Seconds()))))
	ignoreNoBytes(r)
	http.ServeContent(w, r, "", content.ModTime(), content)
}

var lastNone = regexp.MustCompile(`[=,]\s*-0+\s*(,|$)`)

// ignoreNoBytes takes a range away that asks for the last 0 bytes. Net/http answers
// it with 206 and a range that ends before it begins (https://go.dev/issue/81262);
// the whole file is a good answer to any range.
func ignoreNoBytes(r *http.Request) {
	if lastNone.MatchString(r.Header.Get("Range")) {
		r.Header.Del("Range")
	}
}

// describe tells the type and the name of a file. Any link may have download=1
// added to it, which its signature does not cover, to have the file saved.
func describe(w http.ResponseWriter, r *http.Request, contentType, name string) {
	disposition := "inline"
	if r.URL.Query().Get("download") == "1" {
		disposition = "attachment"
	}
	if _, known := media.KindOf(contentType); !known {
		// Nothing but pictures, sound and video may run in a browser that is
		// signed in here.
		disposition, contentType = "attachment", "application/octet-stream"
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Disposition", contentDisposition(disposition, name, contentType))
}

// serveMirror serves a file that the gateway is fetching. It has no validators
// and is not to be cached, because it may still turn out to be damaged. Where
// the upstream has told the size, ranges work, so that a player may look at the
// end first; what is not there yet is waited for.
func (a *api) serveMirror(w http.ResponseWriter, r *http.Request, mirror *queue.Mirror, name string) {
	control := http.NewResponseController(w)
	content, err := mirror.Open(r.Context(), func() {
		_ = control.Flush() // whoever is gone will be noticed by the next write
	})
	if errors.Is(err, blob.ErrNotFound) { // it has just failed
		err = errNotReady
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer content.Close()
	describe(w, r, mirror.ContentType, name)
	w.Header().Set("Cache-Control", "no-store")
	body := &noting{ReadSeeker: content}
	if mirror.Size >= 0 {
		if strings.Contains(r.Header.Get("Range"), ",") {
			// net/http reads several ranges in a goroutine of its own, which must
			// not flush.
			r.Header.Del("Range")
		}
		ignoreNoBytes(r)
		http.ServeContent(w, r, "", time.Time{}, body)
	} else {
		w.Header().Set("Accept-Ranges", "none")
		if r.Method != http.MethodHead {
			_, _ = io.Copy(w, body)
		}
	}
	if body.err != nil && r.Context().Err() == nil {
		// The only way to say in the middle of an answer that the rest is missing.
		panic(http.ErrAbortHandler)
	}
}

// noting remembers whether reading failed.
type noting struct {
	io.ReadSeeker
	err error
}

func (n *noting) Read(p []byte) (int, error) {
	got, err := n.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		n.err = err
	}
	return got, err
}

// checkLink returns when the link expires.
func (a *api) checkLink(r *http.Request) (time.Time, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		query = nil
	}
	switch err := a.Links.Verify(r.URL.Path, query, time.Now()); {
	case errors.Is(err, auth.ErrLinkExpired):
		return time.Time{}, &apiError{status: http.StatusForbidden, code: "link_expired", message: "The link has expired; ask for the task again to get a new one."}
	case err != nil:
		return time.Time{}, &apiError{status: http.StatusForbidden, code: "link_invalid", message: "The link is not valid; ask for the task to get a new one."}
	}
	unix, _ := strconv.ParseInt(query.Get("expires"), 10, 64) // signed, so it is a number
	return time.Unix(unix, 0), nil
}

// extensions are what a saved file is called; the system's table of types, which
// the standard library asks, differs from machine to machine.
var extensions = map[string]string{
	"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif", "image/bmp": ".bmp",
	"video/mp4": ".mp4", "video/quicktime": ".mov", "video/x-m4v": ".m4v", "audio/mpeg": ".mp3", "audio/wav": ".wav",
}

// contentDisposition names a file for saving, in whatever letters it has.
func contentDisposition(disposition, name, contentType string) string {
	if name == "" {
		name = "file"
	}
	if !strings.Contains(name, ".") {
		name += extensions[contentType]
	}
	if value := mime.FormatMediaType(disposition, map[string]string{"filename": name}); value != "" {
		return value
	}
	return disposition
}
