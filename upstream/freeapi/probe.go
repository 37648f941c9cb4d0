package freeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Ping implements [upstream.Pinger]. It also finds out which variant answers, so
// that Models is exact from then on.
func (d *Driver) Ping(ctx context.Context) error {
	x, err := d.read(ctx, d.reads, http.MethodGet, "/ping", "", nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(bytes.TrimSpace(x.body), []byte("pong")) {
		return &upstream.Error{Kind: upstream.Network, Unreachable: true, Message: "the answer to a ping is not that of a jimeng-free-api server"}
	}
	_, err = d.variant(ctx)
	return err
}

// Probe asks for the session's credits and, on stock and fork, first whether its
// login is alive. iptag's own check may call a live login dead and is not asked.
// Jimeng does not tell when credits expire.
func (d *Driver) Probe(ctx context.Context, s upstream.Session) (upstream.Probe, error) {
	if err := checkSecret(s.Secret); err != nil {
		return upstream.Probe{}, err
	}
	v, err := d.variant(ctx)
	if err != nil {
		return upstream.Probe{}, err
	}
	if v != iptag {
		live, err := d.checkLive(ctx, s)
		if err != nil {
			return verdict(err)
		}
		if !live {
			return upstream.Probe{Verdict: upstream.Auth, Message: "the upstream says that the login is not live"}, nil
		}
	}
	x, err := d.readProbe(ctx, "/token/points", s.Secret, nil)
	if err != nil {
		return upstream.Probe{}, err
	}
	credits, err := parsePoints(x, s.Secret)
	if err != nil {
		return verdict(err)
	}
	p := upstream.Probe{Credits: &credits}
	if credits <= 0 {
		p.Verdict, p.Message = upstream.Quota, "the account has no credits"
	}
	return p, nil
}

// readProbe is read for the probe's calls: POST, and 429 is an error. Their
// answers hold the token. On a connection that is kept, net/http logs what comes
// after the announced length, so they get connections of their own.
func (d *Driver) readProbe(ctx context.Context, path, secret string, body []byte) (*exchange, error) {
	x, err := d.read(ctx, d.submits, http.MethodPost, path, secret, body)
	if err == nil && x.status == http.StatusTooManyRequests {
		return nil, rateLimited(x)
	}
	return x, err
}

// checkLive asks /token/check, which wants the token in the body. An expired
// login is answered with a failure rather than with live false.
func (d *Driver) checkLive(ctx context.Context, s upstream.Session) (bool, error) {
	body, err := json.Marshal(map[string]string{"token": s.Secret})
	if err != nil {
		return false, &upstream.Error{Kind: upstream.Unknown, Message: "the probe could not be written", Err: err}
	}
	x, err := d.readProbe(ctx, "/token/check", "", body)
	if err != nil {
		return false, err
	}
	e, ok := parseEnvelope(x.body)
	if ok && e.failed() {
		return false, e.fault(s.Secret)
	}
	var answer struct {
		Live *bool `json:"live"`
	}
	if !ok || json.Unmarshal(x.body, &answer) != nil || answer.Live == nil {
		return false, notUnderstood(x)
	}
	return *answer.Live, nil
}

// parsePoints reads the bare array of /token/points, in which every item holds a
// whole token: nothing of it may be logged.
func parsePoints(x *exchange, secret string) (int64, error) {
	if e, ok := parseEnvelope(x.body); ok && e.failed() {
		return 0, e.fault(secret)
	}
	var items []struct {
		Points struct {
			Total scalar `json:"totalCredit"`
		} `json:"points"`
	}
	if !bytes.HasPrefix(bytes.TrimSpace(x.body), []byte("[")) || json.Unmarshal(x.body, &items) != nil || len(items) != 1 {
		return 0, notUnderstood(x)
	}
	total := json.Number(items[0].Points.Total)
	n, err := total.Float64()
	if err != nil || !(n >= -1e15 && n <= 1e15) { // NaN is neither above nor below
		return 0, notUnderstood(x)
	}
	return int64(n), nil
}

func notUnderstood(x *exchange) *upstream.Error {
	return &upstream.Error{
		Kind: upstream.Network, Unreachable: true,
		Message: fmt.Sprintf("the upstream's answer to the probe cannot be understood (HTTP %d)", x.status),
	}
}

// verdict turns a fault of the session itself into the probe's result. Any other
// fault says nothing about the session.
func verdict(err error) (upstream.Probe, error) {
	e := asError(err)
	switch e.Kind {
	case upstream.Auth, upstream.AccountBlocked, upstream.Quota, upstream.DailyLimit:
		return upstream.Probe{Verdict: e.Kind, Message: e.Message}, nil
	}
	return upstream.Probe{}, e
}
