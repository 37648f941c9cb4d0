package api

import "github.com/jimeng-gateway/jimeng-gateway/auth"

// need is what a route asks of its caller: a scope, or one of the words below.
type need string

const (
	// public routes take no key: they show nothing, or check something else.
	public need = "public"
	// optional routes answer strangers too, and say more to a caller with a key.
	optional need = "optional"
	// always is optional, and answers also when nobody can tell who asks.
	always need = "always"
	// anyKey routes are for every key, whatever its scopes.
	anyKey need = "any key"

	mayCreate need = auth.VideoCreate
	mayRead   need = auth.TaskRead
	mayCancel need = auth.TaskCancel
	mayRetry  need = auth.TaskRetry
	mayDelete need = auth.TaskDelete
	mayPool   need = auth.PoolRead
	mayTest   need = auth.SessionTest
	mayLogs   need = auth.LogRead
	mayAdmin  need = auth.Admin
)

// access says who may use each route. A route that is not in here cannot be
// registered, and a line without a route is an error too. Tasks are always one's
// own, unless the caller is an admin.
var access = map[string]need{
	"GET /ping":                         public,
	"GET /livez":                        public,
	"GET /readyz":                       public,
	"GET /v1/models":                    anyKey,
	"POST /v1/videos/generations":       mayCreate,
	"POST /v1/video/generations":        mayCreate,
	"POST /v1/images/generations":       mayCreate,
	"POST /v1/images/compositions":      mayCreate,
	"GET /v1/artifacts/{task}/{number}": public, // the link is signed
	"GET /v1/materials/{task}/{number}": public, // the link is signed
	"GET /v1/materials/{id}":            public, // the link is signed
	"POST /auth/key":                    public, // the body is the key
	"GET /auth/me":                      optional,
	"POST /auth/logout":                 public,
	"GET /auth/login":                   public,
	"GET /auth/callback":                public, // the provider's answer is checked
	"POST /auth/backchannel-logout":     public, // the token is signed
	"GET /api/openapi.json":             public,
	"GET /api/docs":                     public,
	"GET /api/v1/health":                always,
	"GET /api/v1/me":                    anyKey,
	"GET /api/v1/models":                anyKey,
	"GET /api/v1/stats":                 mayRead,
	"GET /api/v1/status/stream":         anyKey, // what the scopes let one read
	"GET /api/v1/storage":               mayPool,
	"GET /api/v1/logs":                  mayLogs,
	"GET /api/v1/logs/stream":           mayLogs,
	"GET /api/v1/logs/download":         mayLogs,
	"GET /api/v1/containers":            mayLogs,

	"POST /api/v1/containers/{name}/restart": mayAdmin,

	"POST /api/v1/secrets/rotate":     mayAdmin,
	"GET /api/v1/usage":               mayRead,
	"GET /api/v1/timeline":            mayRead,
	"GET /api/v1/audit":               mayAdmin,
	"GET /api/v1/about":               mayAdmin,
	"GET /api/v1/tasks":               mayRead,
	"POST /api/v1/tasks":              mayCreate,
	"GET /api/v1/materials":           mayCreate,
	"POST /api/v1/materials":          mayCreate,
	"GET /api/v1/materials/{id}":      mayCreate,
	"DELETE /api/v1/materials/{id}":   mayCreate,
	"GET /api/v1/tasks/{id}":          mayRead,
	"POST /api/v1/tasks/{id}/cancel":  mayCancel,
	"POST /api/v1/tasks/{id}/retry":   mayRetry,
	"DELETE /api/v1/tasks/{id}":       mayDelete,
	"GET /api/v1/tasks/{id}/history":  mayRead,
	"GET /api/v1/tasks/{id}/events":   mayRead,
	"GET /api/v1/tasks/{id}/logs":     mayLogs,
	"GET /api/v1/events":              mayRead,
	"POST /api/v1/tasks/cancel":       mayCancel,
	"POST /api/v1/tasks/retry":        mayRetry,
	"POST /api/v1/tasks/delete":       mayDelete,
	"GET /api/v1/tasks/{id}/explain":  mayRead,
	"POST /api/v1/tasks/estimate":     mayCreate,
	"GET /api/v1/pool":                mayPool,
	"POST /api/v1/pool/probe":         mayTest,
	"GET /api/v1/pool/heartbeats":     mayPool,
	"GET /api/v1/sessions":            mayPool,
	"POST /api/v1/sessions":           mayAdmin,
	"GET /api/v1/sessions/{id}":       mayPool,
	"PATCH /api/v1/sessions/{id}":     mayAdmin,
	"DELETE /api/v1/sessions/{id}":    mayAdmin,
	"POST /api/v1/sessions/{id}/test": mayTest,
	"POST /api/v1/sessions/{id}/cool": mayAdmin,
	"POST /api/v1/sessions/import":    mayAdmin,

	"POST /api/v1/sessions/{id}/bring-back": mayAdmin,

	"GET /api/v1/sign-ins":              anyKey, // one's own
	"DELETE /api/v1/sign-ins":           anyKey, // one's own
	"DELETE /api/v1/sign-ins/{id}":      anyKey, // one's own
	"GET /api/v1/people":                mayAdmin,
	"GET /api/v1/admin/oidc/preview":    mayAdmin,
	"GET /api/v1/keys":                  mayAdmin,
	"POST /api/v1/keys":                 mayAdmin,
	"GET /api/v1/keys/{id}":             mayAdmin,
	"PATCH /api/v1/keys/{id}":           mayAdmin,
	"DELETE /api/v1/keys/{id}":          mayAdmin,
	"POST /api/v1/keys/{id}/regenerate": mayAdmin,
}
