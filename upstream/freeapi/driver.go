// Package freeapi drives the jimeng-free-api family: three Node servers that
// turn a Jimeng web login into an HTTP API. They differ in what they can do and
// are told apart by asking, see [variant]. None of them can cancel a request or
// find one whose answer was lost, so the driver has neither ability.
package freeapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Config is what a driver needs to know.
type Config struct {
	// URL is the address of the server, such as http://127.0.0.1:8000. A path
	// is kept as a prefix. Required.
	URL    string
	Logger *zap.Logger // nil logs nothing
}

// Driver speaks to one server. See [upstream.Driver].
type Driver struct {
	base      *url.URL
	log       *zap.Logger
	reads     *http.Client // polls, pings and detection
	submits   *http.Client // everything that may cost money or answers with a secret
	downloads *http.Client
	detector  detector
}

// New returns a driver. It checks the configuration and does not touch the
// network.
func New(c Config) (*Driver, error) {
	base, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	log := c.Logger
	if log == nil {
		log = zap.NewNop()
	}
	return &Driver{
		base:      base,
		log:       log,
		reads:     newReadClient(),
		submits:   newSubmitClient(),
		downloads: newDownloadClient(),
	}, nil
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return nil, fmt.Errorf("parse upstream url: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("upstream url %q must begin with http:// or https://", u.Redacted())
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("upstream url %q has no host", u.Redacted())
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("upstream url %q must not have a query or fragment", u.Redacted())
	}
	if u.Path == "" {
		u.Path = "/" // JoinPath makes relative paths without it
	}
	return u, nil
}

// Models lists the catalogue of the variant that was detected last, or of all
// variants together as long as none was. The server's own /v1/models is not
// asked: on iptag it is a stale part of what the server runs.
func (d *Driver) Models() []upstream.Model {
	return catalogue(d.detector.last())
}

// Close ends idle connections. Calls in flight go on, and later ones work too:
// after a reload, tasks may still hold the driver of the old configuration.
func (d *Driver) Close() {
	d.reads.CloseIdleConnections()
	d.submits.CloseIdleConnections()
	d.downloads.CloseIdleConnections()
}

// Interface guards
var (
	_ upstream.Driver = (*Driver)(nil)
	_ upstream.Pinger = (*Driver)(nil)
)
