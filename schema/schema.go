// Package schema turns a spec that users write in CUE into plain data:
//
//	system: keyspaces: session: version: "2.0.0"     →     state.Desired{Keyspaces: [{Name: "session", Version: "2.0.0"}]}
//
// The *.cue files beside this one are the definitions that specs import. Evaluate loads a package from an
// in-memory tree, checks it against these definitions, compiles shapes to types and migrations to programs, and
// checks what CUE cannot: versions told apart on the wire, carrying both ways, paths, overlaps, uses.
// It is pure: no network, no registry, no host file system, no environment. It is the only importer of CUE.
// It cannot be cancelled, since CUE cannot; package sandbox runs it where it can be killed.
package schema

import (
	"embed"
	"io/fs"
)

// ModulePath is the import path of the definitions, in CUE and in Go.
const ModulePath = "keyshift.dev/schema"

// Edition is the edition of the definitions in this program, #Edition of system.cue.
const Edition = 2

//go:embed *.cue
var definitions embed.FS

// Definitions returns the CUE files that users vendor under cue.mod/pkg/keyshift.dev/schema.
func Definitions() fs.FS { return definitions }
