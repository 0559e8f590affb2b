package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyshift.dev/apply"
	"keyshift.dev/archive"
	"keyshift.dev/cluster"
	"keyshift.dev/gitsource"
	"keyshift.dev/keyspace"
	"keyshift.dev/plan"
	"keyshift.dev/state"
)

// leaves opens joined errors, and takes diagnostics out of what wraps them.
func leaves(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range joined.Unwrap() {
			out = append(out, leaves(e)...)
		}
		return out
	}
	var ds state.Diagnostics
	if errors.As(err, &ds) {
		return []error{ds}
	}
	return []error{err}
}

// diagnose is an error as diagnostics: those it is, and everything else taken apart.
func diagnose(err error) state.Diagnostics {
	out := state.Diagnostics{}
	for _, e := range leaves(err) {
		if ds, ok := e.(state.Diagnostics); ok {
			out = append(out, ds...)
			continue
		}
		out = append(out, describe(e))
	}
	return out
}

// unknownCode is the code of an error that has none.
const unknownCode = "error"

// describe takes one error apart: its machine-readable reason, what happened, and what to do.
func describe(err error) state.Diagnostic {
	d, cause := part(err)
	if cause != nil { // what stands around the cause stays around it
		d.Message = strings.Replace(err.Error(), cause.Error(), d.Message, 1)
	} else {
		d = state.Diagnostic{Code: code(err), Message: err.Error()}
	}
	d.Message, d.Hint = flags.Replace(d.Message), flags.Replace(d.Hint)
	return d
}

// flags says on the command line how to do what the packages below call to adopt.
var flags = strings.NewReplacer("with adopt", "with --adopt", "then adopt it as it is", "then take it as it is with --adopt")

// part returns the error within err that tells its reason and its way out apart, nil if there is none.
func part(err error) (state.Diagnostic, error) {
	if e, ok := errors.AsType[*problem](err); ok {
		return state.Diagnostic{Code: e.code, Message: e.message, Hint: e.hint}, e
	}
	if e, ok := errors.AsType[spoken](err); ok {
		code, message, hint := e.Parts()
		return state.Diagnostic{Code: code, Message: message, Hint: hint}, e
	}
	if e, ok := errors.AsType[*keyspace.Error](err); ok {
		return state.Diagnostic{Code: e.Reason, Message: fmt.Sprintf("store %q: %v", e.Store, e.Err), Hint: e.Hint}, e
	}
	if e, ok := errors.AsType[*archive.Error](err); ok {
		return state.Diagnostic{Code: e.Reason, Message: fmt.Sprintf("%s: %v", e.Where, e.Err), Hint: e.Hint}, e
	}
	if e, ok := errors.AsType[*apply.HoldError](err); ok {
		return state.Diagnostic{Code: e.Code, Message: "held: " + e.Reason, Hint: e.WayOut}, e
	}
	if e, ok := errors.AsType[*plan.BlockedError](err); ok {
		return blocked(e.Blocked), e
	}
	if e, ok := errors.AsType[*apply.BackError](err); ok {
		return state.Diagnostic{Code: "RolledBack", Message: e.Error()}, e
	}
	if e, ok := errors.AsType[*gitsource.Error](err); ok {
		bare := *e
		bare.Hint = ""
		return state.Diagnostic{Code: string(e.Reason), Message: bare.Error(), Hint: e.Hint}, e
	}
	if e, ok := errors.AsType[*cluster.Error](err); ok {
		bare := *e
		bare.Hint = ""
		return state.Diagnostic{Code: e.Reason, Message: bare.Error(), Hint: e.Hint}, e
	}
	return state.Diagnostic{}, nil
}

func blocked(b plan.Blocked) state.Diagnostic {
	objects := strings.Join(slices.Concat(b.Components, b.Keyspaces), ", ")
	return state.Diagnostic{Code: string(b.Code), Message: objects + ": " + b.Reason, Hint: b.WayOut}
}

// code is the machine-readable reason of an error that does not tell its way out apart.
func code(err error) string {
	if e, ok := errors.AsType[*cluster.StuckError](err); ok {
		return e.Reason
	}
	if _, ok := errors.AsType[*cluster.ImageOwnedError](err); ok {
		return "ImageOwnedBy"
	}
	if _, ok := errors.AsType[*keyspace.HeldError](err); ok {
		return "LeaseHeld"
	}
	if errors.Is(err, context.Canceled) {
		return interrupted
	}
	return unknownCode
}
