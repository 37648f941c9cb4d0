package api

import "time"

func init() { heartbeatEvery = time.Second }
