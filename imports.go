// Package gateway is what xcaddy compiles into Caddy: it imports the gateway's
// Caddy modules and has no code of its own.
package gateway

import (
	_ "github.com/jimeng-gateway/jimeng-gateway/caddymodule"
	_ "github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	_ "github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)
