package freeapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	dialTimeout = 10 * time.Second
	readTimeout = 30 * time.Second // of a poll, probe or detection as a whole
	// An answer holds addresses and a record, never a file. Many are read at
	// once, so this bounds what a server that goes mad costs.
	maxAnswer  = 4 << 20   // bytes of the body, unpacked
	maxHeaders = 256 << 10 // bytes
	// Node closes idle connections after 5 s, so they are given up earlier.
	idleTimeout = 4 * time.Second
)

// newTransport speaks HTTP/1.1 without a proxy: the server is a neighbour, and
// HTTP/2 would send some requests again by itself.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     idleTimeout,
		Protocols:           protocols,

		MaxResponseHeaderBytes: maxHeaders,
	}
}

func newReadClient() *http.Client {
	return &http.Client{Transport: newTransport(), CheckRedirect: noRedirect}
}

// newSubmitClient uses a fresh connection for every request. On a kept one the
// server may hang up just when the request is written, and nobody could tell
// whether it was read.
func newSubmitClient() *http.Client {
	t := newTransport()
	t.DisableKeepAlives = true
	return &http.Client{Transport: t, CheckRedirect: noRedirect}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// exchange is an answer of the server, whatever it says.
type exchange struct {
	status     int
	retryAfter time.Duration
	body       []byte
	took       time.Duration // from the last byte of the request to the answer
}

// read sends a request that costs nothing, with a JSON body if there is one.
// Its errors carry NotAccepted as false; there is nothing to accept.
func (d *Driver) read(ctx context.Context, client *http.Client, method, path, secret string, body []byte) (*exchange, error) {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var reader io.Reader
	contentType := ""
	if body != nil {
		reader, contentType = bytes.NewReader(body), "application/json"
	}
	x, _, err := d.exchange(limited, client, method, path, secret, reader, contentType)
	if err != nil {
		if ctx.Err() != nil {
			return nil, gaveUp(ctx)
		}
		d.detector.doubt()
		return nil, &upstream.Error{Kind: upstream.Network, Unreachable: true, Message: "the upstream does not answer: " + reason(err), Err: err}
	}
	return x, nil
}

// exchange sends one request, once, and reads the whole answer. written tells
// whether the request left completely; as long as it did not, the server cannot
// have acted on it, because it parses the whole body first.
func (d *Driver) exchange(ctx context.Context, client *http.Client, method, path, secret string, body io.Reader, contentType string) (x *exchange, written bool, err error) {
	var writtenAt atomic.Pointer[time.Time]
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				writtenAt.Store(new(time.Now()))
			}
		},
	})
	req, err := http.NewRequestWithContext(ctx, method, d.base.String(), body)
	if err != nil {
		return nil, false, fmt.Errorf("make request: %w", err)
	}
	req.URL = d.base.JoinPath(path)
	req.GetBody = nil // net/http could send the request again with it
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if secret != "" {
		// The servers match the word Bearer by case and remove it once.
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := client.Do(req)
	if err != nil {
		// net/http has waited for its writer, so the trace is complete.
		return nil, writtenAt.Load() != nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = fmt.Errorf("answer is longer than %d bytes", maxAnswer)
	}
	if err != nil {
		return nil, true, fmt.Errorf("read answer: %w", err)
	}
	x = &exchange{status: resp.StatusCode, retryAfter: retryAfter(resp.Header), body: data}
	if at := writtenAt.Load(); at != nil {
		x.took = time.Since(*at)
	}
	return x, true, nil
}

// rateLimited is the answer 429, which no server of the family gives by itself:
// something before it did, and did not let the request through.
func rateLimited(x *exchange) *upstream.Error {
	return &upstream.Error{
		Kind: upstream.RateLimited, NotAccepted: true, RetryAfter: x.retryAfter,
		Code: "429", Message: "too many requests (HTTP 429)",
	}
}

// gaveUp is the error of a call that ended because its context did, before
// anything was sent that could be accepted.
func gaveUp(ctx context.Context) *upstream.Error {
	return &upstream.Error{
		Kind: upstream.Timeout, NotAccepted: true,
		Message: "the call to the upstream was given up", Err: context.Cause(ctx),
	}
}

// asError finds the *upstream.Error that every error of this package holds and
// returns a copy that may be changed.
func asError(err error) *upstream.Error {
	if e, ok := errors.AsType[*upstream.Error](err); ok {
		c := *e
		return &c
	}
	return &upstream.Error{Kind: upstream.Unknown, Message: err.Error(), Err: err}
}

// reason says why a request failed, without the address, which is no client's
// business.
func reason(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "its host name cannot be resolved"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err.Error()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed"
	}
	return "the connection failed"
}

// retryAfter reads the header in both of its forms. A pause of more than an
// hour is cut to one.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	var wait time.Duration
	if n, err := strconv.Atoi(v); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(min(n, 3600)) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		wait = time.Until(at)
	}
	return max(0, min(wait, time.Hour))
}
