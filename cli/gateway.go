package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Gateway is a running gateway as seen from outside. Whoever calls it is an
// admin: Transport or Header see to that.
type Gateway struct {
	// Address is what the user calls the gateway, for messages.
	Address string
	// Base begins the URL of every request, without a slash at the end.
	Base string
	// Header is sent along with every request. Default: none.
	Header http.Header
	// Transport dials the gateway.
	Transport http.RoundTripper
}

// answerError is a refusal by the gateway, in its own words.
type answerError struct {
	status  int
	message string
}

func (e *answerError) Error() string { return e.message }

// unreachable is a gateway that gives no answer.
type unreachable struct {
	address string
	cause   error
}

func (e *unreachable) Error() string {
	return fmt.Sprintf("no gateway answers at %s: is it running? --address names another admin endpoint (%v)", e.address, e.cause)
}

func (e *unreachable) Unwrap() error { return e.cause }

// send sends a request and returns the answer if it is a good one. The caller
// closes its body.
func (g *Gateway) send(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, g.Base+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	for name, values := range g.Header {
		request.Header[name] = values
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := g.Transport.RoundTrip(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, ok := errors.AsType[*fileError](err); ok { // of ours, on the way out
			return nil, err
		}
		return nil, &unreachable{g.Address, err}
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	const most = 64 << 10 // far more than any error has
	text, _ := io.ReadAll(io.LimitReader(response.Body, most))
	return nil, &answerError{response.StatusCode, g.explain(response, text)}
}

// explain finds the words in an error of the API, of either dialect, or of
// Caddy's admin endpoint.
func (g *Gateway) explain(response *http.Response, body []byte) string {
	var answer struct {
		Detail  string          `json:"detail"`
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
	}
	var caddy string
	if json.Unmarshal(body, &answer) == nil && answer.Error != nil {
		_ = json.Unmarshal(answer.Error, &caddy) // an object in the API's own errors
	}
	for _, words := range []string{answer.Detail, answer.Message, caddy} {
		if words != "" {
			return clean(words)
		}
	}
	if response.StatusCode == http.StatusNotFound {
		return fmt.Sprintf("what answers at %s has no gateway in it; --address names another admin endpoint", g.Address)
	}
	return fmt.Sprintf("%s answers %s: %s", g.Address, response.Status, clean(strings.TrimSpace(string(body[:min(len(body), 200)]))))
}

// call sends a value as JSON, nil for no body, and returns the JSON that comes
// back.
func (g *Gateway) call(ctx context.Context, method, path string, body any) (json.RawMessage, error) {
	var reader io.Reader
	contentType := ""
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write request: %w", err)
		}
		reader, contentType = bytes.NewReader(text), "application/json"
	}
	response, err := g.send(ctx, method, path, contentType, reader)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return g.read(ctx, response)
}

// read takes the whole of an answer.
func (g *Gateway) read(ctx context.Context, response *http.Response) (json.RawMessage, error) {
	raw, err := io.ReadAll(response.Body)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	} else if err != nil {
		return nil, &unreachable{g.Address, err}
	}
	return bytes.TrimSpace(raw), nil
}

// at is a path with an id of the user's in it.
func at(collection, id string, more ...string) string {
	return "/api/v1/" + collection + "/" + strings.Join(append([]string{url.PathEscape(id)}, more...), "/")
}
