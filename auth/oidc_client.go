package auth

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// maxProviderAnswer bounds what is read of an answer of the provider, in bytes.
	maxProviderAnswer = 1 << 20
	// keysTTL is how long the provider's keys are not asked for again. A token with
	// a key that is not known makes the library ask, and whoever can reach the
	// gateway can send such tokens.
	keysTTL = time.Second
)

// newProviderClient returns a client whose calls end in time, whatever the
// provider does. It keeps no connections, so that there is nothing to close.
func newProviderClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	transport.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{Timeout: providerTimeout, CheckRedirect: checkRedirect,
		Transport: &providerTransport{next: transport, keys: map[string]*keysAnswer{}}}
}

// checkRedirect lets a question be asked elsewhere, but sends no secret there, and
// asks nothing where others could listen.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if via[0].Method != http.MethodGet || via[0].Header.Get("Authorization") != "" || len(via) > 5 {
		return http.ErrUseLastResponse
	}
	return secureURL(r.URL)
}

// maxKeyAnswers bounds the memory for a provider whose keys move about.
const maxKeyAnswers = 8

type providerTransport struct {
	next http.RoundTripper

	mu   sync.Mutex
	keys map[string]*keysAnswer // by address; a provider has one or two
}

// keysAnswer is a set of keys as it came.
type keysAnswer struct {
	until    time.Time
	response http.Response
	body     []byte
}

var errTooMuch = errors.New("the answer is too long")

// RoundTrip implements [http.RoundTripper].
func (t *providerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	// The library asks for nothing else without saying what it accepts or who asks.
	isKeys := r.Method == http.MethodGet && r.Header.Get("Authorization") == "" && !strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration")
	address := r.URL.String()
	if isKeys {
		t.mu.Lock()
		known := t.keys[address]
		t.mu.Unlock()
		if known != nil && time.Now().Before(known.until) {
			return known.answer(r), nil
		}
	}
	res, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxProviderAnswer+1))
	err = errors.Join(err, res.Body.Close())
	if err == nil && len(body) > maxProviderAnswer {
		err = errTooMuch
	}
	if err != nil {
		return nil, err
	}
	fresh := &keysAnswer{until: time.Now().Add(keysTTL), response: *res, body: body}
	if isKeys && res.StatusCode == http.StatusOK {
		t.mu.Lock()
		if len(t.keys) >= maxKeyAnswers {
			clear(t.keys)
		}
		t.keys[address] = fresh
		t.mu.Unlock()
	}
	return fresh.answer(r), nil
}

func (k *keysAnswer) answer(r *http.Request) *http.Response {
	res := k.response
	res.Request, res.Header = r, res.Header.Clone()
	res.Body = io.NopCloser(bytes.NewReader(k.body))
	return &res
}

// Interface guard
var _ http.RoundTripper = (*providerTransport)(nil)
