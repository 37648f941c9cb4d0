package caddymodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/jimeng-gateway/jimeng-gateway/api"
)

// tell is what admins may see of the configuration: each option is named here, so
// that a new one with a secret is not shown by itself, and of an address only
// where it leads.
func (s *settings) tell() []api.Setting {
	var list []api.Setting
	add := func(name, value string) { list = append(list, api.Setting{Name: name, Value: value}) }
	add("auth", onOff(s.auth))
	add("admin_token", isSet(s.adminToken))
	add("secret_key", isSet(s.secretKey))
	add("old_secret_key", isSet(s.oldSecretKey))
	if c := s.oidc; c != nil {
		add("oidc issuer", place(c.Issuer))
		add("oidc client_id", c.ClientID)
		add("oidc scopes", orNone(strings.Join(c.Scopes, ", ")))
		add("oidc bearer", onOff(c.BearerAudience != ""))
	} else {
		add("oidc", "off")
	}
	add("public_url", orNone(place(s.publicURL)))
	for _, name := range slices.Sorted(maps.Keys(s.upstreams)) {
		add("upstream "+name, s.upstreams[name])
		add("upstream_concurrency "+name, limit(s.upstreamConcurrency[name]))
	}
	add("concurrency", limit(s.concurrency))
	add("max_failovers", strconv.Itoa(s.maxFailovers))
	add("poll_interval", s.pollInterval.String())
	add("probe_interval", s.probeInterval.String())
	add("start_deadline", s.startDeadline.String())
	add("run_deadline", s.runDeadline.String())
	add("total_deadline", s.deadline.String())
	add("grace_period", s.gracePeriod.String())
	add("default_model", s.defaultModel)
	add("default_image_model", s.defaultImageModel)
	add("models", orNone(strings.Join(slices.Sorted(maps.Keys(s.models)), ", ")))
	add("retention artifacts", keep(s.keepArtifacts))
	add("retention tasks", keep(s.keepTasks))
	add("retention audit", keep(s.keepAudit))
	add("retention budget", size(s.budget))
	add("materials keep", keep(s.keepMaterials))
	add("link_ttl", s.linkTTL.String())
	add("time_zone", s.zone.String())
	add("container", orNone(strings.Join(s.containers, ", ")))
	add("container_restart", onOff(s.containerRestart))
	if len(s.containers) > 0 {
		add("docker_host", orNone(place(s.dockerHost)))
	}
	return list
}

// describeUpstreams names the driver of each upstream and the host that it asks.
func describeUpstreams(raw map[string]json.RawMessage) map[string]string {
	words := map[string]string{}
	for name, module := range raw {
		var m struct {
			Driver string `json:"driver"`
			URL    string `json:"url"`
		}
		_ = json.Unmarshal(module, &m) // a module that is no object is refused when it is loaded
		words[name] = m.Driver
		address, err := expand(m.URL)
		if u, parsed := url.Parse(address); err == nil && parsed == nil && u.Host != "" {
			words[name] = fmt.Sprintf("%s, %s://%s", m.Driver, u.Scheme, u.Host)
		}
	}
	return words
}

// place is an address without user, password and query.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// isSet says of a secret only whether there is one.
func isSet(secret string) string {
	if secret == "" {
		return "none"
	}
	return "set"
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func limit(n int) string {
	if n == 0 {
		return "no limit"
	}
	return strconv.Itoa(n)
}

func keep(span time.Duration) string {
	if span == 0 {
		return "forever"
	}
	return span.String()
}

func size(bytes int64) string {
	if bytes == 0 {
		return "no limit"
	}
	return humanize.IBytes(uint64(bytes))
}
