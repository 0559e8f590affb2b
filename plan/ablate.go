package plan

// invariant names a rule of the search that tests can switch off, to see that Check notices.
type invariant int

const (
	invariantNone invariant = iota
	invariantReadable
	invariantConvergent
	invariantUnfit
)

// off is set by tests alone.
var off = invariantNone

func ablated(i invariant) bool { return off == i }
