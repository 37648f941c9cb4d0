package logs

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/docker/docker/client"
	"go.opentelemetry.io/otel/trace/noop"
)

// answerMost bounds what is read of any answer but a log.
const answerMost = 4 << 20

// CheckHost reports what is wrong with the address of a Docker engine.
func CheckHost(host string) error {
	u, err := url.Parse(host)
	switch {
	case err == nil && u.Scheme == "unix" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return nil
	case err == nil && u.Scheme == "tcp" && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "":
		return nil
	case strings.HasPrefix(host, "ssh://"):
		return errors.New("ssh:// is not possible; forward the socket with `ssh -L /run/docker-remote.sock:/var/run/docker.sock HOST` and give unix:///run/docker-remote.sock")
	}
	return fmt.Errorf("%q is not possible; allowed: unix:///var/run/docker.sock or tcp://HOST:PORT", host)
}

// engineHost is the address that holds if none is configured.
func engineHost(configured string) string {
	for _, host := range []string{configured, os.Getenv(client.EnvOverrideHost)} {
		if host != "" {
			return host
		}
	}
	return client.DefaultDockerHost
}

// newClient makes a client and connects nowhere yet. TLS and the version of the
// API come from the environment as they do for Docker's own client.
func newClient(host string, clock *clock) (*client.Client, *http.Transport, error) {
	var transport *http.Transport
	// The client reads most answers to their end and takes only a plain transport
	// for its options, so the bound comes last.
	bound := func(c *client.Client) error {
		inner := c.HTTPClient()
		transport = inner.Transport.(*http.Transport)
		inner.Transport = bounded{transport, clock}
		if transport.TLSClientConfig != nil {
			if err := client.WithScheme("https")(c); err != nil {
				return err
			}
		}
		return client.WithHTTPClient(inner)(c)
	}
	c, err := client.NewClientWithOpts(client.WithTLSClientConfigFromEnv(), client.WithVersionFromEnv(), client.WithHost(host),
		client.WithAPIVersionNegotiation(), client.WithTraceProvider(noop.NewTracerProvider()), bound)
	return c, transport, err
}

// bounded reads the clock of whoever answers, and no more than so much of what it says.
type bounded struct {
	next  http.RoundTripper
	clock *clock
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := now()
	answer, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(r.URL.Path, "/_ping") { // not of a log, which may wait for its first line
		b.clock.saw(answer.Header.Get("Date"), sent, now())
	}
	if !strings.HasSuffix(r.URL.Path, "/logs") {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, answerMost), answer.Body}
	}
	return answer, nil
}
