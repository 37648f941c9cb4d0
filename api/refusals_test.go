package api_test

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/api"
	"github.com/jimeng-gateway/jimeng-gateway/blob"
)

func mustJSON(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func decodeJSON(t *testing.T, text string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// serveOwnBlobs gives the API a blob store that nobody else writes to, and tells
// which files are in it. Tasks must not be submitted with materials there.
func serveOwnBlobs(t *testing.T, change func(*api.Config)) (g *gateway, files func() []string) {
	t.Helper()
	dir := t.TempDir()
	disk, err := blob.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	g = serve(t, func(c *api.Config) {
		c.Blobs = disk
		if change != nil {
			change(c)
		}
	})
	t.Cleanup(func() { _ = disk.Close() })
	return g.as(""), func() (list []string) {
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				list = append(list, path)
			}
			return nil // files come and go while they are listed
		})
		return list
	}
}

// refused checks the one answer of the dialect and that nothing was stored.
func refused(t *testing.T, g *gateway, files func() []string, res *http.Response, raw []byte, status int, field, message string) {
	t.Helper()
	answer := g.decode(res, raw, status)
	inner, _ := answer["error"].(map[string]any)
	code, _ := answer["code"].(float64)
	if code >= 0 || answer["data"] != nil || inner["message"] != answer["message"] || inner["type"] == "" || inner["code"] == "" {
		t.Errorf("shape of %s", raw)
	}
	if got, _ := inner["param"].(string); got != field || !strings.Contains(answer["message"].(string), message) {
		t.Errorf("got %s, want field %q and %q", raw, field, message)
	}
	if list := files(); len(list) != 0 {
		t.Errorf("files stay behind: %q", list)
	}
	if list := g.json("GET", "/api/v1/tasks", "", http.StatusOK)["tasks"].([]any); len(list) != 0 {
		t.Errorf("a task was stored: %v", list)
	}
}

func TestRefusedJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body           string
		field, message string
	}{
		"empty":              {``, "body", "unexpected end"},
		"broken":             {`{"prompt":"a"`, "body", "unexpected end"},
		"syntax":             {`{"prompt":'a'}`, "body", "not valid JSON"},
		"list":               {`[]`, "body", "must be a JSON object"},
		"garbage after":      {`{"prompt":"a"} {"prompt":"b"}`, "body", "after top-level value"},
		"not UTF-8":          {"{\"prompt\":\"\xff\"}", "body", "not valid UTF-8"},
		"twice":              {`{"prompt":"a","prompt":"b"}`, "prompt", "given twice"},
		"unknown twice":      {`{"x":1,"x":2}`, "x", "given twice"},
		"deep":               {`{"x":` + strings.Repeat("[", 100_000), "x", "nested deeper than 32"},
		"nested twice":       {`{"x":{"a":[{"b":1,"b":2}]}}`, "x.a[0].b", "given twice"},
		"prompt number":      {`{"prompt":5}`, "prompt", "must be a string"},
		"prompt list":        {`{"prompt":["a"]}`, "prompt", "must be a string"},
		"prompt NUL":         {`{"prompt":"a\u0000b"}`, "prompt", "NUL"},
		"no prompt":          {`{"model":"jimeng-video-3.0"}`, "prompt", "must not be empty"},
		"blank prompt":       {`{"model":"jimeng-video-3.0","prompt":" \n"}`, "prompt", "must not be empty"},
		"unknown model":      {`{"model":"sora","prompt":"a"}`, "model", "jimeng-video-3.0"},
		"image model":        {`{"model":"jimeng-4.5","prompt":"a"}`, "model", ""},
		"model type":         {`{"model":{},"prompt":"a"}`, "model", "must be a string"},
		"long model":         {`{"model":"` + strings.Repeat("x", 200) + `"}`, "model", "at most 100"},
		"duration string":    {`{"prompt":"a","duration":"5"}`, "duration", "must be a whole number of seconds"},
		"duration fraction":  {`{"prompt":"a","duration":5.5}`, "duration", "must be a whole number of seconds"},
		"duration bool":      {`{"prompt":"a","duration":true}`, "duration", "must be a whole number of seconds"},
		"duration zero":      {`{"prompt":"a","duration":0}`, "duration", "must be between 1 and"},
		"duration huge":      {`{"prompt":"a","duration":1e300}`, "duration", "must be"},
		"duration of model":  {`{"model":"jimeng-video-3.0","prompt":"a","duration":16}`, "duration", "4 to 15"},
		"ratio of model":     {`{"model":"jimeng-video-3.0","prompt":"a","duration":5,"ratio":"2:1"}`, "ratio", "16:9"},
		"resolution":         {`{"model":"jimeng-video-3.0","prompt":"a","duration":5,"resolution":"8k"}`, "resolution", "720p"},
		"no material":        {`{"prompt":"a"}`, "files", "at least 1"},
		"size":               {`{"prompt":"a","size":"1024x1024"}`, "size", "use ratio and resolution"},
		"width":              {`{"prompt":"a","width":5}`, "width", "use ratio and resolution"},
		"webhook":            {`{"prompt":"a","webhook_url":"https://x.example"}`, "webhook_url", "not supported yet"},
		"priority":           {`{"prompt":"a","priority":1.5}`, "priority", "must be a whole number"},
		"priority too high":  {`{"prompt":"a","priority":101}`, "priority", "between -100 and 100"},
		"timeout":            {`{"prompt":"a","timeout":-5}`, "timeout", "between 1 and"},
		"half a character":   {`{"prompt":"a \ud83d"}`, "body", "half a character"},
		"file in JSON":       {`{"prompt":"a","files":["x"]}`, "files[0]", "must be an http or https URL"},
		"files no list":      {`{"prompt":"a","files":"x"}`, "files", "must be a list"},
		"paths string":       {`{"prompt":"a","file_paths":"https://x.example/a.png"}`, "file_paths", "must be a list"},
		"paths numbers":      {`{"prompt":"a","filePaths":[1]}`, "filePaths[0]", "must be a URL"},
		"local path":         {`{"prompt":"a","file_paths":["/etc/passwd"]}`, "file_paths[0]", "http or https"},
		"file URL":           {`{"prompt":"a","file_paths":["file:///etc/passwd"]}`, "file_paths[0]", "http or https"},
		"no host":            {`{"prompt":"a","file_paths":["http:///a.png"]}`, "file_paths[0]", "http or https"},
		"line break":         {`{"prompt":"a","file_paths":["http://x.example/a\nb"]}`, "file_paths[0]", "http or https"},
		"data URI":           {`{"prompt":"a","file_paths":["data:image/png;base64,AAAA"]}`, "file_paths[0]", "one is application/octet-stream"},
		"data URI, no data":  {`{"prompt":"a","file_paths":["data:image/png;base64,"]}`, "file_paths[0]", "must not be empty"},
		"data URI, percent":  {`{"prompt":"a","file_paths":["data:image/png,%89PNG"]}`, "file_paths[0]", "in base64"},
		"data URI, broken":   {`{"prompt":"a","file_paths":["http://x.example/a.png","data:;base64,iVBORw0KGgo*"]}`, "file_paths[1]", "not valid base64"},
		"password":           {`{"prompt":"a","file_paths":["http://u:p@x.example/a.png"]}`, "file_paths[0]", "user name or password"},
		"too many materials": {`{"prompt":"a","file_paths":[` + strings.Repeat(`"http://x.example/a.png",`, 12) + `"http://x.example/a.png"]}`, "files", "at most"},
		"too many URLs":      {`{"prompt":"a","file_paths":[` + strings.Repeat(`"http://x.example/a.png",`, 64) + `"http://x.example/a.png"]}`, "file_paths", "more than 64"},
	}
	g, files := serveOwnBlobs(t, nil)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := *g
			g.t = t
			res, raw := g.do("POST", "/v1/videos/generations", "application/json; charset=utf-8", strings.NewReader(test.body))
			refused(t, &g, files, res, raw, http.StatusBadRequest, test.field, test.message)
		})
	}
}

