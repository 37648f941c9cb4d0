package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"
)

// problem is why something with Docker does not work, and what to do.
type problem struct {
	reason string // a sentence
	advice string // a sentence
	about  subject
}

// subject is what has the problem.
type subject int

const (
	aboutDocker    subject = iota // nothing works
	aboutContainer                // it is not there
	aboutLog                      // the container is there, and its log cannot be read
)

func (p *problem) Error() string {
	return strings.TrimSpace(p.reason + " " + p.advice)
}

// errHangs is why a connection to an engine that does not answer was ended.
var errHangs = errors.New("the Docker engine does not answer")

// explain tells what an error of Docker's client means for an operator.
func explain(err error, host, name string) *problem {
	message := err.Error()
	if own, ok := errors.AsType[*problem](err); ok {
		return own
	}
	path := ""
	if u, parsed := url.Parse(host); parsed == nil && u.Scheme == "unix" {
		path = u.Path
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &problem{fmt.Sprintf("The gateway may not use Docker's socket %s.", path),
			"Add the user of the gateway to the group docker and start it anew.", aboutDocker}
	case errors.Is(err, errHangs), errors.Is(err, context.DeadlineExceeded):
		return &problem{fmt.Sprintf("Docker at %s does not answer in time.", host), "Look at the Docker service: systemctl status docker.", aboutDocker}
	case broken(err):
		return &problem{"The connection to Docker broke.", "", aboutDocker}
	case client.IsErrConnectionFailed(err) && path != "" && missing(path):
		return &problem{fmt.Sprintf("There is no Docker socket %s.", path),
			"Start Docker, or set DOCKER_HOST (docker_host in the Caddyfile) to its address; a gateway in a container needs the socket mounted.", aboutDocker}
	case client.IsErrConnectionFailed(err) && path != "":
		return &problem{fmt.Sprintf("Docker does not listen on %s.", path), "Start Docker: systemctl start docker.", aboutDocker}
	case client.IsErrConnectionFailed(err):
		return &problem{fmt.Sprintf("Docker cannot be reached at %s (%s).", host, brief(message)),
			"Check DOCKER_HOST (docker_host in the Caddyfile), and that Docker listens there.", aboutDocker}
	case cerrdefs.IsNotFound(err) && strings.Contains(message, "No such container"):
		return &problem{fmt.Sprintf("There is no container %q.", name), "Check JIMENG_CONTAINER (container in the Caddyfile) against the names that `docker ps --all` shows.", aboutContainer}
	case strings.Contains(message, "does not support reading"):
		return &problem{fmt.Sprintf("The logging driver of the container %q cannot be read.", name),
			"Run it with the logging driver json-file, local or journald.", aboutLog}
	case cerrdefs.IsPermissionDenied(err) || cerrdefs.IsUnauthorized(err):
		return &problem{fmt.Sprintf("Docker at %s forbids it: %s.", host, brief(message)),
			"Allow _ping and the containers' state, logs and stats in what stands before Docker.", subjectOf(name)}
	case name == "":
		return &problem{fmt.Sprintf("Docker at %s answers wrongly: %s.", host, brief(message)), "Check that DOCKER_HOST is the address of a Docker engine.", aboutDocker}
	}
	return &problem{fmt.Sprintf("Docker cannot serve the container %q: %s.", name, brief(message)), "", aboutLog}
}

func subjectOf(name string) subject {
	if name == "" {
		return aboutDocker
	}
	return aboutLog
}

// broken reports whether a connection ended that had been made.
func broken(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op != "dial" || errors.Is(err, io.ErrUnexpectedEOF)
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// brief keeps another's message to one line of a reasonable length.
func brief(message string) string {
	message = strings.TrimRight(clean([]byte(strings.ReplaceAll(message, "\n", " "))), ". ")
	if len(message) > 300 {
		message = strings.ToValidUTF8(message[:300], "") + "…"
	}
	return message
}
