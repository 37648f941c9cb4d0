package caddymodule

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "jimeng",
		Short: "Commands of the jimeng gateway",
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Long = `Commands of the jimeng gateway. All but simulate work on a running gateway, by way
of Caddy's admin endpoint: at --address, or where the configuration file has it,
or at ` + caddy.DefaultAdminListen + `.`
			// Without these two cobra would take a misspelt command for a wish for help.
			cmd.Args = cobra.NoArgs
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			cmd.AddCommand(gatewayCommands()...)
			cmd.AddCommand(simulateCommand())
		},
	})
}

func simulateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate [--listen <address>] [--variant stock|fork|iptag] [--delay <duration>]",
		Short: "Run a simulated upstream",
		Long: `Runs a server that speaks the protocol of jimeng-free-api-all, costs nothing,
and answers with a small real video. Point the driver free_api at its address.
GET /_simulator/submits tells every submit that would have been paid.`,
		Args: cobra.NoArgs,
	}
	listen := cmd.Flags().String("listen", "127.0.0.1:8000", "the address to listen on")
	variant := cmd.Flags().String("variant", string(simulator.Fork), "the dialect: stock, fork or iptag")
	delay := cmd.Flags().Duration("delay", 2*time.Second, "how long one generation takes")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		v, err := simulator.ParseVariant(*variant)
		if err != nil {
			return fmt.Errorf("--variant: %w", err)
		}
		if *delay < 0 {
			return fmt.Errorf("--delay: %s is negative", *delay)
		}
		cmd.SilenceUsage = true
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		return simulate(ctx, cmd, *listen, v, *delay)
	}
	return cmd
}

func simulate(ctx context.Context, cmd *cobra.Command, listen string, variant simulator.Variant, delay time.Duration) error {
	server := simulator.New(simulator.Config{Variant: variant, Delay: delay, Log: caddy.Log().Named("simulator")})
	return server.ListenAndServe(ctx, listen, func(baseURL string) {
		cmd.Printf("simulated upstream (%s) at %s\n", variant, baseURL)
	})
}