func TestRefusedForms(t *testing.T) {
	t.Parallel()
	picture := part{field: "files", file: "a.png", contentType: "image/png", content: pngFile(t)}
	// The limits are low, so that the test need not send much.
	small := func(c *api.Config) {
		c.Materials = api.MaterialConfig{Total: 75_000, Count: 3, Video: api.KindLimits{Size: 40_000}}
	}
	large := part{field: "files", file: "large.mp4", content: largeMP4(5000)}
	tests := map[string]struct {
		parts          []part
		status         int
		field, message string
	}{
		"text as picture":   {[]part{picture, {field: "files", file: "b.png", contentType: "image/png", content: []byte("hello, I am a text")}}, 400, "files[1]", "one is text/plain"},
		"declared wrong":    {[]part{picture, {field: "files", file: "b.jpg", contentType: "image/jpeg", content: pngFile(t)}}, 400, "files[1]", "declared as image/jpeg and is image/png"},
		"bad type":          {[]part{{field: "files", file: "b.png", contentType: "image/", content: pngFile(t)}}, 400, "files[0]", "declared as image/ and is"},
		"SVG":               {[]part{{field: "files", file: "b.svg", content: []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)}}, 400, "files[0]", "jpg, png, webp"},
		"PDF":               {[]part{{field: "files", file: "b.pdf", content: []byte("%PDF-1.7\n")}}, 400, "files[0]", "application/pdf"},
		"unknown":           {[]part{{field: "files", file: "b.png", content: []byte{1, 2, 3}}}, 400, "files[0]", "application/octet-stream"},
		"empty file":        {[]part{picture, {field: "files", file: "b.png"}}, 400, "files[1]", "must not be empty"},
		"too large":         {[]part{picture, {field: "files", file: "b.mp4", content: largeMP4(7000)}}, 413, "files[1]", "40000 bytes, which is the limit for one video"},
		"together":          {[]part{large, large}, 413, "files", "together larger than 75000 bytes"},
		"too many":          {[]part{picture, picture, picture, picture}, 413, "files", "at most 3"},
		"text as file":      {[]part{textPart("files", "hello")}, 400, "files", "must be files"},
		"files and URLs":    {[]part{picture, textPart("file_paths", "https://x.example/a.png")}, 400, "file_paths[0]", "could not be fetched"},
		"bad URL":           {[]part{textPart("file_paths", "/etc/passwd")}, 400, "file_paths[0]", "http or https"},
		"broken URL list":   {[]part{textPart("file_paths", `["https://x.example/a.png"`)}, 400, "file_paths", "must be URLs"},
		"prompt twice":      {[]part{picture, textPart("prompt", "a"), textPart("prompt", "b")}, 400, "prompt", "given twice"},
		"prompt not UTF-8":  {[]part{picture, textPart("prompt", "\xff")}, 400, "prompt", "not valid UTF-8"},
		"long text":         {[]part{picture, textPart("prompt", strings.Repeat("x", 70_000))}, 413, "prompt", "64 KiB"},
		"no name":           {[]part{picture, textPart("", "x")}, 400, "body", "part without a name"},
		"many parts":        {append([]part{picture}, bytesParts(101)...), 400, "body", "more than 100 fields"},
		"duration word":     {[]part{picture, textPart("duration", "four")}, 400, "duration", "must be a whole number of seconds"},
		"duration NaN":      {[]part{picture, textPart("duration", "NaN")}, 400, "duration", "must be a whole number of seconds"},
		"duration infinite": {[]part{picture, textPart("duration", "Inf")}, 400, "duration", "must be"},
		"duration of model": {[]part{picture, textPart("duration", "16")}, 400, "duration", "4 to 15"},
		"model early":       {[]part{textPart("model", "sora"), picture}, 400, "model", "sora"},
		"model late":        {[]part{picture, textPart("model", "sora")}, 400, "model", "sora"},
		"ratio":             {[]part{picture, textPart("ratio", "2:1")}, 400, "ratio", "16:9"},
		"webhook":           {[]part{picture, textPart("webhook_url", "https://x.example")}, 400, "webhook_url", "not supported yet"},
		"nothing":           {nil, 400, "prompt", "must not be empty"},
	}
	g, files := serveOwnBlobs(t, small)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// One after the other: they share the directory that must be empty.
			g := *g
			g.t = t
			contentType, body := form(t, test.parts...)
			res, raw := g.do("POST", "/v1/videos/generations", contentType, body)
			refused(t, &g, files, res, raw, test.status, test.field, test.message)
		})
	}

	contentType, body := form(t, picture, picture)
	whole := body.String()
	for name, broken := range map[string]struct{ contentType, body string }{
		"truncated in a file":   {contentType, whole[:len(whole)-120]},
		"truncated in a header": {contentType, whole[:strings.LastIndex(whole, "Content-Type")+5]},
		"no end":                {contentType, whole[:len(whole)-6]},
		"other boundary":        {"multipart/form-data; boundary=other", whole},
		"no boundary":           {"multipart/form-data", whole},
		"empty":                 {contentType, ""},
		"not a form":            {contentType, "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			g := *g
			g.t = t
			res, raw := g.do("POST", "/v1/videos/generations", broken.contentType, strings.NewReader(broken.body))
			refused(t, &g, files, res, raw, http.StatusBadRequest, "body", "is not a valid form")
		})
	}
}

