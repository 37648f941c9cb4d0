// Package web holds the built dashboard inside the binary.
package web

import (
	"embed"
	"io/fs"
)

// dist is written by `npm run build`; a fresh clone has only .gitkeep in it, so
// that the package compiles before the first build.
//
//go:embed all:dist
var dist embed.FS

// FS returns the built dashboard, rooted at its index.html. Files below assets/
// carry a hash of their content in their name and can be cached for ever; the
// rest can not, because embedded files have no modification time. It holds no
// index.html as long as the dashboard was not built.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path: fs.Sub fails on nothing else
	}
	return sub
}
