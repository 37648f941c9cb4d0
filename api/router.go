package api

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// caller is who a request comes from and how it reached the gateway.
type caller struct {
	*auth.Principal        // nil on public routes and for strangers
	base            string // scheme and host of links, without a slash at the end
	route           string // for logs
	requestID       string // for logs
	access          auth.Access
	seen            func(auth.Access) // see [auth.Client]
	made            bool              // the task exists, whatever the answer is
	refusal         string            // the code of the error that was answered, "" for none that the handlers know of
}

type callerKey struct{}

// callerOf returns the caller that the router put into the context of every
// request.
func callerOf(ctx context.Context) *caller { return ctx.Value(callerKey{}).(*caller) }

// router lets a request in, or not, before its handler sees it.
type router struct {
	api     *api
	mux     *http.ServeMux
	missing []string        // routes without a line in the table of access
	unused  map[string]bool // lines without a route
}

func newRouter(a *api) *router {
	r := &router{api: a, mux: http.NewServeMux(), unused: map[string]bool{}}
	for pattern := range access {
		r.unused[pattern] = true
	}
	// Everything else, a known path with another method included, gets an answer
	// in the shape of its dialect instead of the multiplexer's plain text.
	r.mux.HandleFunc("/", r.unknown)
	return r
}

// HandleFunc registers a route; it has the shape that huma asks for.
func (r *router) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	who, ok := access[pattern]
	if !ok {
		r.missing = append(r.missing, pattern)
		return
	}
	delete(r.unused, pattern)
	r.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		c := &caller{base: r.api.base(req), route: pattern, requestID: w.Header().Get("X-Request-Id")}
		req = req.WithContext(context.WithValue(req.Context(), callerKey{}, c))
		ctx, release, err := r.api.admit(w, req, c, who)
		defer release()
		tellAccess(req, c)
		actor := actorOf(req, c.Principal)
		if actor != nil {
			ctx = store.WithActor(ctx, actor)
		}
		if id := w.Header().Get("X-Request-Id"); id != "" && changes(pattern) {
			ctx = store.WithRequestID(ctx, id)
		}
		if ctx != req.Context() {
			req = req.WithContext(ctx)
		}
		if actor != nil && changes(pattern) {
			answer := &answer{ResponseWriter: w}
			w = answer
			defer func() { r.api.auditRefusal(req, c, answer.status) }()
		}
		if err != nil {
			r.api.fail(w, req, err)
			return
		}
		// No id or name has such bytes, and PostgreSQL takes them for an error.
		if path := req.URL.Path; !storable(path) {
			r.api.fail(w, req, store.ErrNotFound)
			return
		}
		handler(w, req)
	})
}

func (r *router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Content-Security-Policy", "frame-ancestors 'none'")
	// Ours, whatever the client has sent: nobody can put another's id into the logs.
	if id := auth.ClientOf(req).RequestID; id != "" {
		header.Set("X-Request-Id", id)
	}
	r.mux.ServeHTTP(w, req)
}

// storable reports whether a database can hold the text.
func storable(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }

// finish reports a disagreement between the routes and the table of access.
func (r *router) finish() error {
	for pattern := range r.unused {
		r.missing = append(r.missing, pattern)
	}
	if len(r.missing) > 0 {
		slices.Sort(r.missing)
		return fmt.Errorf("routes and table of access differ: %s", strings.Join(r.missing, ", "))
	}
	return nil
}

// unknown answers what no route matches: OPTIONS, 405 if another method would, or
// 404.
func (r *router) unknown(w http.ResponseWriter, req *http.Request) {
	var allowed []string
	wildcards := math.MaxInt // of the path that fits best: /tasks/cancel is no task
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		probe := &http.Request{Method: method, URL: req.URL, Host: req.Host}
		_, pattern := r.mux.Handler(probe)
		n := strings.Count(pattern, "{")
		if pattern == "/" || pattern == "" || n > wildcards {
			continue
		}
		if n < wildcards {
			allowed, wildcards = nil, n
		}
		allowed = append(allowed, method)
	}
	if allowed == nil {
		r.api.fail(w, req, &apiError{status: http.StatusNotFound, code: "unknown_path", message: fmt.Sprintf("There is nothing at %s.", req.URL.Path)})
		return
	}
	if req.Method == http.MethodOptions {
		w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	r.api.fail(w, req, &apiError{status: http.StatusMethodNotAllowed, code: "method_not_allowed",
		message: fmt.Sprintf("%s is not possible here, allowed: %s.", req.Method, strings.Join(allowed, ", "))})
}

