package logs

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/health"
)

// offsetMost is how far clocks may differ before people should know.
const offsetMost = 3 * time.Second

// Health is how the Docker side is.
func (d *Docker) Health() health.Component {
	h := health.Component{Name: "docker", State: health.Off}
	following := d.following()
	if len(following) == 0 {
		return h
	}
	c, p, since, _ := d.daemon.state()
	h.Since = since
	switch {
	case p != nil:
		h.State, h.Reason, h.Advice = health.Down, p.reason, p.advice
		return h
	case c == nil:
		h.State, h.Reason = health.Degraded, "Docker has not answered yet."
		return h
	}
	h.State = health.OK
	var reasons []string
	for _, f := range following {
		if fault, since := f.fault(); fault != nil {
			if h.State == health.OK || since.Before(h.Since) {
				h.Since = since
			}
			h.State = health.Degraded
			reasons = append(reasons, fault.reason)
			h.Advice = fault.advice
		}
	}
	if offset := d.Offset(); math.Abs(float64(offset)) > float64(offsetMost) {
		way := "ahead of"
		if offset < 0 {
			way, offset = "behind", -offset
		}
		h.State = health.Degraded
		reasons = append(reasons, fmt.Sprintf("Docker's clock is %s %s the gateway's.", offset.Round(100*time.Millisecond), way))
		if h.Advice == "" {
			h.Advice = "Set both clocks by NTP: the lines of a task are found by their times."
		}
	}
	h.Reason = strings.Join(reasons, " ")
	return h
}
