package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// CreateFields are what every create request can have, in JSON and in a form
// alike. The handlers read them one by one, so these types are only for the
// document; a test holds them against the tables of fields.
type CreateFields struct {
	_            struct{} `additionalProperties:"true"`
	Model        string   `json:"model,omitempty" maxLength:"100" doc:"One of GET /v1/models, by its id or an alias."`
	Prompt       string   `json:"prompt,omitempty" maxLength:"65536" doc:"What to make, in at most 65536 bytes and what the model allows. @1, @image1 or @图1 points at the first material, and so on. No control characters other than line breaks and tabs, none that turn the direction of text."`
	Ratio        string   `json:"ratio,omitempty" maxLength:"100" doc:"Shape of the picture, one of the model's. Default: for videos 9:16 where the model has it, for images the upstream's."`
	Resolution   string   `json:"resolution,omitempty" maxLength:"100" doc:"One of the model's. Default: the upstream's."`
	Priority     int      `json:"priority,omitempty" minimum:"-100" maximum:"100" doc:"Tasks with a higher one go first among those of the same key. Default: 0."`
	StartTimeout int      `json:"start_timeout,omitempty" minimum:"1" maximum:"604800" doc:"Seconds that the task may wait in the queue, at most what is configured, which is the default."`
	Timeout      int      `json:"timeout,omitempty" minimum:"1" maximum:"604800" doc:"Seconds to the end of the task, at most what is configured, which is the default."`
}

// VideoFields are those of a video.
type VideoFields struct {
	CreateFields
	Duration       int    `json:"duration,omitempty" minimum:"1" maximum:"3600" doc:"Length of the video in seconds, one that the model can make. Default: the model's own."`
	ResponseFormat string `json:"response_format,omitempty" enum:"url,b64_json" doc:"What an answer that has waited for the result has of it. Default: url."`
}

// ImageFields are those of a set of images.
type ImageFields struct {
	CreateFields
	ImageOptions
	N              int    `json:"n,omitempty" minimum:"1" maximum:"4" doc:"How many images the answer has. The upstream always makes, and charges for, four. Default: 4."`
	Size           string `json:"size,omitempty" maxLength:"100" doc:"Pixels such as 2048x2048, one of the upstream's pairs; ratio and resolution win over it."`
	ResponseFormat string `json:"response_format,omitempty" enum:"url,b64_json" doc:"What the answer has of each image. Default: url."`
}

// ImageOptions are parameters that the upstream has for images.
type ImageOptions struct {
	NegativePrompt   string  `json:"negative_prompt,omitempty" maxLength:"65536" doc:"What to leave out."`
	SampleStrength   float64 `json:"sample_strength,omitempty" minimum:"0" maximum:"1" doc:"How much the images may differ from the reference images."`
	IntelligentRatio bool    `json:"intelligent_ratio,omitempty" doc:"Lets the upstream choose the ratio."`
}

// TaskFields are those of either.
type TaskFields struct {
	CreateFields
	ImageOptions
	Kind     string `json:"kind,omitempty" enum:"video,image" doc:"What to make. Default: what the model makes, or a video."`
	Duration int    `json:"duration,omitempty" minimum:"1" maximum:"3600" doc:"Length of the video in seconds, one that the model can make. Default: the model's own."`
}

// JSONMaterials are the materials of a request in JSON.
type JSONMaterials struct {
	Files     []fileInput `json:"files,omitempty" nullable:"false" maxItems:"64" doc:"Materials, in the order in which the prompt points at them."`
	FilePaths []fileInput `json:"file_paths,omitempty" nullable:"false" maxItems:"64" doc:"The same."`
	Camel     []fileInput `json:"filePaths,omitempty" nullable:"false" maxItems:"64" doc:"The same."`
}

// FormMaterials are the materials of a request in a form.
type FormMaterials struct {
	Files     []string `json:"files,omitempty" nullable:"false" format:"binary" doc:"Materials: jpg, png, webp, gif, bmp, mp4, mov, m4v, mp3, wav. The real type of the content decides. The field may have any name."`
	FilePaths string   `json:"file_paths,omitempty" doc:"A material as a URL, a data URI or an id; the field may be repeated, or be a JSON list of them."`
}

