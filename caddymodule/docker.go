package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

// Containers is the names of containers; one that has placeholders may stand for
// several, with commas or spaces between. A single one may be a bare string in JSON.
type Containers []string

// UnmarshalJSON accepts a string or an array of strings.
func (c *Containers) UnmarshalJSON(b []byte) error {
	var one string
	if err := json.Unmarshal(b, &one); err == nil {
		*c = nil
		if one != "" {
			*c = Containers{one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(c))
}

// MarshalJSON writes a single name as a string.
func (c Containers) MarshalJSON() ([]byte, error) {
	if len(c) == 1 {
		return json.Marshal(c[0])
	}
	return json.Marshal([]string(c))
}

// containersMost bounds what is followed: each log takes its memory.
const containersMost = 16

// containerName is what Docker allows. Nothing in it means anything to a shell or in
// a path.
var containerName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// resolveDocker reads what says which logs of Docker's are followed.
func (c *Config) resolveDocker(faults *[]error, s *settings) {
	for _, text := range c.Container {
		var names []string
		set(faults, &names, "container", text, nil, parseContainers)
		for _, name := range names {
			if !slices.Contains(s.containers, name) {
				s.containers = append(s.containers, name)
			}
		}
	}
	if len(s.containers) > containersMost {
		*faults = append(*faults, fmt.Errorf("container: %d are too many; allowed are %d", len(s.containers), containersMost))
	}
	parse := parseDockerHost
	if len(s.containers) == 0 {
		parse = verbatim // DOCKER_HOST may be set for somebody else
	}
	set(faults, &s.dockerHost, "docker_host", c.DockerHost, "", parse)
	set(faults, &s.containerRestart, "container_restart", string(c.ContainerRestart), false, parseSwitch)
}

func parseContainers(text string) ([]string, error) {
	names := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	for _, name := range names {
		if !containerName.MatchString(name) {
			return nil, fmt.Errorf("%q is not the name of a container; allowed are letters, digits, '_', '.' and '-', two at least and a letter or digit first", name)
		}
	}
	return names, nil
}

func parseDockerHost(text string) (string, error) { return text, logs.CheckHost(text) }

func readContainers(c *Config, args []string) error {
	if len(args) == 0 {
		return errArguments
	}
	for _, arg := range args {
		if err := check(parseContainers)(arg); err != nil {
			return err
		}
	}
	c.Container = args
	return nil
}

// checkDocker refuses what cannot change in a running engine.
func (e *engine) checkDocker(s *settings) error {
	if s.dockerHost != e.dockerHost {
		return errors.New("docker_host cannot change in a running gateway; restart it")
	}
	return nil
}

// firstContainer is the one that the health endpoint names, "" if there is none.
func (s *settings) firstContainer() string {
	if len(s.containers) == 0 {
		return ""
	}
	return s.containers[0]
}
