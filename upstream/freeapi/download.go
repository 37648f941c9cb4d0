package freeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// newDownloadClient fetches results, which lie on public servers elsewhere: with
// the environment's proxy, HTTP/2 and redirects.
func newDownloadClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  readTimeout,
		ForceAttemptHTTP2:      true,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		DisableCompression:     true, // sizes and bytes as they are
	}}
}

// Download opens a result. Its URL is signed, so the session is not needed and
// its secret is not sent.
func (d *Driver) Download(ctx context.Context, s upstream.Session, link string) (*upstream.Download, error) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, &upstream.Error{Kind: upstream.Network, Message: "the result has no usable address"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, &upstream.Error{Kind: upstream.Network, Message: "the result has no usable address", Err: err}
	}
	resp, err := d.downloads.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, &upstream.Error{Kind: upstream.Timeout, Message: "the download was given up", Err: context.Cause(ctx)}
		}
		return nil, &upstream.Error{Kind: upstream.Network, Message: "the result could not be fetched: " + reason(err), Err: err}
	}
	contentType := resp.Header.Get("Content-Type")
	if resp.StatusCode != http.StatusOK || mediaType(contentType) == "text/html" {
		resp.Body.Close()
		return nil, &upstream.Error{
			Kind: upstream.Network, RetryAfter: retryAfter(resp.Header), Code: fmt.Sprint(resp.StatusCode),
			Message: strings.TrimSpace(fmt.Sprintf("the result could not be fetched: HTTP %d %s", resp.StatusCode, clean(mediaType(contentType), s.Secret))),
		}
	}
	return &upstream.Download{Body: content{resp.Body}, ContentType: contentType, Size: resp.ContentLength}, nil
}

// content is a result on its way. Clients are told why it broke off, so its
// errors name no address either.
type content struct{ io.ReadCloser }

func (c content) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = errors.New(reason(err))
	}
	return n, err
}
