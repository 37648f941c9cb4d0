package simulator

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// script is what a request asks the simulator to do with it.
type script struct {
	plan       *plan // nil for none
	delay      time.Duration
	queueIndex int
	queueTotal int // 0 for no queue
	states     bool
	lag        int
	file       fileFault
}

var directive = regexp.MustCompile(`\[\[([a-z]+)(?::([^\]]*))?\]\]`)

// script reads the directives of the prompt and the headers. A directive that
// nobody understands is an error: a test that misspells one must not pass.
func (s *Server) script(h http.Header, prompt string) (*script, error) {
	sc := &script{delay: s.delay}
	for _, m := range directive.FindAllStringSubmatch(prompt, -1) {
		if err := sc.apply(m[1], m[2]); err != nil {
			return nil, err
		}
	}
	for header, name := range map[string]string{"X-Simulator-Fault": "fault", "X-Simulator-Delay": "delay"} {
		if value := h.Get(header); value != "" {
			if err := sc.apply(name, value); err != nil {
				return nil, err
			}
		}
	}
	return sc, nil
}

func (sc *script) apply(name, value string) (err error) {
	switch name {
	case "fault":
		sc.plan, err = parsePlan(value)
	case "delay":
		sc.delay, err = time.ParseDuration(value)
		if err != nil || sc.delay < 0 || sc.delay > maxDelay {
			err = fmt.Errorf("simulator: delay %q is not a duration up to %s", value, maxDelay)
		}
	case "queue":
		index, total, ok := strings.Cut(value, "/")
		var err1, err2 error
		sc.queueIndex, err1 = strconv.Atoi(index)
		sc.queueTotal, err2 = strconv.Atoi(total)
		if !ok || err1 != nil || err2 != nil || sc.queueIndex < 0 || sc.queueIndex > 9999 || sc.queueTotal < 1 || sc.queueTotal > 9999 {
			err = fmt.Errorf("simulator: queue %q is not like 37/812, both below 10000", value)
		}
	case "states":
		sc.states = true
	case "lag":
		sc.lag, err = strconv.Atoi(value)
		if err != nil || sc.lag < 0 || sc.lag > 4 {
			err = fmt.Errorf("simulator: lag %q is not a number of reads from 0 to 4", value)
		}
	case "file":
		sc.file, err = parseFileFault(value)
	default:
		err = fmt.Errorf("simulator: unknown directive %q, allowed: fault, delay, queue, states, lag, file", name)
	}
	return err
}

// parsePlan reads NAME[@submit|@generation[:number|:string|:key|:empty]].
func parsePlan(text string) (*plan, error) {
	name, rest, phased := strings.Cut(text, "@")
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
	if i < 0 {
		return nil, fmt.Errorf("simulator: unknown fault %q, see the table in faults.go", name)
	}
	p := &plan{fault: &faults[i], generation: faults[i].late}
	if !phased {
		return p, nil
	}
	phase, shape, shaped := strings.Cut(rest, ":")
	switch phase {
	case "submit":
		p.generation = false
	case "generation":
		p.generation = true
	default:
		return nil, fmt.Errorf("simulator: unknown phase %q of a fault, allowed: submit, generation", phase)
	}
	if shaped {
		n := slices.Index(formNames, shape)
		if n < 0 {
			return nil, fmt.Errorf("simulator: unknown form %q of a fail code, allowed: %s", shape, strings.Join(formNames, ", "))
		}
		p.form = form(n)
	}
	return p, nil
}

// mustPlan is parsePlan for the names in this package.
func mustPlan(text string) *plan {
	p, err := parsePlan(text)
	if err != nil {
		panic(err)
	}
	return p
}
