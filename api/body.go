package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// A body must bring minProgress bytes in every window of waiting for the client,
// or end. The slowest mobile uplink has ten times that; a client that sends a
// byte now and then to hold a connection open has not.
const (
	progressWindow = 30 * time.Second
	minProgress    = 16 << 10
)

// patientBody reads the body of a request as long as it makes progress. The time
// that the gateway itself needs between two reads does not count.
type patientBody struct {
	ctx        context.Context // of the request
	body       io.Reader
	controller *http.ResponseController
	window     time.Duration
	left       time.Duration // of the window
	got        int           // bytes in the window
	tooLarge   *apiError
	err        error
}

// bodyOf is the body of a request, at most limit bytes of it; tooLarge is what is
// said of a longer one. All errors of the reader but io.EOF are [*apiError].
func bodyOf(w http.ResponseWriter, r *http.Request, limit int64, tooLarge *apiError) io.Reader {
	return &patientBody{ctx: r.Context(), body: http.MaxBytesReader(w, r.Body, limit), controller: http.NewResponseController(w),
		window: progressWindow, left: progressWindow, tooLarge: tooLarge}
}

func (b *patientBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	start := time.Now()
	// Where the server has no deadlines, the check below is all there is.
	_ = b.controller.SetReadDeadline(start.Add(b.left))
	// Whoever ends the request puts the deadline to now after that, see guard.
	if b.ctx.Err() != nil {
		b.err = errBrokeOff
		return 0, b.err
	}
	n, err := b.body.Read(p)
	b.left -= time.Since(start)
	b.got += n
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		// The deadline stays: the server would otherwise wait for the rest of the
		// body before it sends the answer.
		b.err = errBodyTimeout
	case err != nil:
		// It must not fire later, while the handler waits: the server would take
		// that for the client's leaving.
		_ = b.controller.SetReadDeadline(time.Time{})
		b.err = b.explain(err)
	case b.got >= minProgress:
		b.left, b.got = b.window, 0
	case b.left <= 0:
		b.err = errBodyTimeout
	}
	return n, b.err
}

func (b *patientBody) explain(err error) error {
	if _, tooLarge := asError[*http.MaxBytesError](err); tooLarge {
		return b.tooLarge
	}
	if err != io.EOF {
		return errBrokeOff
	}
	return err
}

var (
	errBodyTimeout = &apiError{status: http.StatusRequestTimeout, code: "body_timeout", field: "body",
		message: "came too slowly and was given up"}
	errBrokeOff = invalid("body", "broke off")
)

// readBody reads at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	var body bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= limit {
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(bodyOf(w, r, limit, bodyTooLarge(limit))); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

func bodyTooLarge(limit int64) *apiError {
	return &apiError{status: http.StatusRequestEntityTooLarge, code: "too_large", field: "body", message: "is larger than " + size(limit)}
}
