package cli

import (
	"context"
	"errors"

	"keyshift.dev/apply"
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

// diagnose is an error as diagnostics: those it is, and the machine-readable reason of everything else.
func diagnose(err error) state.Diagnostics {
	out := state.Diagnostics{}
	for _, e := range leaves(err) {
		if ds, ok := e.(state.Diagnostics); ok {
			out = append(out, ds...)
			continue
		}
		out = append(out, state.Diagnostic{Code: code(e), Message: e.Error()})
	}
	return out
}

// code is the machine-readable reason of an error, "Error" if it has none.
func code(err error) string {
	if e, ok := errors.AsType[*keyspace.Error](err); ok {
		return e.Reason
	}
	if e, ok := errors.AsType[*gitsource.Error](err); ok {
		return string(e.Reason)
	}
	if e, ok := errors.AsType[*apply.HoldError](err); ok {
		return e.Code
	}
	if e, ok := errors.AsType[*plan.BlockedError](err); ok {
		return string(e.Blocked.Code)
	}
	if e, ok := errors.AsType[*cluster.Error](err); ok {
		return e.Reason
	}
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
		return "Interrupted"
	}
	return "Error"
}
