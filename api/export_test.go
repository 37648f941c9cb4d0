package api

import "time"

func init() { heartbeatEvery = time.Second }

// Access is the table of who may use each route.
var Access = access
