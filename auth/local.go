package auth

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// local reports whether the request came straight from a program on this
// machine. A proxy's header says that the caller is somewhere else, and a host
// name that is not this machine's is how a web page reaches a local server after
// its own name was rebound to 127.0.0.1.
func local(r *http.Request) bool {
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if ok && addr.Network() == "unix" {
		return localName(r.Host) // who may open the socket, its file says
	}
	return ok && loopback(addr.String()) && loopback(r.RemoteAddr) && localName(r.Host)
}

// loopback takes an address with a port.
func loopback(address string) bool {
	addr, err := netip.ParseAddrPort(address)
	return err == nil && addr.Addr().Unmap().IsLoopback()
}

// localName takes a Host header, with or without a port.
func localName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
