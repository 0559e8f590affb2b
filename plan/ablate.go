package plan

// invariant names a part of the search that tests can switch off, to see that Check notices.
type invariant int

const (
	invariantNone invariant = iota
	invariantReadable
	invariantConvergent
	invariantRecoverable
	invariantUnfit
	invariantStopped
	invariantAfter
	invariantJump
	invariantUnused
	exactSearch // not an invariant: without it every subsystem is ordered by the rule for large ones
)

// off is set by tests alone.
var off = invariantNone

func ablated(i invariant) bool { return off == i }
