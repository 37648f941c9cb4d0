package freeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Submit hands the request over in one HTTP request on a connection of its own.
// Seedance on fork is answered at once and polled; everything else is answered
// when the result exists.
func (d *Driver) Submit(ctx context.Context, s upstream.Session, r *upstream.Request) (upstream.Submission, error) {
	p, err := d.prepare(ctx, s, r)
	if err != nil {
		return upstream.Submission{}, err
	}
	x, err := d.pay(ctx, s, p)
	if err != nil {
		return upstream.Submission{}, err
	}
	e, ok := parseEnvelope(x.body)
	switch {
	case x.status == http.StatusTooManyRequests:
		return upstream.Submission{}, rateLimited(x)
	case x.status == http.StatusRequestEntityTooLarge && !ok:
		// A proxy before the server. As a doubt, it would bench the upstream for
		// everybody because of one client's file.
		return upstream.Submission{}, &upstream.Error{
			Kind: upstream.BadInput, NotAccepted: true, Code: "413",
			Message: "the materials are larger than the upstream takes (HTTP 413)",
		}
	}
	if !ok || !e.failed() && !filled(e.data) {
		d.detector.doubt()
		return upstream.Submission{}, &upstream.Error{
			Kind: upstream.InDoubt, Unreachable: true, RetryAfter: x.retryAfter,
			Message: fmt.Sprintf("the upstream's answer to the submit cannot be understood (HTTP %d)", x.status),
		}
	}
	if e.failed() {
		fault := e.fault(s.Secret)
		fault.RetryAfter = x.retryAfter
		if isUnknownRoute(e.message) {
			d.detector.doubt()
		} else if p.blocking {
			settle(fault, r.Kind, x.took)
		}
		return upstream.Submission{}, fault
	}
	if p.blocking {
		return finished(r.Kind, e.data)
	}
	return accepted(e.data)
}

// prepare refuses whatever this server would run differently than asked: above
// all unknown models, for which all three silently run, and charge for, their
// default model. Whoever names a model in the configuration vouches for it.
func (d *Driver) prepare(ctx context.Context, s upstream.Session, r *upstream.Request) (*plan, error) {
	if err := checkSecret(s.Secret); err != nil {
		return nil, err
	}
	if r.Pick(catalogue(unknown)) == nil {
		return nil, unknownModel(r)
	}
	v, err := d.variant(ctx)
	if err != nil {
		return nil, err
	}
	m := r.Pick(catalogue(v))
	if m == nil {
		return nil, unknownModel(r)
	}
	if err := kept(v, m, s, r); err != nil {
		return nil, refused(err)
	}
	if err := m.Check(r); err != nil {
		return nil, refused(err)
	}
	p, err := newPlan(v, m, r)
	if err != nil {
		return nil, refused(err)
	}
	return p, nil
}

// kept refuses what the server is known to replace without a word, whatever the
// configuration says of the model.
func kept(v variant, m *upstream.Model, s upstream.Session, r *upstream.Request) error {
	replaces := v == stock && m.Kind == upstream.Video && isSeedance(m.ID)
	switch {
	case v == iptag && upstream.Find(catalogue(v), m.ID) != nil && !servedIn(m.ID, region(s.Secret)):
		return &upstream.InvalidError{Field: "model", Message: fmt.Sprintf("%s is not served in the region of this session", m.ID)}
	case replaces && r.Duration == replacedDuration:
		return &upstream.InvalidError{Field: "duration", Message: fmt.Sprintf("this upstream makes 4 seconds of %d with the model %s", r.Duration, m.ID)}
	case replaces && r.Ratio == replacedRatio:
		return &upstream.InvalidError{Field: "ratio", Message: fmt.Sprintf("this upstream makes 4:3 of %s with the model %s", r.Ratio, m.ID)}
	}
	return nil
}

func unknownModel(r *upstream.Request) error {
	return refused(&upstream.InvalidError{
		Field: "model", Message: fmt.Sprintf("%q is no %s model of this upstream", r.Model, r.Kind),
	})
}

// refused is a request that was not sent because it could not be served.
func refused(err error) *upstream.Error {
	return &upstream.Error{Kind: upstream.BadInput, NotAccepted: true, Message: err.Error(), Err: err}
}

