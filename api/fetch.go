package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"code.dny.dev/ssrf"
	"golang.org/x/net/idna"

	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

const (
	maxURL = 8192 // bytes; signed links of object stores are long
	// resolveTimeout bounds the look-up of a host, while the client waits.
	resolveTimeout = 2 * time.Second
	// fetchTimeout bounds the fetching of one file, while the client waits.
	fetchTimeout = 2 * time.Minute
	maxRedirects = 5
	// maxFetches is how many files the process fetches at once.
	maxFetches = 16
	// hostTTL is how long a host counts as public without another look-up.
	hostTTL = 30 * time.Second
)

// fetcher dials the addresses that clients name, and only those that are open to
// everybody: a client must not reach through the gateway what it cannot reach
// itself.
type fetcher struct {
	guard  *ssrf.Guardian // nil if private addresses are allowed
	client *http.Client
	room   chan struct{}

	mu    sync.Mutex
	hosts map[string]time.Time // until when a host counts as public
}

func newFetcher(private bool) *fetcher {
	f := &fetcher{room: make(chan struct{}, maxFetches), hosts: map[string]time.Time{}}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !private {
		f.guard = ssrf.New(ssrf.WithAnyPort())
		dialer.Control = f.guard.Safe // sees the address that is dialled, so a name that changes its address does not help
	}
	f.client = &http.Client{
		Transport: &http.Transport{
			DialContext:           dialer.DialContext, // and no proxy, which would dial in our place
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
			DisableKeepAlives:     true, // one file and done
			DisableCompression:    true, // a small answer must not become a large file
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errRedirects
			}
			_, err := checkURL("", r.URL.String())
			return err
		},
	}
	return f
}

// known reports whether the host was found to be public a moment ago.
func (f *fetcher) known(host string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.hosts[host])
}

func (f *fetcher) remember(host string) {
	const most = 10_000
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.hosts) >= most {
		clear(f.hosts)
	}
	f.hosts[host] = time.Now().Add(hostTTL)
}

var errRedirects = errors.New("too many redirects")

// urlMaterial is a material that is somewhere else.
func urlMaterial(field, address string) (store.Material, error) {
	u, err := checkURL(field, address)
	if err != nil {
		return store.Material{}, err
	}
	return store.Material{Kind: string(kindByExtension(u.Path)), URL: address}, nil
}

// checkURL refuses what is no plain address of a file.
func checkURL(field, address string) (*url.URL, error) {
	if len(address) > maxURL {
		return nil, invalid(field, "has a URL of %d bytes, at most %d are possible", len(address), maxURL)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsFunc(address, notInURL) {
		return nil, invalid(field, "must be an http or https URL, a data URI, or the id of a material")
	}
	if u.User != nil { // it would be stored and shown in clear
		return nil, invalid(field, "must not contain a user name or password in a URL")
	}
	return u, nil
}

// notInURL also has the backslash, which some programs take for a slash and then
// see another host.
func notInURL(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' || r == utf8.RuneError }

// kindByExtension follows the upstream, which takes anything unknown for an
// image.
func kindByExtension(name string) upstream.MediaKind {
	switch strings.ToLower(path.Ext(name)) {
	case ".mp4", ".mov", ".m4v":
		return upstream.Video
	case ".mp3", ".wav":
		return upstream.Audio
	default:
		return upstream.Image
	}
}

// resolve decides about the materials that are URLs: fetched here where that is
// configured, or where there are files beside them, because the upstream takes
// only one of both; otherwise passed on.
func (c *create) resolve(ctx context.Context, all []input) error {
	stored := 0
	for i := range all {
		if all[i].url == "" {
			stored++
		}
	}
	for i := range all {
		in := &all[i]
		switch {
		case in.url == "":
		case c.api.Materials.Fetch || stored > 0:
			file, err := c.intake.fetch(ctx, in.field, in.url)
			if err != nil {
				return err
			}
			in.file, c.task.Materials[i] = file, file.Material
		default:
			if err := c.api.fetcher.public(ctx, in.field, in.url); err != nil {
				return err
			}
		}
	}
	return nil
}

// public refuses an address that the upstream must not fetch for a client: one in
// a private network. A name without an address is refused, too: the upstream may
// know one, and then it is private, or it does not, and then some of them charge
// for a video without the material.
func (f *fetcher) public(ctx context.Context, field, address string) error {
	if f.guard == nil {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return invalid(field, "must be an http or https URL")
	}
	// As a browser would read it: ①②⑦.⓪.⓪.① is an address, too.
	host, err := idna.Lookup.ToASCII(u.Hostname())
	if err != nil {
		host = u.Hostname()
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return f.refuse(field, ip)
	}
	if f.known(host) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if e, ok := asError[*net.DNSError](err); ok && !e.IsNotFound {
		return &apiError{status: http.StatusServiceUnavailable, code: "host_unresolved", field: field, retryAfter: unavailableFor,
			message: fmt.Sprintf("the host %s could not be looked up for the moment, try again", short(host))}
	}
	if err != nil || len(addresses) == 0 {
		return invalid(field, "the host %s does not exist", short(host))
	}
	for _, ip := range addresses {
		if err := f.refuse(field, ip.Unmap()); err != nil {
			return err
		}
	}
	f.remember(host)
	return nil
}

func (f *fetcher) refuse(field string, ip netip.Addr) error {
	if err := f.guard.SafeAddr(ip.WithZone("")); err != nil {
		return errPrivate(field)
	}
	return nil
}

func errPrivate(field string) *apiError {
	return invalid(field, "must be an address that everybody can reach, not one in a private network")
}

// fetch stores the file at the address like an upload.
func (in *intake) fetch(ctx context.Context, field, address string) (*staged, error) {
	f := in.api.fetcher
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	select {
	case f.room <- struct{}{}:
		defer func() { <-f.room }()
	case <-ctx.Done():
		return nil, fetchFailed(field, ctx.Err())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, invalid(field, "must be an http or https URL")
	}
	r.Header.Set("User-Agent", "jimeng-gateway")
	r.Header.Set("Accept", "image/*, video/*, audio/*")
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, fetchFailed(field, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, notFetched(field, fmt.Sprintf("its server answers %d", answer.StatusCode))
	}
	// What the server calls it does not matter: nobody chose that.
	file, err := in.stage(ctx, field, "", fetchReader{field, answer.Body})
	if err != nil {
		return nil, err
	}
	file.Name = fileName(answer.Request.URL.Path)
	return file, nil
}

// fetchReader reads what the server sends; its errors are for the client.
type fetchReader struct {
	field string
	r     io.Reader
}

func (f fetchReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		err = fetchFailed(f.field, err)
	}
	return n, err
}

// fetchFailed says why a file could not be fetched, and nothing about the network
// of the gateway.
func fetchFailed(field string, err error) error {
	if errors.Is(err, ssrf.ErrProhibitedIP) {
		return errPrivate(field)
	}
	e, isDNS := asError[*net.DNSError](err)
	switch {
	case isDNS && e.IsNotFound:
		return notFetched(field, "its host does not exist")
	case errors.Is(err, context.DeadlineExceeded):
		return notFetched(field, "it took too long")
	case errors.Is(err, errRedirects):
		return notFetched(field, "it redirects too often")
	}
	return notFetched(field, "its server cannot be reached or breaks off")
}

func notFetched(field, reason string) *apiError {
	return &apiError{status: http.StatusBadRequest, code: "fetch_failed", field: field, message: "could not be fetched: " + reason}
}
