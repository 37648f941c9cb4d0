package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/health"
)

// providerCheck is how old an answer of the provider may be that tells how it is.
const providerCheck = time.Minute

// Health tells whether the provider answers. It is asked again if nobody has
// needed it for a minute; when it does not answer, as rarely as by anybody else.
func (o *OIDC) Health(ctx context.Context) []health.Component {
	c := health.Component{Name: "sign_in", State: health.OK}
	o.mu.Lock()
	old := (o.found == nil || time.Since(o.found.loaded) >= providerCheck) && time.Now().After(o.retry)
	o.mu.Unlock()
	var waited error
	if old {
		_, waited = o.reload(ctx)
	}
	o.mu.Lock()
	found, fault := o.found != nil, o.fault
	o.mu.Unlock()
	if fault == nil && !found {
		fault = waited // it has not answered in time for us
	}
	if fault == nil {
		return []health.Component{c}
	}
	c.State, c.Reason = health.Down, fmt.Sprintf("The sign-in provider does not answer: %s.", brief(fault.Error()))
	c.Advice = "See that the issuer runs and that the gateway reaches it; until then people sign in with an API key."
	if found {
		c.State = health.Degraded // who is signed in stays so for a while
	}
	return []health.Component{c}
}