// pay sends the request that may cost money. Its errors say whether all of it
// was sent: then nobody knows what the server made of it.
func (d *Driver) pay(ctx context.Context, s upstream.Session, p *plan) (*exchange, error) {
	if ctx.Err() != nil {
		return nil, gaveUp(ctx)
	}
	b, err := newBody(ctx, p)
	if err != nil {
		return nil, &upstream.Error{Kind: upstream.Unknown, NotAccepted: true, Message: "the request could not be written", Err: err}
	}
	x, written, err := d.exchange(ctx, d.submits, http.MethodPost, p.path, s.Secret, b.Reader, b.contentType)
	failure := b.finish(ctx)
	switch {
	case err == nil:
		return x, nil
	case failure != nil && !written:
		return nil, &upstream.Error{
			Kind: upstream.FileTransfer, NotAccepted: true,
			Message: "a material could not be read, so nothing was sent", Err: failure,
		}
	case ctx.Err() != nil && !written:
		return nil, gaveUp(ctx)
	case ctx.Err() != nil:
		return nil, &upstream.Error{
			Kind: upstream.InDoubt, Message: "the submit was given up before the upstream answered", Err: errors.Join(context.Cause(ctx), err),
		}
	case !written:
		d.detector.doubt()
		return nil, &upstream.Error{
			Kind: upstream.Network, NotAccepted: true, Unreachable: true,
			Message: "the upstream could not be reached: " + reason(err), Err: err,
		}
	default:
		d.detector.doubt()
		return nil, &upstream.Error{
			Kind: upstream.InDoubt, Unreachable: true,
			Message: "the upstream took the submit and did not answer: " + reason(err), Err: err,
		}
	}
}

// The servers wait this long between their own submit and their first poll.
const (
	firstVideoPoll = 5 * time.Second
	firstImagePoll = time.Second
)

// settle takes back the certainty of a blocking call that failed late. Its
// error may come from a poll of work that is already paid for: a login that
// expires then looks just like one that had expired before. Only credits and
// uploads are surely asked for before the submit, and some texts are those of a
// generation that was made and refused.
func settle(e *upstream.Error, kind upstream.MediaKind, took time.Duration) {
	switch e.Kind {
	case upstream.Quota, upstream.DailyLimit, upstream.FileTransfer:
		return
	}
	first := firstVideoPoll
	if kind == upstream.Image {
		first = firstImagePoll
	}
	generated := e.Code == "-2007" || e.Code == "-2008" || strings.Contains(e.Message, "内容被过滤")
	if generated || took >= first {
		e.NotAccepted = false
	}
}

// isRef is what an id looks like that is one step of a path: polling for "..", the
// gateway would ask something else.
var isRef = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9_-]{1,%d}$`, maxRef))

// accepted reads the answer of fork's submit.
func accepted(data json.RawMessage) (upstream.Submission, error) {
	var got struct {
		ID scalar `json:"history_record_id"`
	}
	if err := json.Unmarshal(data, &got); err != nil || !isRef.MatchString(string(got.ID)) {
		return upstream.Submission{}, &upstream.Error{
			Kind: upstream.InDoubt, Message: "the upstream took the submit without telling an id", Err: err,
		}
	}
	return upstream.Submission{Ref: string(got.ID)}, nil
}

// finished reads the answer of a blocking call.
func finished(kind upstream.MediaKind, data json.RawMessage) (upstream.Submission, error) {
	var items [maxResults]struct { // what goes beyond is not even read
		URL string `json:"url"`
	}
	if err := json.Unmarshal(data, &items); err != nil {
		return upstream.Submission{}, &upstream.Error{
			Kind: upstream.InDoubt, Unreachable: true, Message: "the upstream's results cannot be understood", Err: err,
		}
	}
	var results []upstream.Result
	for _, item := range items {
		if isAddress(item.URL) && len(results) < maxResults {
			results = append(results, upstream.Result{Kind: kind, URL: item.URL})
		}
	}
	if len(results) == 0 {
		return upstream.Submission{}, &upstream.Error{
			Kind: upstream.GenerationFailed, Message: "the upstream finished without a result",
		}
	}
	return upstream.Submission{Progress: upstream.Progress{State: upstream.Succeeded, Results: results}}, nil
}

func filled(data json.RawMessage) bool { return len(data) > 0 && string(data) != "null" }
