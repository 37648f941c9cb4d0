package freeapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Jimeng's states of a generation. Others exist (42 post-processing, 45
// finalising) and more may come; all of them mean that it goes on.
const (
	statusDoneImage = "10"
	statusFailed    = "30"
	statusDone      = "50"
)

// Bounds of the polling interval that the upstream may ask for.
const (
	minPollAfter = time.Second
	maxPollAfter = 5 * time.Minute
)

// Bounds of what is taken over from an answer. The real ones are far below; a
// server gone mad must not fill the database and every list.
const (
	maxRef     = 128  // bytes of an id
	maxURL     = 8192 // bytes of a result's address
	maxResults = 16   // files of one request
	maxETA     = 100  // bytes of the upstream's own words for the time that is left
)

// Poll reads the state of a Seedance request on fork, with the session that
// submitted it; other accounts are told that it does not exist.
func (d *Driver) Poll(ctx context.Context, s upstream.Session, ref string) (upstream.Progress, error) {
	if err := checkSecret(s.Secret); err != nil {
		return upstream.Progress{}, err
	}
	if ref == "" {
		return upstream.Progress{}, &upstream.Error{Kind: upstream.BadInput, Message: "the request has no id at the upstream"}
	}
	x, err := d.read(ctx, d.reads, http.MethodGet, "/v1/videos/"+url.PathEscape(ref)+"/status", s.Secret, nil)
	if err != nil {
		return upstream.Progress{}, asPollError(err)
	}
	if x.status == http.StatusTooManyRequests {
		return upstream.Progress{}, asPollError(rateLimited(x))
	}
	progress, err := parsePoll(x.body, s.Secret)
	if err != nil {
		e := asPollError(err)
		if e.Unreachable {
			d.detector.doubt()
			e.Message = fmt.Sprintf("%s (HTTP %d)", e.Message, x.status)
		}
		return upstream.Progress{}, e
	}
	return progress, nil
}

// asPollError keeps the fault of a poll from being read as one of the submit,
// which was accepted.
func asPollError(err error) *upstream.Error {
	e := asError(err)
	e.NotAccepted = false
	return e
}

type pollData struct {
	Status        scalar  `json:"status"`
	FailCode      scalar  `json:"fail_code"`
	QueuePosition scalar  `json:"queue_position"`
	QueueTotal    scalar  `json:"queue_total"`
	QueueETA      scalar  `json:"queue_eta"`
	VideoURL      scalar  `json:"video_url"`
	Raw           history `json:"raw"`
}

// history is Jimeng's own record. fork looks for the queue under names that
// Jimeng does not use, so it is read here.
type history struct {
	FailCode    scalar    `json:"fail_code"`
	FailKey     scalar    `json:"fail_starling_key"`
	FailMessage scalar    `json:"fail_starling_message"`
	Queue       queueInfo `json:"queue_info"`
	Forecast    forecast  `json:"forecast_cost_time"`
	QueueCost   scalar    `json:"forecast_queue_cost"` // seconds
}

type queueInfo struct {
	Index   scalar  `json:"queue_idx"`
	Length  scalar  `json:"queue_length"`
	Polling polling `json:"polling_config"`
}

type polling struct {
	Interval scalar `json:"interval_seconds"`
}

type forecast struct {
	QueueCost scalar `json:"forecast_queue_cost"` // seconds
}

// The parts of a record are decoration. One in an unexpected shape is left out
// instead of hiding the state of a paid generation.
func (h *history) UnmarshalJSON(b []byte) error   { type t history; return lenient(b, (*t)(h)) }
func (q *queueInfo) UnmarshalJSON(b []byte) error { type t queueInfo; return lenient(b, (*t)(q)) }
func (p *polling) UnmarshalJSON(b []byte) error   { type t polling; return lenient(b, (*t)(p)) }
func (f *forecast) UnmarshalJSON(b []byte) error  { type t forecast; return lenient(b, (*t)(f)) }

func lenient(b []byte, into any) error {
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, into)
}

// parsePoll reads an answer of fork's status route.
func parsePoll(body []byte, secret string) (upstream.Progress, error) {
	e, ok := parseEnvelope(body)
	if ok && e.failed() {
		return upstream.Progress{}, e.fault(secret)
	}
	var data *pollData
	if !ok || !filled(e.data) || json.Unmarshal(e.data, &data) != nil {
		return upstream.Progress{}, &upstream.Error{
			Kind: upstream.Network, Unreachable: true, Message: "the upstream's answer to the poll cannot be understood",
		}
	}
	switch data.Status {
	case statusFailed:
		return upstream.Progress{State: upstream.Failed, Failure: data.failure(secret)}, nil
	case statusDone, statusDoneImage:
		// The URL can lag a few reads behind the state.
		if isAddress(string(data.VideoURL)) {
			return upstream.Progress{State: upstream.Succeeded, Results: []upstream.Result{
				{Kind: upstream.Video, URL: string(data.VideoURL)},
			}}, nil
		}
	}
	return data.running(secret), nil
}

// isAddress tells the address of a file from whatever else may stand in its place.
func isAddress(text string) bool {
	if len(text) > maxURL || !utf8.ValidString(text) {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func (p *pollData) running(secret string) upstream.Progress {
	queue := p.Raw.Queue
	progress := upstream.Progress{
		QueuePosition: firstWhole(p.QueuePosition, queue.Index),
		QueueTotal:    firstWhole(p.QueueTotal, queue.Length),
		QueueETA:      shorten(clean(string(p.QueueETA), secret), maxETA),
	}
	if cost, ok := cmp.Or(p.Raw.QueueCost, p.Raw.Forecast.QueueCost).number(); ok && progress.QueueETA == "" {
		progress.QueueETA = asDuration(cost).String()
	}
	if interval, ok := queue.Polling.Interval.number(); ok && interval > 0 {
		progress.PollAfter = max(minPollAfter, min(asDuration(interval), maxPollAfter))
	}
	return progress
}

// asDuration turns seconds into a duration of whole seconds, at most a year.
func asDuration(seconds float64) time.Duration {
	return time.Duration(math.Ceil(min(seconds, 365*24*3600))) * time.Second
}

func firstWhole(values ...scalar) *int {
	for _, v := range values {
		if n := v.whole(); n != nil {
			return n
		}
	}
	return nil
}

// failure tells why a generation failed: by a fail code, which may be a number
// or a string, or only by a key or a text.
func (p *pollData) failure(secret string) *upstream.Error {
	code := p.FailCode
	if code == "" || code == "0" {
		code = p.Raw.FailCode
	}
	if code == "0" {
		code = ""
	}
	key, message := string(p.Raw.FailKey), string(p.Raw.FailMessage)
	kind, _ := classify([]string{string(code)}, key+"\n"+message)
	if kind == upstream.Unknown || kind == upstream.Network {
		// Whatever network it means, the upstream has answered.
		kind = upstream.GenerationFailed
	}
	return &upstream.Error{
		Kind: kind, Code: clean(string(code), secret),
		Message: clean(cmp.Or(message, key, "the generation failed"), secret),
	}
}
