package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"
)

// apiError is a failure of the protocol: HTTP 200 with a code below zero.
// Any other error becomes the code -1000, as in the originals.
type apiError struct {
	code    int
	message string
}

func (e *apiError) Error() string { return e.message }

func failure(code int, format string, args ...any) error {
	return &apiError{code, fmt.Sprintf(format, args...)}
}

// invalidParam is what the originals' validation throws.
func invalidParam(name string) error {
	return failure(-2000, "Params %s invalid", name)
}

// envelope wraps failures, and fork's successes of submit and status.
type envelope struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data"`
}

// breakage is a fault below the protocol; kind is a transport of the fault table.
type breakage struct{ kind string }

func (b *breakage) Error() string { return "simulated breakage: " + b.kind }

// fail writes err as the protocol or the simulated breakage wants it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if b, ok := errors.AsType[*breakage](err); ok {
		s.breakDown(w, b.kind)
		return
	}
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody is there to read an answer
	}
	code := -1000
	if e, ok := errors.AsType[*apiError](err); ok {
		code = e.code
	}
	s.log.Debug("answered with a failure", zap.String("path", r.URL.Path), zap.Int("code", code), zap.Error(err))
	writeJSON(w, envelope{code, err.Error(), nil})
}

func (s *Server) breakDown(w http.ResponseWriter, kind string) {
	switch kind {
	case "garbage":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>")
	case "http_500":
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
	case "truncated":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "512")
		fmt.Fprint(w, `{"created":`)
		http.NewResponseController(w).Flush() // the connection is cut anyway
		panic(http.ErrAbortHandler)
	default: // down, cut, hang
		panic(http.ErrAbortHandler)
	}
}

func writeJSON(w http.ResponseWriter, data any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(data) // the client has gone
}

// unknownRoute answers for everything that the variant does not have. This text
// is how a client tells the variants apart.
func (s *Server) unknownRoute(r *http.Request) (any, error) {
	if s.variant == Iptag {
		return nil, fmt.Errorf("[请求有误]: 请检查API文档确认正确的请求路径，当前请求为 %s -> %s 请纠正", r.Method, r.URL.RequestURI())
	}
	return nil, fmt.Errorf("[请求有误]: 正确请求为 POST -> /v1/chat/completions，当前请求为 %s -> %s 请纠正", r.Method, r.URL.RequestURI())
}

func (s *Server) ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, "pong")
}

func (s *Server) welcome(w http.ResponseWriter, _ *http.Request) {
	if s.variant == Iptag {
		writeJSON(w, map[string]any{"service": "jimeng-api", "status": "running", "version": "1.6.3", "description": "免费的AI图像和视频生成API服务 (simulated)"})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"UTF-8\"/><title>jimeng-free-api</title></head><body><p>jimeng-free-api已启动 (simulated)</p></body></html>")
}

// tokens splits the Authorization header as the originals do: the scheme word
// is removed once and only in this spelling, and only iptag trims.
func (s *Server) tokens(r *http.Request) ([]string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return nil, invalidParam("headers.authorization")
	}
	list := strings.Split(strings.Replace(values[0], "Bearer ", "", 1), ",")
	if s.variant == Iptag {
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
	}
	return list, nil
}

// sleep waits for d or until the caller has gone.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the generation: %w", ctx.Err())
	}
}