func bytesParts(n int) []part {
	list := make([]part, n)
	for i := range list {
		list[i] = textPart("x", "y")
	}
	return list
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	reader := admin.as(`{"name":"reader","scopes":["task:read"]}`)
	stranger := *admin
	stranger.key = ""
	wrong := *admin
	wrong.key = "gw_00000000000000000000000000000000"
	tests := map[string]struct {
		g                         *gateway
		method, path, contentType string
		body                      string
		status                    int
		code                      string
		header, value             string
	}{
		"no key":         {&stranger, "POST", "/v1/videos/generations", "application/json", `{}`, 401, "missing_key", "Www-Authenticate", `Bearer realm="jimeng-gateway"`},
		"wrong key":      {&wrong, "POST", "/v1/videos/generations", "application/json", `{}`, 401, "invalid_key", "Www-Authenticate", `Bearer realm="jimeng-gateway"`},
		"no key, native": {&stranger, "GET", "/api/v1/tasks", "", "", 401, "missing_key", "Content-Type", "application/problem+json"},
		"models":         {&stranger, "GET", "/v1/models", "", "", 401, "missing_key", "", ""},
		"scope":          {reader, "POST", "/v1/videos/generations", "application/json", `{}`, 403, "missing_scope", "", ""},
		"scope, native":  {reader, "GET", "/api/v1/keys", "", "", 403, "missing_scope", "Content-Type", "application/problem+json"},
		"cancel":         {reader, "POST", "/api/v1/tasks/x/cancel", "", "", 403, "missing_scope", "", ""},
		"method":         {admin, "GET", "/v1/videos/generations", "", "", 405, "method_not_allowed", "Allow", "POST"},
		"method, native": {admin, "PUT", "/api/v1/tasks", "", "", 405, "method_not_allowed", "Allow", "GET, HEAD, POST"},
		"path":           {admin, "POST", "/v1/audio/speech", "", "", 404, "unknown_path", "Content-Type", "application/json"},
		"path, native":   {admin, "GET", "/api/v2/tasks", "", "", 404, "unknown_path", "Content-Type", "application/problem+json"},
		"task":           {admin, "GET", "/api/v1/tasks/nope", "", "", 404, "not_found", "", ""},
		"long id":        {admin, "GET", "/api/v1/tasks/" + strings.Repeat("x", 65), "", "", 400, "invalid_request", "", ""},
		"content type":   {admin, "POST", "/v1/videos/generations", "text/plain", `{}`, 415, "unsupported_media_type", "", ""},
		"urlencoded":     {admin, "POST", "/v1/videos/generations", "application/x-www-form-urlencoded", `prompt=a`, 415, "unsupported_media_type", "", ""},
		"large":          {admin, "POST", "/v1/videos/generations", "application/json", `{"prompt":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "too_large", "", ""},
		"large, native":  {admin, "POST", "/api/v1/keys", "application/json", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "too_large", "", ""},
		"native syntax":  {admin, "POST", "/api/v1/keys", "application/json", `{"name":`, 400, "invalid_request", "", ""},
		"native no body": {admin, "POST", "/api/v1/keys", "", ``, 400, "invalid_request", "", ""},
		"native type":    {admin, "POST", "/api/v1/keys", "text/plain", `x`, 415, "unsupported_media_type", "", ""},
		"native field":   {admin, "POST", "/api/v1/keys", "application/json", `{"name":"a","rate":1}`, 400, "invalid_request", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := *test.g
			g.t = t
			var body io.Reader
			if test.body != "" {
				body = strings.NewReader(test.body)
			}
			res, raw := g.do(test.method, test.path, test.contentType, body)
			answer := g.decode(res, raw, test.status)
			code, _ := answer["code"].(string)
			if inner, ok := answer["error"].(map[string]any); ok {
				code = inner["code"].(string)
			}
			if strings.HasPrefix(test.path, "/v1/") != (answer["error"] != nil) || code != test.code {
				t.Errorf("got %s, want the code %q in the shape of the dialect", raw, test.code)
			}
			if got := res.Header.Get(test.header); test.header != "" && got != test.value {
				t.Errorf("%s = %q, want %q", test.header, got, test.value)
			}
		})
	}
}
