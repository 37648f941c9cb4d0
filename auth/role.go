package auth

import "slices"

// Role is what a person may do. Roles see everybody's tasks; a key does so only
// with the scope for it.
type Role string

// The roles, each with everything that the one before it may do.
const (
	Viewer        Role = "viewer"   // reads tasks, pool and usage
	Operator      Role = "operator" // also submits, cancels, retries, tests sessions and reads logs
	Administrator Role = "admin"    // everything
)

// Roles lists the roles, the one that may do most first.
var Roles = []Role{Administrator, Operator, Viewer}

var roleScopes = map[Role][]string{
	Viewer:        {TaskRead, EveryTask, PoolRead},
	Operator:      {TaskRead, EveryTask, PoolRead, VideoCreate, TaskCancel, TaskRetry, SessionTest, LogRead},
	Administrator: {Admin},
}

// Scopes are what a person with the role may do, none for a role that does not
// exist.
func (r Role) Scopes() []string { return slices.Clone(roleScopes[r]) }
