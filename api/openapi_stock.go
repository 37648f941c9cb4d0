package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// VideoFields are what a create request of the jimeng-free-api dialect can have,
// in JSON and in a form alike. The handlers read them one by one, so these types
// are only for the document; a test holds them against the table of fields.
type VideoFields struct {
	_            struct{} `additionalProperties:"true"`
	Model        string   `json:"model,omitempty" maxLength:"100" doc:"One of GET /v1/models, by its id or an alias."`
	Prompt       string   `json:"prompt,omitempty" maxLength:"65536" doc:"What to make, in at most 65536 bytes and what the model allows. @1, @image1 or @图1 points at the first material, and so on. No control characters other than line breaks and tabs."`
	Duration     int      `json:"duration,omitempty" minimum:"1" maximum:"3600" doc:"Length of the video in seconds, one that the model can make. Default: the model's own."`
	Ratio        string   `json:"ratio,omitempty" maxLength:"100" doc:"Shape of the picture, one of the model's. Default: 9:16 where the model has it."`
	Resolution   string   `json:"resolution,omitempty" maxLength:"100" doc:"One of the model's. Default: the upstream's."`
	Priority     int      `json:"priority,omitempty" minimum:"-100" maximum:"100" doc:"Tasks with a higher one go first among those of the same key. Default: 0."`
	StartTimeout int      `json:"start_timeout,omitempty" minimum:"1" maximum:"604800" doc:"Seconds that the task may wait in the queue, at most what is configured, which is the default."`
	Timeout      int      `json:"timeout,omitempty" minimum:"1" maximum:"604800" doc:"Seconds to the end of the task, at most what is configured, which is the default."`
}

type videoRequest struct {
	VideoFields
	FilePaths []string `json:"file_paths,omitempty" nullable:"false" maxItems:"64" maxLength:"8192" doc:"Materials as http or https URLs, as many as the model takes. The upstream fetches them itself."`
	Camel     []string `json:"filePaths,omitempty" nullable:"false" maxItems:"64" maxLength:"8192" doc:"The same as file_paths, and wins over it."`
}

type videoForm struct {
	VideoFields
	FilePaths string   `json:"file_paths,omitempty" doc:"A material's URL; the field may be repeated, or be a JSON list of URLs. Not together with files."`
	Files     []string `json:"files,omitempty" nullable:"false" format:"binary" doc:"Materials: jpg, png, webp, gif, bmp, mp4, mov, m4v, mp3, wav. The real type of the content decides. The field may have any name."`
}

// describeStock describes the dialect of jimeng-free-api.
func (a *api) describeStock(d *document) {
	op := d.add("GET /ping", "ping", "jimeng-free-api", "Ask whether the server answers", "Asks nothing else: see `GET /api/v1/health` for more.")
	op.Responses["200"] = &huma.Response{Description: "It does.", Content: map[string]*huma.MediaType{
		"text/plain": {Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"pong"}}, Example: "pong"},
	}}

	op = d.add("GET /v1/models", "list-models-stock", "jimeng-free-api", "List models (as OpenAI does)",
		"The same as `GET /api/v1/models`, in the shape of OpenAI's list; what a model has no limit for is left out.")
	op.Responses["200"] = d.answer("All models.", modelList{})

	op = d.add("POST /v1/videos/generations", "create-video", "jimeng-free-api", "Make a video",
		"Answers as soon as the task is safely on disk; follow it at `poll_url`. What the model cannot serve is refused before anything is paid. Unknown fields are ignored; "+
			"`null` is the same as absent.\n\n"+a.uploadLimits())
	a.describeVideo(d, op)
	op = d.add("POST /v1/video/generations", "create-video-alias", "jimeng-free-api", "Make a video (other path)",
		"The same as `POST /v1/videos/generations`.\n\n"+a.uploadLimits())
	a.describeVideo(d, op)
}

