package sandbox

// Seal is what the child calls before it evaluates.
func Seal() error { return seal() }
