package keyspace

import (
	"errors"
	"testing"
)

func wantReason(t *testing.T, err error, reason string) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Reason != reason {
		t.Fatalf("error %v, want one of reason %s", err, reason)
	}
	return e
}
