//go:build race

package storetest

// Race is whether the race detector is on: it keeps a shadow of all memory,
// several times as large, and makes everything several times as slow.
const Race = true
