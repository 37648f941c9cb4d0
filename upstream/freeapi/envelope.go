package freeapi

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// envelope is the outside of an answer. The HTTP status says nothing: it is 200
// for expired logins, unknown routes and malformed requests alike.
type envelope struct {
	code    string // "" when the answer has none
	message string
	data    json.RawMessage
}

// parseEnvelope reports whether body is a JSON object at all.
func parseEnvelope(body []byte) (envelope, bool) {
	var raw struct {
		Code    scalar          `json:"code"`
		Message scalar          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &raw) != nil {
		return envelope{}, false
	}
	return envelope{string(raw.Code), string(raw.Message), raw.Data}, true
}

// failed reports a failure: successes of blocking calls carry no code, those of
// fork's submit and status carry 0.
func (e envelope) failed() bool {
	if e.code == "" {
		return false
	}
	n, err := strconv.ParseFloat(e.code, 64)
	return err != nil || n != 0
}

// fault turns a failure into a typed error, without the session's secret.
func (e envelope) fault(secret string) *upstream.Error {
	if isUnknownRoute(e.message) {
		return &upstream.Error{
			Kind: upstream.Network, NotAccepted: true, Unreachable: true,
			Code: e.code, Message: clean(e.message, secret),
		}
	}
	kind, notAccepted := classify(append(codesIn(e.message), e.code), e.message)
	return &upstream.Error{
		Kind: kind, NotAccepted: notAccepted, Code: clean(e.code, secret), Message: clean(e.message, secret),
	}
}

// scalar is a JSON string, number or boolean as text; everything else is "".
// The servers give the same field now as one, now as the other.
type scalar string

// UnmarshalJSON never fails on valid JSON.
func (s *scalar) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) == 0 || b[0] == '{' || b[0] == '[' || string(b) == "null":
		*s = ""
	case b[0] == '"':
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		*s = scalar(text)
	default:
		*s = scalar(b)
	}
	return nil
}

// number returns the value as a number of at least 0, if it is one.
func (s scalar) number() (float64, bool) {
	n, err := strconv.ParseFloat(string(s), 64)
	return n, err == nil && n >= 0 && n < 1e12
}

// whole returns the value as a whole number of at least 0, nil if it is none.
func (s scalar) whole() *int {
	n, ok := s.number()
	if !ok {
		return nil
	}
	return new(int(n))
}
