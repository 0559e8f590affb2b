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
	inst, problems := load(files, dir, nil)
	if len(problems) > 0 {
		return state.Desired{}, problems.Sorted()
	}
	r := newReader(inst)
	wrong := r.evaluate(inst)
	switch {
	case wrong != nil:
		s := salvage{files: files, dir: dir, places: r.places, first: r.first, cuts: cuts{}, named: map[string]bool{}}
		return state.Desired{}, s.run(wrong)
	case len(r.problems) == 0:
		r.read()
	}
	if len(r.problems) > 0 {
		return state.Desired{}, r.problems.Sorted()
	}
	return r.desired, nil
}

// reader turns an evaluated package into plain data and gathers what is wrong with it.
type reader struct {
	ctx      *cue.Context
	inst     *build.Instance
	places   places
	first    state.Pos // of the package
	system   cue.Value
	below    cue.Value // the keyspace that is being read
	desired  state.Desired
	problems state.Diagnostics

	parsed map[string]state.Pattern // key patterns, by their text
	judges bool                     // see judges
}

func newReader(inst *build.Instance) *reader {
	first := state.Pos{File: inst.Files[0].Filename, Line: 1, Column: 1}
	return &reader{ctx: cuecontext.New(), inst: inst, places: findPlaces(inst.Files), first: first, desired: state.Desired{System: inst.PkgName}, judges: judges(inst)}
}

// pattern is state.ParsePattern, once for each pattern: it compiles a regular expression, and many ask.
func (r *reader) pattern(keys string) (state.Pattern, error) {
	p, ok := r.parsed[keys]
	if ok {
		return p, nil
	}
	p, err := state.ParsePattern(keys)
	if r.parsed == nil {
		r.parsed = map[string]state.Pattern{}
	}
	if err == nil {
		r.parsed[keys] = p
	}
	return p, err
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

// evaluate evaluates the package and returns what CUE finds wrong with it. What is no system is a problem.
func (r *reader) evaluate(inst *build.Instance) error {
	root := r.ctx.BuildInstance(inst)
	if inst.LookupImport(ModulePath) == nil {
		r.problemAt(r.first, nil, "no-system", "the package "+inst.PkgName+" does not import "+ModulePath, "write: system: schema.#System")
		return nil
	}
	r.system = root.LookupPath(systemPath)
	err := root.Validate(cue.All()) // all mistakes; root.Err knows only the first
	if err == nil {
		err = root.Err()
	}
	if err == nil && r.system.Exists() {
		err = r.system.Validate(cue.All(), cue.Concrete(true))
	}
	switch {
	case err != nil:
	case !r.system.Exists():
		r.problemAt(r.first, nil, "no-system", "the package "+inst.PkgName+" has no field system", "write: system: schema.#System")
	case !r.places.declared([]string{"system"}):
		r.problemAt(r.first, nil, "no-system", "system is not a schema.#System, so misspelt fields would pass", "write: system: schema.#System")
	}
	if err == nil && len(r.problems) == 0 {
		r.checkDefinitionNames()
	}
	return err
}

var systemPath = cue.ParsePath("system")