// admit finds out who the caller is, counts the request and checks the scope. The
// request goes on under the context, which ends when the caller would no longer be
// let in; release is called at the end of the request.
func (a *api) admit(w http.ResponseWriter, r *http.Request, c *caller, who need) (ctx context.Context, release func(), err error) {
	ctx, release = r.Context(), func() {}
	if who == public {
		return ctx, release, nil
	}
	age := a.Auth.Keyring().Age()
	principal, err := a.authenticate(r, who)
	if err != nil {
		if who == always {
			return ctx, release, nil
		}
		if _, refused := asError[*auth.Refusal](err); refused && who == optional {
			return ctx, release, nil
		}
		return ctx, release, err
	}
	c.Principal = principal
	if err := takeOne(w.Header(), a.Auth.Keyring().Take(principal)); err != nil {
		return ctx, release, err
	}
	if err := permit(principal, who); err != nil {
		return ctx, release, err
	}
	ctx, release = a.guard(w, r, age, principal, who)
	return ctx, release, nil
}

// authTime is how long a route that answers always waits to hear who asks.
const authTime = time.Second

func (a *api) authenticate(r *http.Request, who need) (*auth.Principal, error) {
	if who != always {
		return a.Auth.Authenticate(r)
	}
	ctx, cancel := context.WithTimeout(r.Context(), authTime)
	defer cancel()
	return a.Auth.Authenticate(r.WithContext(ctx))
}

// permit checks the scope.
func permit(p *auth.Principal, who need) error {
	if who == optional || who == always || who == anyKey || p.Has(string(who)) {
		return nil
	}
	return missingScope(string(who))
}

func missingScope(scope string) error {
	return &auth.Refusal{Status: http.StatusForbidden, Code: "missing_scope", Message: fmt.Sprintf("The key lacks the scope %q.", scope)}
}

// needAdmin is for what an operation does for admins only.
func needAdmin(c *caller) error { return permit(c.Principal, mayAdmin) }

// guard ends the request when its caller may no longer send it, or would see other
// tasks. Whoever reads the body then learns of it at once, too.
func (a *api) guard(w http.ResponseWriter, r *http.Request, age uint64, p *auth.Principal, who need) (context.Context, func()) {
	ctx, release := a.Auth.Guard(r, age, p, func(now *auth.Principal) error {
		if now.Owner() != p.Owner() {
			return permit(now, need(auth.EveryTask))
		}
		return permit(now, who)
	})
	if r.Body == nil || r.Body == http.NoBody {
		return ctx, release
	}
	body := &unread{ReadCloser: r.Body}
	r.Body = body
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		// Nothing else may be stopped so: behind the body, net/http waits for the
		// connection to break, and takes the deadline for that, also for the requests
		// that follow.
		if endedBy(ctx, nil) != nil && !body.read.Load() {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now())
		}
	})
	return ctx, func() {
		if !stop() {
			<-told // or the deadline would meet the next request of the connection
		}
		release()
	}
}

// unread is a body of a request, of which it is known whether it was read to its
// end.
type unread struct {
	io.ReadCloser
	read atomic.Bool
}

func (u *unread) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if err != nil {
		u.read.Store(true)
	}
	return n, err
}

// tellAccess tells the access log who sends the request and for what. A path of a
// task that is no id of ours may be anything, a secret too.
func tellAccess(r *http.Request, c *caller) {
	if c.seen = auth.ClientOf(r).Seen; c.seen == nil {
		return
	}
	access := &c.access
	*access = auth.Access{Route: c.route}
	if c.Principal != nil {
		access.Key, access.Name, access.Role = nameOf(c.Principal), c.Principal.Name, string(c.Principal.Role)
	}
	if strings.HasPrefix(r.URL.Path, "/api/v1/tasks/") && anID.MatchString(r.PathValue("id")) {
		access.Task = r.PathValue("id")
	} else if task := r.PathValue("task"); anID.MatchString(task) {
		access.Task = task
	}
	c.seen(*access)
}

// sawTask tells the access log of a task that the path does not name.
func (c *caller) sawTask(id string) {
	if c.seen != nil {
		c.access.Task = id
		c.seen(c.access)
	}
}

// actorOf is who the audit log names for the request's changes: people and admins.
// What other keys do with their own tasks is in the tasks.
func actorOf(r *http.Request, p *auth.Principal) *store.Actor {
	if p == nil || p.Role == "" && !p.Has(auth.Admin) {
		return nil
	}
	kind := "key"
	if p.Role != "" {
		kind = "person"
	}
	return auth.ClientOf(r).Actor(kind, p.Key.ID, p.Name)
}

// takeOne tells the caller where it stands with its requests per minute, in the
// headers of the earlier gateway, and refuses one that is too many.
func takeOne(header http.Header, rate auth.Rate) error {
	if rate.Limit == 0 {
		return nil
	}
	header.Set("X-RateLimit-Limit", strconv.Itoa(rate.Limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(rate.Remaining))
	if !rate.Exceeded {
		return nil
	}
	header.Set("X-RateLimit-Reset", seconds(rate.Reset))
	return tooMany(rate)
}

// seconds rounds up, so that whoever waits that long has waited long enough.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// base is what links begin with: nothing when nobody knows the gateway's address,
// because the request came in by Caddy's admin endpoint or names no host.
func (a *api) base(r *http.Request) string {
	if a.PublicURL != "" || r.Host == "" {
		return a.PublicURL
	}
	if auth.Secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
