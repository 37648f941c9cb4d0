// Package simulator is an HTTP server that speaks the protocol of the
// jimeng-free-api family, so that the demo and the tests run through real HTTP
// and cost nothing. It knows three dialects:
//
//   - stock: wwwzhouhui/jimeng-free-api-all; a video request is one call that
//     stays open until the video exists.
//   - fork: stock and the two asynchronous calls submit and status.
//   - iptag: iptag/jimeng-api, a rewrite with rules per model and a call that
//     collects credits.
//
// Routes, envelopes, defaults, rules and messages are those of the originals,
// down to the HTTP status 200 for everything. POST /v1/chat/completions is left
// out, because the gateway never speaks it: it gets the answer for unknown
// routes. The simulator accepts every token as a live account with plenty of
// credits; the table in faults.go says how to make it fail, and control.go what
// it tells about itself under /_simulator/.
package simulator

import (
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// Variant is one of the three dialects.
type Variant string

const (
	Stock Variant = "stock"
	Fork  Variant = "fork"
	Iptag Variant = "iptag"
)

// ParseVariant returns the variant of that name.
func ParseVariant(name string) (Variant, error) {
	switch v := Variant(name); v {
	case Stock, Fork, Iptag:
		return v, nil
	}
	return "", fmt.Errorf("unknown variant %q, allowed: stock, fork, iptag", name)
}

// Config says how a [Server] behaves. The zero value is a fork that generates
// at once.
type Config struct {
	Variant     Variant       // Fork when empty
	Delay       time.Duration // how long one generation takes, unless the request says otherwise
	URLLifetime time.Duration // how long the link to a result works; a day when 0
	Log         *zap.Logger   // nothing is logged when nil
}

// Server is a simulated upstream. It starts no goroutine of its own but in
// [Server.ListenAndServe]; all times are computed when somebody asks.
type Server struct {
	variant  Variant
	delay    time.Duration
	lifetime time.Duration
	log      *zap.Logger
	mux      *http.ServeMux
	ledger   *ledger
	outage   outage
	lags     lags
	fetches  fetches
}

// New returns a server that has accepted nothing yet.
func New(c Config) *Server {
	s := &Server{
		variant:  c.Variant,
		delay:    c.Delay,
		lifetime: c.URLLifetime,
		log:      c.Log,
		mux:      http.NewServeMux(),
		ledger:   newLedger(),
	}
	if s.variant == "" {
		s.variant = Fork
	}
	if s.lifetime == 0 {
		s.lifetime = 24 * time.Hour
	}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	s.routes()
	return s
}

func (s *Server) routes() {
	s.mux.HandleFunc("/", s.api(s.unknownRoute))
	s.mux.HandleFunc("GET /{$}", s.welcome)
	s.mux.HandleFunc("GET /ping", s.ping)
	s.mux.HandleFunc("GET /v1/models", s.api(s.models))
	s.mux.HandleFunc("POST /v1/images/generations", s.api(s.imageGenerations))
	s.mux.HandleFunc("POST /v1/images/compositions", s.api(s.imageCompositions))
	s.mux.HandleFunc("POST /token/check", s.api(s.tokenCheck))
	s.mux.HandleFunc("POST /token/points", s.api(s.tokenPoints))
	s.mux.HandleFunc("POST /v1/videos/generations", s.api(s.videoGenerations))
	switch s.variant {
	case Iptag:
		s.mux.HandleFunc("POST /token/receive", s.api(s.tokenReceive))
	case Fork:
		s.mux.HandleFunc("POST /v1/videos/submit", s.api(s.videoSubmit))
		s.mux.HandleFunc("POST /v1/video/submit", s.api(s.videoSubmit))
		s.mux.HandleFunc("GET /v1/videos/{id}/status", s.api(s.videoStatus))
		s.mux.HandleFunc("GET /v1/video/{id}/status", s.api(s.videoStatus))
		fallthrough
	case Stock:
		s.mux.HandleFunc("POST /v1/video/generations", s.api(s.videoGenerations))
	}
	s.mux.HandleFunc("GET /_simulator/files/{name}", s.file)
	s.controlRoutes()
}

// ServeHTTP answers one request. It panics with [http.ErrAbortHandler] where
// the connection must break, as [http.Server] expects it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET,HEAD,PUT,POST,DELETE,PATCH,OPTIONS")
		h.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if f, wait := s.outage.take(r.URL.Path); f != nil {
		if f.transport == "cut" || f.transport == "truncated" {
			s.mux.ServeHTTP(nowhere{}, r)
			s.breakDown(w, f.transport)
			return
		}
		if err := s.disturb(r, f, wait); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// api adapts a handler of the protocol: what it returns is written as JSON, and
// an error as a failure envelope.
func (s *Server) api(handle func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, err := handle(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		writeJSON(w, data)
	}
}

// nowhere takes an answer that nobody will read.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

var _ http.Handler = (*Server)(nil)
