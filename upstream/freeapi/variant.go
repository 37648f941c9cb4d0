package freeapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// variant is one of the three servers of the family.
type variant string

const (
	unknown variant = ""
	stock   variant = "stock" // wwwzhouhui/jimeng-free-api-all: one blocking call per task
	fork    variant = "fork"  // stock and, for Seedance, submit and status
	iptag   variant = "iptag" // iptag/jimeng-api: a rewrite with regions; blocking calls
)

// variantLifetime is how long a detected variant is believed without asking
// again. Replacing one container by another is noticed earlier, because the
// server was unreachable in between or answers that it does not know the route.
const variantLifetime = 10 * time.Minute

// detectPath exists on fork only, which refuses the request for its missing
// Authorization header before it does anything. The other two answer with the
// text of their unknown routes.
const detectPath = "/v1/videos/0/status"

// Texts of unknown routes, from the source of the servers.
const (
	stockUnknownRoute = "正确请求为"
	iptagUnknownRoute = "请检查API文档"
)

func isUnknownRoute(message string) bool {
	return strings.Contains(message, stockUnknownRoute) || strings.Contains(message, iptagUnknownRoute)
}

// detector remembers the variant and lets one caller at a time ask for it.
type detector struct {
	flight singleflight.Group

	mu         sync.Mutex
	current    variant
	validUntil time.Time
}

// last returns the variant that was detected last, however long ago.
func (t *detector) last() variant {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current
}

func (t *detector) valid() (variant, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current, t.current != unknown && time.Now().Before(t.validUntil)
}

// doubt makes the next caller ask again.
func (t *detector) doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.validUntil = time.Time{}
}

// learn reports whether v is news.
func (t *detector) learn(v variant) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	news := t.current != v
	t.current, t.validUntil = v, time.Now().Add(variantLifetime)
	return news
}

// variant returns which server answers at the address. Callers that come while
// somebody asks already share that answer.
func (d *Driver) variant(ctx context.Context) (variant, error) {
	if v, ok := d.detector.valid(); ok {
		return v, nil
	}
	// The question belongs to all callers, so it does not end with the first.
	asked := d.detector.flight.DoChan("", func() (any, error) {
		if v, ok := d.detector.valid(); ok {
			return v, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		return d.detect(ctx)
	})
	select {
	case <-ctx.Done():
		return unknown, gaveUp(ctx)
	case answer := <-asked:
		if answer.Err != nil {
			return unknown, answer.Err
		}
		return answer.Val.(variant), nil
	}
}

func (d *Driver) detect(ctx context.Context) (variant, error) {
	x, err := d.read(ctx, d.reads, http.MethodGet, detectPath, "", nil)
	if err != nil {
		e := asError(err)
		e.NotAccepted = true
		return unknown, e
	}
	if x.status == http.StatusTooManyRequests {
		return unknown, rateLimited(x)
	}
	v := unknown
	if e, ok := parseEnvelope(x.body); ok {
		switch {
		case strings.Contains(e.message, stockUnknownRoute):
			v = stock
		case strings.Contains(e.message, iptagUnknownRoute):
			v = iptag
		case e.code == "-2000" && strings.Contains(strings.ToLower(e.message), "authorization"):
			v = fork
		}
	}
	if v == unknown {
		return unknown, &upstream.Error{
			Kind: upstream.Network, NotAccepted: true, Unreachable: true,
			Message: fmt.Sprintf("the server at the upstream's address is not of the jimeng-free-api family (HTTP %d)", x.status),
		}
	}
	if d.detector.learn(v) {
		d.log.Info("upstream detected", zap.String("variant", string(v)), zap.String("url", d.base.Redacted()))
	}
	return v, nil
}
