package schema

import (
	"fmt"
	"io/fs"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"

	"keyshift.dev/state"
)

// Evaluate loads the package in the folder dir of an in-memory tree and returns its system as plain data: every
// reference resolved, every migration compiled, all sorted. dir is slash-separated, "." is the tree's root; positions
// are relative to that root.
//
// The error is state.Diagnostics for whatever the author of the spec can mend, with the code, the place in the tree
// and what to do: CUE's own mistakes, what this version does not support yet, and the checks of this package.
func Evaluate(files fs.FS, dir string) (desired state.Desired, err error) {
	defer func() {
		if r := recover(); r != nil {
			desired = state.Desired{}
			err = state.Diagnostics{{Code: "cue-panic", Pos: state.Pos{File: dir, Line: 1, Column: 1}, Message: fmt.Sprintf("CUE failed on this spec: %v", r),
				Hint: "simplify what was changed last, and report the spec to the CUE project"}}
		}
	}()
	inst, problems := load(files, dir)
	if len(problems) > 0 {
		return state.Desired{}, problems.Sorted()
	}
	r := &reader{ctx: cuecontext.New(), places: findPlaces(inst.Files)}
	r.readSystem(inst)
	if len(r.problems) > 0 {
		return state.Desired{}, r.problems.Sorted()
	}
	return r.desired, nil
}

// reader turns an evaluated package into plain data and gathers what is wrong with it.
type reader struct {
	ctx      *cue.Context
	places   places
	system   cue.Value
	desired  state.Desired
	problems state.Diagnostics
}

// problem adds a diagnostic at the place of a path.
func (r *reader) problem(path []string, code, message, hint string) {
	r.problemAt(r.places.at(path), path, code, message, hint)
}

func (r *reader) problemAt(pos state.Pos, path []string, code, message, hint string) {
	if pos.File == "" {
		pos = r.places.at(path)
	}
	r.problems = append(r.problems, state.Diagnostic{Code: code, Pos: pos, Path: printPath(path), Message: message, Hint: hint})
}

// unsupported says that something the definitions admit does not work yet.
func (r *reader) unsupported(path []string, what, hint string) {
	r.problem(path, "unsupported", what+" is not supported yet", hint)
}

func (r *reader) readSystem(inst *build.Instance) {
	root := r.ctx.BuildInstance(inst)
	first := state.Pos{File: inst.Files[0].Filename, Line: 1, Column: 1}
	if inst.LookupImport(ModulePath) == nil {
		r.problemAt(first, nil, "no-system", "the package "+inst.PkgName+" does not import "+ModulePath, "write: system: schema.#System")
		return
	}
	system := root.LookupPath(cue.ParsePath("system"))
	err := root.Validate(cue.All()) // all mistakes; root.Err knows only the first
	if err == nil {
		err = root.Err()
	}
	if err == nil && system.Exists() {
		err = system.Validate(cue.All(), cue.Concrete(true))
	}
	switch {
	case err != nil:
		r.problems = append(r.problems, r.places.diagnose(err, first)...)
		return
	case !system.Exists():
		r.problemAt(first, nil, "no-system", "the package "+inst.PkgName+" has no field system", "write: system: schema.#System")
		return
	case r.places.at([]string{"system"}).File == "":
		r.problemAt(first, nil, "no-system", "system is not a schema.#System, so misspelt fields would pass", "write: system: schema.#System")
		return
	}
	r.system = system
	r.desired.System = inst.PkgName
	r.read()
}