type videoRequest struct {
	VideoFields
	JSONMaterials
}

type videoForm struct {
	VideoFields
	FormMaterials
}

type imageRequest struct {
	ImageFields
	JSONMaterials
	Images []fileInput `json:"images,omitempty" nullable:"false" maxItems:"64" doc:"Reference images."`
}

type imageForm struct {
	ImageFields
	FormMaterials
}

type taskRequest struct {
	TaskFields
	JSONMaterials
}

type taskForm struct {
	TaskFields
	FormMaterials
}

// fileInput is a material in JSON.
type fileInput struct{}

// Schema implements [huma.SchemaProvider].
func (fileInput) Schema(r huma.Registry) *huma.Schema {
	object := r.Schema(reflect.TypeFor[fileObject](), true, "")
	return &huma.Schema{Description: "A material.", OneOf: []*huma.Schema{
		{Type: huma.TypeString, Description: "An http or https URL, a data URI, or the id of an uploaded material."}, object}}
}

// fileObject is a material that says which of the three it is.
type fileObject struct {
	_        struct{} `additionalProperties:"true"`
	Data     string   `json:"data,omitempty" doc:"The file in base64, a data URI, or an http or https URL."`
	URL      string   `json:"url,omitempty" maxLength:"8192" doc:"An http or https URL. This or data or id."`
	ID       string   `json:"id,omitempty" maxLength:"64" doc:"The id of an uploaded material. This or data or url."`
	Filename string   `json:"filename,omitempty" doc:"The file's name, with data."`
	MimeType string   `json:"mime_type,omitempty" doc:"The file's type, with data; it must be the real one."`
}

type materialForm struct {
	Files []string `json:"files" nullable:"false" format:"binary" doc:"The files. The field may have any name."`
}

type materialRequest struct {
	_        struct{} `additionalProperties:"true"`
	Data     string   `json:"data,omitempty" doc:"The file in base64 or as a data URI."`
	URL      string   `json:"url,omitempty" maxLength:"8192" doc:"An http or https URL, which the gateway fetches. This or data."`
	Filename string   `json:"filename,omitempty" doc:"The file's name, with data."`
	MimeType string   `json:"mime_type,omitempty" doc:"The file's type, with data; it must be the real one."`
}

// describeStock describes the dialect of jimeng-free-api.
func (a *api) describeStock(d *document) {
	op := d.add("GET /ping", "ping", "jimeng-free-api", "Ask whether the server answers", "Asks nothing else: see `GET /api/v1/health` for more.")
	op.Responses["200"] = &huma.Response{Description: "It does.", Content: map[string]*huma.MediaType{
		"text/plain": {Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"pong"}}, Example: "pong"},
	}}

	a.describeProbes(d)

	op = d.add("GET /v1/models", "list-models-stock", "jimeng-free-api", "List models (as OpenAI does)",
		"The same as `GET /api/v1/models`, in the shape of OpenAI's list; what a model has no limit for is left out.")
	op.Responses["200"] = d.answer("All models.", modelList{})

	const waits = "Answers 202 as soon as the task is safely on disk; follow it at `poll_url`. With `Prefer: wait=N` (RFC 7240), `?wait=N` or a key with `wait` " +
		"it waits up to N seconds for the end, at most 14400, and answers 200 with the result in the shape of jimeng-free-api-all, or the error of the task; after N seconds it is 202 all the same. " +
		"What the model cannot serve is refused before anything is paid. Unknown fields are ignored; `null` is the same as absent.\n\n"
	video := d.add("POST /v1/videos/generations", "create-video", "jimeng-free-api", "Make a video", waits+a.materialLimits())
	alias := d.add("POST /v1/video/generations", "create-video-alias", "jimeng-free-api", "Make a video (other path)",
		"The same as `POST /v1/videos/generations`.\n\n"+a.materialLimits())
	for _, op := range []*huma.Operation{video, alias} {
		op.RequestBody = d.jsonOrForm(videoRequest{}, videoForm{}, exampleForm)
		op.Parameters = append([]*huma.Param{idempotencyParam,
			{Name: "wait", In: "query", Description: "Seconds to wait for the result; 0 answers at once, whatever the key says.", Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: new(0.0), Maximum: new(14400.0)}}},
			&huma.Param{Name: "Prefer", In: "header", Description: "`wait=N`, or `respond-async`.", Schema: &huma.Schema{Type: huma.TypeString}, Example: "wait=120"})
		op.Responses["202"] = d.answer("The task is durable.", accepted{})
		op.Responses["200"] = d.answer("The result, to a request that waits.", stockResult{})
		op.Responses["200"].Content["application/json"].Example = exampleResult
	}
	const images = "Waits for the end and answers with the images, as OpenAI's and jimeng-free-api's endpoint does. Underneath it is a task like any other: it goes on if the client hangs up. " +
		"The model is jimeng-4.5 unless configured otherwise. "
	for _, route := range []struct{ pattern, id, summary, text string }{
		{"POST /v1/images/generations", "create-images", "Make images", images + "With reference images it makes others from them.\n\n"},
		{"POST /v1/images/compositions", "compose-images", "Make images from images", images + "Needs 1 to 10 images.\n\n"},
	} {
		op := d.add(route.pattern, route.id, "jimeng-free-api", route.summary, route.text+a.materialLimits())
		op.RequestBody = d.jsonOrForm(imageRequest{}, imageForm{}, example(`{"model":"jimeng-4.5","prompt":"a paper boat on a pond","size":"2048x2048"}`))
		op.Parameters = []*huma.Param{idempotencyParam}
		op.Responses["200"] = d.answer("The images.", stockResult{})
	}
}

