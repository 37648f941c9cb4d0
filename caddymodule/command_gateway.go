package caddymodule

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/jimeng-gateway/jimeng-gateway/cli"
)

// gatewayCommands are the commands on a running gateway. They find it with the
// flags of Caddy's own commands reload and stop.
func gatewayCommands() []*cobra.Command {
	commands := cli.Commands(func(cmd *cobra.Command) (*cli.Gateway, error) {
		var values [3]string
		for i, name := range []string{"address", "config", "adapter"} {
			var err error
			if values[i], err = cmd.Flags().GetString(name); err != nil {
				return nil, err
			}
		}
		address, err := adminAddress(values[0], values[1], values[2])
		if err != nil {
			return nil, err
		}
		return adminGateway(address)
	})
	for _, cmd := range commands {
		flags := cmd.PersistentFlags()
		flags.String("address", "", "the address of Caddy's admin endpoint, such as localhost:2019 or unix//run/jimeng/admin.sock")
		flags.StringP("config", "c", "", "the configuration file that names the admin endpoint (default: the Caddyfile in this folder, if there is one)")
		flags.StringP("adapter", "a", "", "the adapter of the configuration file")
	}
	return commands
}

// adminAddress is the given address, or the one in the configuration file, or
// Caddy's usual one.
func adminAddress(address, file, adapter string) (string, error) {
	if address != "" {
		return address, nil
	}
	// Caddy logs what it reads, and whoever asked for a table does not want to
	// know: the buffer is never flushed.
	caddy.BufferedLog()
	config, file, _, err := caddycmd.LoadConfig(file, adapter)
	if err == nil {
		address, err = caddycmd.DetermineAdminAPIAddress("", config, file, adapter)
	}
	if err != nil {
		return "", fmt.Errorf("find the admin endpoint: %w (--address names it without a configuration)", err)
	}
	return address, nil
}

// adminGateway is the gateway behind an admin endpoint.
func adminGateway(address string) (*cli.Gateway, error) {
	if strings.Contains(address, "://") {
		return nil, fmt.Errorf("--address: %s is a URL; an address has the form localhost:2019 or unix//run/jimeng/admin.sock", address)
	}
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil {
		return nil, fmt.Errorf("--address: %w", err)
	}
	if parsed.PortRangeSize() > 1 {
		return nil, fmt.Errorf("--address: %s names more than one port", address)
	}
	g := &cli.Gateway{Address: address, Header: http.Header{}}
	target := parsed.JoinHostPort(0)
	if parsed.IsUnixNetwork() {
		target, _, _ = strings.Cut(target, "|") // the permissions of the socket's file
		g.Base = "http://127.0.0.1" + adminPrefix
	} else {
		// Where enforce_origin is on, Caddy wants to see its own origin.
		g.Base = "http://" + target + adminPrefix
		g.Header.Set("Origin", "http://"+target)
	}
	g.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, parsed.Network, target)
		},
	}
	return g, nil
}
