package api

import "github.com/danielgtaylor/huma/v2"

// aboutAPI is the beginning of the document.
const aboutAPI = `A gateway for asynchronous generation of videos and images: send a prompt and references, get a task at once, follow it, and get a link that works.

**Key.** Every request but the public ones carries a key, ` + "`Authorization: Bearer gw_…`" + `, or the dashboard's cookie. A key sees its own tasks, one with the scope ` + "`admin`" + ` sees all; what belongs to another key answers like something that does not exist.

**Following.** ` + "`/api/v1/events`" + ` streams what happens to all own tasks, so that nobody needs to ask again and again.

**Errors.** Bad input gets one 4xx answer that names the field and what is allowed; nothing is stored and nothing is paid. Under ` + "`/api/`" + ` and ` + "`/auth/`" + ` errors are ` + "`application/problem+json`" + ` (RFC 9457) with a ` + "`code`" + ` that never changes; under ` + "`/v1/`" + ` they have the shape of jimeng-free-api, with OpenAI's inside.

**Limits.** A key may have a limit of requests a minute, which ` + "`X-RateLimit-Limit`" + ` and ` + "`X-RateLimit-Remaining`" + ` tell with every answer, and a quota of tasks a day. Bodies in JSON have at most 1 MiB without the files in them, 32 levels, and no member twice. 429 and 503 say in ` + "`Retry-After`" + ` how long to wait.

**Times** are RFC 3339 in UTC; days of quotas and of the usage are those of the configured time zone. Texts are UTF-8 without control characters other than line breaks and tabs.`

// tags are the groups of operations, in the order in which they are shown.
var tags = []*huma.Tag{
	{Name: "tasks", Description: "A task is one request for a video or a set of images, from submit to end. It goes from `queued` over `submitting`, `polling` and `downloading` to `succeeded`, `failed` or `cancelled`."},
	{Name: "materials", Description: "A material is an input file of a task. Uploaded once, it can be used by its id."},
	{Name: "models", Description: "What can be made, and what each model takes."},
	{Name: "sessions", Description: "A session is one account of an upstream. All of them are the pool that tasks run on."},
	{Name: "logs", Description: "What the upstreams' containers and the gateway itself log, and how the containers are."},
	{Name: "keys", Description: "API keys, their scopes and limits."},
	{Name: "audit", Description: "Who changed what."},
	{Name: "status", Description: "The caller's own key, counts, and the gateway's health."},
	{Name: "jimeng-free-api", Description: "What clients of jimeng-free-api call: they need only a new base URL."},
	{Name: "files", Description: "Signed links to files, which work without a key until they expire."},
	{Name: "sign-in", Description: "What the dashboard's sign-in page calls."},
	{Name: "document", Description: "This description of the API."},
}

// responseHeaders are headers of answers, which the operations refer to.
var responseHeaders = map[string]*huma.Header{
	"X-RateLimit-Limit":     {Description: "Requests that the key may send a minute. Only for keys with a limit.", Schema: count(1)},
	"X-RateLimit-Remaining": {Description: "Requests that are left for now. Only for keys with a limit.", Schema: count(0)},
	"X-RateLimit-Reset":     {Description: "Seconds until the next request is possible.", Schema: count(0)},
	"X-Request-Id":          {Description: "The request's id, as the logs have it.", Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}},
	"Retry-After":           {Description: "Seconds to wait before the request is sent again.", Schema: count(1)},
	"WWW-Authenticate":      {Description: "How to authenticate.", Schema: &huma.Schema{Type: huma.TypeString, Examples: []any{`Bearer realm="jimeng-gateway"`}}},
	"Location":              {Description: "The path of the new task.", Schema: &huma.Schema{Type: huma.TypeString, Format: "uri-reference"}},
	"Idempotency-Replayed":  {Description: "`true` if an earlier request with the same `Idempotency-Key` has made the task.", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"true"}}},
	"Preference-Applied":    {Description: "The `wait` of `Prefer` that was honoured.", Schema: &huma.Schema{Type: huma.TypeString}},
	"ETag":                  {Description: "Changes when the content does; send it as `If-None-Match`.", Schema: &huma.Schema{Type: huma.TypeString}},
	"Cache-Control":         {Description: "How long the answer may be kept.", Schema: &huma.Schema{Type: huma.TypeString}},
	"Content-Disposition":   {Description: "Whether a browser may show the file, and its name.", Schema: &huma.Schema{Type: huma.TypeString}},
	"Accept-Ranges":         {Description: "`bytes`: ranges can be asked for.", Schema: &huma.Schema{Type: huma.TypeString}},
	"Set-Cookie":            {Description: "The browser session.", Schema: &huma.Schema{Type: huma.TypeString}},
}

func count(least float64) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Minimum: &least}
}