// jsonOrForm is the body of a request that can be either.
func (d *document) jsonOrForm(asJSON, asForm, example any) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Description: "JSON, or a form when files are sent along.", Content: map[string]*huma.MediaType{
		"application/json":    {Schema: d.schema(asJSON)},
		"multipart/form-data": {Schema: d.schema(asForm), Example: example},
	}}
}

var idempotencyParam = &huma.Param{Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(255)},
	Description: "The same key with the same request gives the same task for 24 hours; with another request it is refused."}

// describeCreate describes the native requests that stream.
func (a *api) describeCreate(d *document) {
	op := d.add("POST /api/v1/tasks", "create-task", "tasks", "Make a video or images",
		"Answers as soon as the task is safely on disk. What the model cannot serve is refused before anything is paid. Unknown fields are ignored.\n\n"+a.materialLimits())
	op.RequestBody = d.jsonOrForm(taskRequest{}, taskForm{}, exampleForm)
	op.Parameters = []*huma.Param{idempotencyParam}
	op.Responses["201"] = d.answer("The task is durable.", taskAnswer{})
	op = d.add("POST /api/v1/tasks/estimate", "estimate-task", "tasks", "Ask what would become of a task",
		"Checks a request as a submit does, and says what it costs where that is known, when it would start and end, and why not sooner. "+
			"Nothing is stored, fetched or spent. 200 also when the request is not valid: then `errors` says why. Of a material that is not there yet, its `kind` in `materials` is enough.")
	op.RequestBody = d.jsonOrForm(estimateRequest{}, taskForm{}, exampleForm)
	op.Responses["200"] = d.answer("The estimate.", estimateAnswer{})
	op = d.add("POST /api/v1/materials", "upload-materials", "materials", "Upload materials",
		"Upload once, use in any number of tasks by the id. The same content uploaded again is the same material. A material that no stored task uses goes after a while.\n\n"+a.materialLimits())
	op.RequestBody = d.jsonOrForm(materialRequest{}, materialForm{}, example(`{"files":["boat.png"]}`))
	op.Responses["201"] = d.answer("All materials of the request; at least one of them is new.", materialsAnswer{})
	op.Responses["200"] = d.answer("All materials of the request; all were there already.", materialsAnswer{})
	op.Responses["200"].Content["application/json"].Example = exampleMaterials
}

