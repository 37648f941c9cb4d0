package caddymodule

import (
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

// adminPrefix is where Caddy's admin endpoint has the gateway's API.
const adminPrefix = "/jimeng"

// Admin serves the API of the running gateway below /jimeng/ of Caddy's admin
// endpoint: /jimeng/api/v1/tasks there is /api/v1/tasks. No key is needed, every
// caller is the admin, because whoever reaches that endpoint can replace the whole
// configuration anyway. Caddy keeps web pages away from it by checking the headers
// Host and Origin. Links in the answers have no host unless public_url is set.
type Admin struct{}

// CaddyModule returns the Caddy module information.
func (Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.jimeng", New: func() caddy.Module { return new(Admin) }}
}

// Routes returns the one route that leads to the API.
func (Admin) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: adminPrefix + "/", Handler: caddy.AdminHandlerFunc(serveAdmin)}}
}

var errNoGateway = caddy.APIError{
	HTTPStatus: http.StatusServiceUnavailable,
	Err:        errors.New("no gateway runs here: it has not started yet, or the configuration uses neither the app jimeng nor its handler"),
}

// serveAdmin asks for the app with every request: Caddy makes admin endpoints
// before apps, and only a configuration whose apps have all started is active.
func serveAdmin(w http.ResponseWriter, r *http.Request) error {
	app, err := caddy.ActiveContext().AppIfConfigured("jimeng")
	if err != nil {
		return errNoGateway
	}
	api, err := app.(*App).waitStarted(r.Context())
	if err != nil {
		return errNoGateway
	}
	// Caddy gives a request ten seconds to come in, which are too few for a video
	// and would also end a stream. A connection that cannot do without the limit
	// keeps it.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	r = r.WithContext(auth.AsAdmin(r.Context()))
	r.Host = "" // the admin endpoint's, where the links of the API lead nowhere
	http.StripPrefix(adminPrefix, api).ServeHTTP(w, r)
	return nil
}

// Interface guard
var _ caddy.AdminRouter = Admin{}
