package api

// Access is the table of who may use each route.
var Access = access
