package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed openapi_page.css
var pageStyle string

// documentPolicy allows the page its own style and nothing else.
var documentPolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// documentRoutes serves the description of all routes, for programs and for
// people. It belongs last: the native operations have described themselves.
func (a *api) documentRoutes(r *router, openAPI *huma.OpenAPI) {
	d := &document{openAPI}
	a.describeStock(d)
	a.describeCreate(d)
	a.describeFiles(d)
	a.describeEvents(d)
	a.describeStatus(d)
	a.describeExports(d)
	a.describeLogs(d)
	a.describeSignIn(d)
	d.describeItself()
	d.complete()
	// Written when somebody asks, and once: it takes longer than all the rest of
	// the start.
	r.HandleFunc("GET /api/openapi.json", a.serveDocument("application/json", func() ([]byte, error) { return json.Marshal(d.OpenAPI) }))
	r.HandleFunc("GET /api/docs", a.serveDocument("text/html; charset=utf-8", d.page))
}

func (d *document) describeItself() {
	op := d.add("GET /api/openapi.json", "get-openapi", "document", "Read this document", "OpenAPI 3.1, made of the code that serves the API.")
	op.Responses["200"] = &huma.Response{Description: "The document.", Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}}}
	op.Responses["304"] = &huma.Response{Description: "The client has it already."}
	op = d.add("GET /api/docs", "get-docs", "document", "Read this document as a page", "The same for people, with a list of all error codes.")
	op.Responses["200"] = &huma.Response{Description: "The page.", Content: map[string]*huma.MediaType{
		"text/html": {Schema: &huma.Schema{Type: huma.TypeString}}}}
	op.Responses["304"] = &huma.Response{Description: "The client has it already."}
	for _, pattern := range []string{"GET /api/openapi.json", "GET /api/docs"} {
		d.operation(pattern).Parameters = []*huma.Param{{Name: "If-None-Match", In: "header", Description: "The `ETag` of what the client has.", Schema: &huma.Schema{Type: huma.TypeString}}}
	}
}

func (a *api) serveDocument(contentType string, write func() ([]byte, error)) http.HandlerFunc {
	type written struct {
		content []byte
		etag    string
	}
	once := sync.OnceValues(func() (written, error) {
		content, err := write()
		sum := sha256.Sum256(content)
		return written{content, `"` + hex.EncodeToString(sum[:16]) + `"`}, err
	})
	return func(w http.ResponseWriter, r *http.Request) {
		document, err := once()
		if err != nil {
			a.fail(w, r, &apiError{status: http.StatusInternalServerError, code: "internal", message: "The gateway has a fault.", cause: fmt.Errorf("write document: %w", err)})
			return
		}
		header := w.Header()
		header.Set("Content-Type", contentType)
		if strings.HasPrefix(contentType, "text/html") {
			header.Set("Content-Security-Policy", documentPolicy)
			header.Set("Referrer-Policy", "no-referrer")
		}
		header.Set("Etag", document.etag)
		header.Set("Cache-Control", "public, max-age=60") // a new version may come with any reload
		r.Header.Del("Range")                             // parts of it are of no use
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document.content))
	}
}