func (a *api) describeVideo(d *document, op *huma.Operation) {
	op.RequestBody = &huma.RequestBody{Required: true, Description: "JSON, or a form when files are sent along.", Content: map[string]*huma.MediaType{
		"application/json":    {Schema: d.schema(videoRequest{})},
		"multipart/form-data": {Schema: d.schema(videoForm{}), Example: exampleForm},
	}}
	op.Responses["202"] = d.answer("The task is durable.", accepted{})
}

// uploadLimits are the limits as they are configured.
func (a *api) uploadLimits() string {
	return fmt.Sprintf("Limits: JSON of %s; in a form %d files of %s each and %s together, text fields of %s, %d of them.",
		size(maxJSON), a.Upload.Count, size(a.Upload.File), size(a.Upload.Total), size(maxText), maxTexts)
}

// describeFiles describes the links that tasks hand out.
func (a *api) describeFiles(d *document) {
	for _, kind := range []struct{ pattern, id, summary, text string }{
		{"GET /v1/artifacts/{task}/{number}", "get-artifact", "Fetch a result", "The link is in the task: `video_url`, and `url` of each of its `artifacts`."},
		{"GET /v1/materials/{task}/{number}", "get-material", "Fetch a material", "The link is in the task: `url` of each of its `materials`."},
	} {
		op := d.add(kind.pattern, kind.id, "files", kind.summary, kind.text+
			" It works without a key, and expires; read the task again for a fresh one. Ranges and conditional requests work, so that players can seek and pages can cache.")
		text := func(name, in, doc string, required bool) *huma.Param {
			return &huma.Param{Name: name, In: in, Description: doc, Required: required, Schema: &huma.Schema{Type: huma.TypeString}}
		}
		op.Parameters = []*huma.Param{
			text("task", "path", "The task's id.", true),
			{Name: "number", In: "path", Description: "Which file of the task, from 0.", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: new(0.0)}, Example: 0},
			text("expires", "query", "When the link expires, as part of what is signed.", true),
			text("signature", "query", "The signature of path and time.", true),
			{Name: "download", In: "query", Description: "1 has the file saved instead of shown; it may be added to any link.", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"0", "1"}}},
			text("Range", "header", "The bytes that are wanted, as in `bytes=0-1023`.", false),
			text("If-None-Match", "header", "The `ETag` of what the client has.", false),
		}
		binary := map[string]*huma.MediaType{}
		for contentType := range materialTypes {
			binary[contentType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		}
		binary["application/octet-stream"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		op.Responses["200"] = &huma.Response{Description: "The file.", Content: binary}
		op.Responses["206"] = &huma.Response{Description: "The range of it.", Content: binary}
		op.Responses["304"] = &huma.Response{Description: "The client has it already."}
		op.Responses["412"] = &huma.Response{Description: "It is not the file of `If-Match`."}
		op.Responses["416"] = &huma.Response{Description: "The file has no such range.", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}
	}
}

type signInRequest struct {
	Key string `json:"key" minLength:"1" doc:"An API key, or the admin token."`
}

// describeSignIn describes what the dashboard's sign-in page calls.
func (a *api) describeSignIn(d *document) {
	op := d.add("POST /auth/key", "sign-in", "sign-in", "Sign in with a key",
		"Sets a cookie that scripts cannot read and that works like the key. The body is JSON of at most 4 KiB.")
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: d.schema(signInRequest{})}}}
	op.Responses["200"] = d.answer("Signed in.", signedIn{})
	op = d.add("GET /auth/me", "get-signed-in", "sign-in", "Ask who is signed in", "For pages that must know whether to show a sign-in; never an error for strangers.")
	op.Responses["200"] = d.answer("Who it is.", signedIn{})
	op = d.add("POST /auth/logout", "sign-out", "sign-in", "Sign out", "Ends the browser session of the cookie, if there is one.")
	op.Responses["204"] = &huma.Response{Description: http.StatusText(http.StatusNoContent)}
}

// null is always null in JSON.
type null struct{}

// MarshalJSON implements [json.Marshaler].
func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Schema implements [huma.SchemaProvider].
func (null) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "null"} }

// Interface guards
var (
	_ json.Marshaler      = null{}
	_ huma.SchemaProvider = null{}
)
