package freeapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// says is a server that gives one answer to everything.
type says struct {
	status     int
	retryAfter string
	body       []byte
}

func (s *says) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	return &http.Response{StatusCode: s.status, Header: http.Header{"Retry-After": {s.retryAfter}}, Body: io.NopCloser(bytes.NewReader(s.body)), Request: r}, nil
}

const fuzzSecret = "0123456789abcdef0123456789abcdef"

// storable fails unless a text of the upstream is fit to be stored and shown.
func storable(t *testing.T, what, text string, most int) {
	t.Helper()
	if len(text) > most || !utf8.ValidString(text) || strings.Contains(text, fuzzSecret[:8]) {
		t.Errorf("%s is %q", what, text)
	}
}

var kinds = []upstream.Kind{upstream.ContentRisk, upstream.AccountBlocked, upstream.RiskControl, upstream.Auth, upstream.Quota, upstream.RateLimited,
	upstream.BadInput, upstream.FileTransfer, upstream.Timeout, upstream.Network, upstream.GenerationFailed, upstream.InDoubt, upstream.Unknown}

// isFault fails unless the error is one that the queue can act on.
func isFault(t *testing.T, err error) *upstream.Error {
	t.Helper()
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	if !slices.Contains(kinds, e.Kind) || e.RetryAfter < 0 || e.RetryAfter > time.Hour {
		t.Errorf("%+v", e)
	}
	storable(t, "the message", e.Message, maxMessage+8)
	storable(t, "the code", e.Code, maxMessage+8)
	return e
}

// checkProgress fails for what neither the database nor a client could bear.
func checkProgress(t *testing.T, p upstream.Progress) {
	t.Helper()
	if (p.State == upstream.Succeeded) != (len(p.Results) > 0) || (p.State == upstream.Failed) != (p.Failure != nil) || len(p.Results) > maxResults {
		t.Errorf("%+v", p)
	}
	for _, r := range p.Results {
		if u, err := url.Parse(r.URL); err != nil || len(r.URL) > maxURL || !utf8.ValidString(r.URL) || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			t.Errorf("a result's address is %q", r.URL)
		}
	}
	if p.PollAfter != 0 && (p.PollAfter < minPollAfter || p.PollAfter > maxPollAfter) {
		t.Errorf("poll after %s", p.PollAfter)
	}
	for _, n := range []*int{p.QueuePosition, p.QueueTotal} {
		if n != nil && *n < 0 {
			t.Errorf("%+v", p)
		}
	}
	storable(t, "the time that is left", p.QueueETA, maxETA+8)
	if p.Failure != nil {
		if isFault(t, p.Failure); p.Failure.NotAccepted {
			t.Errorf("%+v", p.Failure)
		}
	}
}

// Whatever a server answers to a submit, a poll or a probe, nothing of it breaks
// what comes after, and nothing is taken for a refusal that may have been paid.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		`{"code":0,"message":"OK","data":{"history_record_id":"8918159809292","status":"submitted"}}`, `{"created":1,"data":[{"url":"https://a.example/1.mp4"}]}`,
		`{"code":0,"data":{"status":50,"video_url":"https://a.example/1.mp4","queue_eta":"3 min"}}`, `[{"token":"t","points":{"totalCredit":66}}]`, `[{"points":{"totalCredit":"NaN"}}]`,
		`{"live":true}`, `{"code":-2001,"message":"[请求jimeng失败]: login error","data":null}`, `<html>502</html>`, `{"code":0,"data":{"history_record_id":"..","status":20}}`,
		`{"data":[{"url":"javascript:x"},{"url":"https://a.example/1.png"}]}`, `{"code":0,"data":{"status":"20","queue_eta":"` + fuzzSecret + `"}}`, `{"code":-1000,"message":"[请求有误]: 正确请求为 POST -> /v1/x"}`, `pong`,
	} {
		for v := range uint8(3) {
			f.Add(v, uint16(200), "7", []byte(body))
		}
	}
	f.Add(uint8(0), uint16(429), "Mon, 02 Jan 2106 15:04:05 GMT", []byte("{}"))
	f.Fuzz(func(t *testing.T, which uint8, status uint16, retryAfter string, body []byte) {
		d, err := New(Config{URL: "http://upstream.example"})
		if err != nil {
			t.Fatal(err)
		}
		answer := &http.Client{Transport: &says{100 + int(status)%500, retryAfter, body}, CheckRedirect: noRedirect}
		d.reads, d.submits = answer, answer
		v := []variant{fork, stock, iptag}[which%3]
		s := upstream.Session{ID: "s", Secret: fuzzSecret}
		for _, r := range []*upstream.Request{
			{Kind: upstream.Video, Model: "jimeng-video-3.0", Prompt: "x", Duration: 5},
			{Kind: upstream.Video, Model: seedance, Prompt: "x", Duration: 4, Ratio: "9:16", Materials: []upstream.Material{link(upstream.Image, "https://a.example/1.png")}},
			{Kind: upstream.Image, Model: "jimeng-4.0", Prompt: "x"},
		} {
			d.detector.learn(v)
			got, err := d.Submit(context.Background(), s, r)
			if err != nil {
				e := isFault(t, err)
				parsed, ok := parseEnvelope(body)
				refused := ok && parsed.failed()
				switch answer.Transport.(*says).status {
				case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
					refused = true
				}
				if e.NotAccepted && !refused {
					t.Errorf("%q is no refusal: %+v", body, e)
				}
				continue
			}
			storable(t, "the id", got.Ref, maxRef)
			if got.Ref == "" && got.State == upstream.Running || got.Ref != "" && strings.Trim(got.Ref, ".") == "" {
				t.Errorf("accepted without an id: %+v", got)
			}
			checkProgress(t, got.Progress)
		}
		if p, err := d.Poll(context.Background(), s, "8918159809292"); err != nil {
			if e := isFault(t, err); e.NotAccepted {
				t.Errorf("a poll has nothing to accept: %+v", e)
			}
		} else {
			checkProgress(t, p)
		}
		d.detector.learn(v)
		if p, err := d.Probe(context.Background(), s); err != nil {
			isFault(t, err)
		} else {
			storable(t, "the message", p.Message, maxMessage+8)
			if p.Credits != nil && (*p.Credits > 1e15 || *p.Credits < -1e15) || p.Credits == nil && p.Verdict == "" {
				t.Errorf("probe: %+v", p)
			}
		}
		d.detector.doubt()
		if err := d.Ping(context.Background()); err != nil {
			isFault(t, err)
		}
	})
}

// What is taken for a secret is one token, and can be sent.
func FuzzSecret(f *testing.F) {
	for _, seed := range []string{"0123456789abcdef", "us-0123456789abcdef", "http://u:p@proxy:8080@sg-x", "a,b", " ", "a\r\nX: y", "\u0085", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		if err := checkSecret(secret); err != nil {
			if e := isFault(t, err); !e.NotAccepted || e.Kind != upstream.Auth || len(secret) > 8 && strings.Contains(e.Message, secret) {
				t.Errorf("%q: %+v", secret, e)
			}
			return
		}
		region(secret)
		// The server would see the header end, or pick one of several.
		if strings.ContainsAny(secret, ",\r\n\x00") {
			t.Errorf("%q passes", secret)
		}
		if got := clean("your token "+secret+" is bad", secret); len(secret) >= secretPiece && !strings.Contains("your token  is bad", secret) && strings.Contains(got, secret) {
			t.Errorf("%q shows itself: %q", secret, got)
		}
	})
}