// materialLimits are the limits as they are configured.
func (a *api) materialLimits() string {
	m := a.Materials
	m.setDefaults()
	return fmt.Sprintf("Limits: %d materials and %s together; images of %s and %d million pixels, videos of %s and %s, audio of %s and %s; text fields of %s.",
		m.Count, size(m.Total), size(m.Image.Size), m.Image.Pixels/1_000_000, size(m.Video.Size), m.Video.Length, size(m.Audio.Size), m.Audio.Length, size(maxText))
}

// describeFiles describes the links that tasks hand out.
func (a *api) describeFiles(d *document) {
	for _, kind := range []struct{ pattern, id, summary, text string }{
		{"GET /v1/artifacts/{task}/{number}", "fetch-artifact", "Fetch a result", "The link is in the task: `video_url`, and `url` of each of its `artifacts`. Read the task again for a fresh one."},
		{"GET /v1/materials/{task}/{number}", "fetch-task-material", "Fetch a material of a task", "The link is in the task: `url` of each of its `materials`. Read the task again for a fresh one."},
		{"GET /v1/materials/{id}", "fetch-material", "Fetch a material", "The link is `url` of the material. Read the material again for a fresh one."},
	} {
		op := d.add(kind.pattern, kind.id, "files", kind.summary, kind.text+
			" It works without a key, and expires. Ranges and conditional requests work, so that players can seek and pages can cache.")
		text := func(name, in, doc string, required bool) *huma.Param {
			return &huma.Param{Name: name, In: in, Description: doc, Required: required, Schema: &huma.Schema{Type: huma.TypeString}}
		}
		op.Parameters = []*huma.Param{text("id", "path", "The material's id.", true)}
		if strings.Contains(kind.pattern, "{task}") {
			op.Parameters = []*huma.Param{
				text("task", "path", "The task's id.", true),
				{Name: "number", In: "path", Description: "Which file of the task, from 0.", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: new(0.0)}, Example: 0},
			}
		}
		op.Parameters = append(op.Parameters,
			text("expires", "query", "When the link expires, as part of what is signed.", true),
			text("signature", "query", "The signature of path and time.", true),
			&huma.Param{Name: "download", In: "query", Description: "1 has the file saved instead of shown; it may be added to any link.", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"0", "1"}}},
			text("Range", "header", "The bytes that are wanted, as in `bytes=0-1023`.", false),
			text("If-None-Match", "header", "The `ETag` of what the client has.", false))
		binary := map[string]*huma.MediaType{}
		for contentType := range extensions {
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

type logoutForm struct {
	Token string `json:"logout_token" doc:"Signed by the provider."`
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
	op.Responses["200"] = d.answer("Signed out here; the page that ends the sign-in at the provider too.", signedOut{})
	op.Responses["204"] = &huma.Response{Description: "Signed out, and there is no provider to sign out at."}
	text := func(name, doc string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	op = d.add("GET /auth/login", "begin-sign-in", "sign-in", "Sign in at the provider", "For browsers: leads to the provider, which leads back to `/auth/callback`.")
	op.Parameters = []*huma.Param{text("return_to", "The path to come back to, as in `/tasks?status=failed`; `/` in place of anything else.")}
	op.Responses["303"] = &huma.Response{Description: "To the provider."}
	op = d.add("GET /auth/callback", "finish-sign-in", "sign-in", "Come back from the provider",
		"For browsers: sets the cookie and leads to where they wanted to go, or to `/signin?error=…` with the code of what went wrong.")
	op.Parameters = []*huma.Param{text("state", "Names the sign-in that was begun."), text("code", "What the gateway gets the tokens for."),
		text("iss", "Who answers."), text("error", "Why the provider refuses."), text("error_description", "The same in words.")}
	op.Responses["303"] = &huma.Response{Description: "Signed in, or not."}
	op = d.add("POST /auth/backchannel-logout", "provider-sign-out", "sign-in", "End sign-ins for the provider",
		"For the provider: ends the sign-ins that the token names (OpenID Connect Back-Channel Logout 1.0).")
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/x-www-form-urlencoded": {Schema: d.schema(logoutForm{}), Example: logoutForm{"eyJhbGciOi…"}}}}
	op.Responses["200"] = &huma.Response{Description: "They have ended."}
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
	_ huma.SchemaProvider = fileInput{}
)
