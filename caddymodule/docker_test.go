package caddymodule

import (
	"slices"
	"strings"
	"testing"
)

// The logs that are followed outlive a reload, and a configuration that is refused.
func TestReloadContainers(t *testing.T) {
	g := newGateway(t)
	options := "docker_host unix://" + g.dir + "/no.sock\ncontainer one two"
	g.mustLoad(options, "")
	e := g.running()
	before, ok := e.docker.Log("one")
	if names := e.docker.Names(); !ok || !slices.Equal(names, []string{"one", "two"}) {
		t.Fatalf("%v", names)
	}
	if err := g.load(g.config(strings.ReplaceAll(options, "no.sock", "other.sock"), "")); err == nil || !strings.Contains(err.Error(), "docker_host cannot change") {
		t.Errorf("another docker_host: %v", err)
	}
	for name, config := range rejected {
		if err := g.load(config(g)); err == nil {
			t.Fatalf("%s: the configuration was accepted", name)
		}
	}
	g.mustLoad(strings.ReplaceAll(options, "two", "three"), "")
	after, _ := e.docker.Log("one")
	if names := e.docker.Names(); before != after || !slices.Equal(names, []string{"one", "three"}) {
		t.Errorf("%v; the same log: %v", names, before == after)
	}
}
