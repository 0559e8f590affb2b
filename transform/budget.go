package transform

import (
	"errors"
	"slices"
	"unicode/utf8"
)

// budget bounds the work that one unit may cause, so that a hostile one cannot hold up a rewrite.
type budget struct {
	steps int // expressions evaluated, and what they read
	bytes int // of text made, and elements
	given int // bytes of the unit, which a result may have for nothing
}

const (
	maxSteps   = 2_000_000 // half a second
	maxBytes   = 128 << 20
	maxPattern = 1 << 10 // bytes of a regular expression that is not a literal
)

var (
	errWork    = errors.New("the program makes too much of this unit: more than 2 million steps or 128 MiB")
	errPattern = errors.New("a computed regular expression is longer than 1024 bytes")
	errSyntax  = errors.New("a computed regular expression is not valid")
	errIndex   = errors.New("there is no such element or field")
	errDouble  = errors.New("a number is not one that a double holds")
	errMsgInt  = errors.New("an integer does not fit 64 bits")
	errKeyText = errors.New("a segment of the key is not UTF-8")
)

func (b *budget) step() error {
	if b.steps++; b.steps > maxSteps {
		return errWork
	}
	return nil
}

// work charges so many steps at once.
func (b *budget) work(steps int) error {
	if b.steps += steps; b.steps > maxSteps || steps < 0 {
		b.steps = maxSteps + 1
		return errWork
	}
	return nil
}

func (b *budget) spend(bytes int) error {
	if b.bytes += bytes; b.bytes > maxBytes+b.given || b.bytes < 0 || bytes < 0 {
		b.bytes = maxBytes + b.given + 1
		return errWork
	}
	if b.bytes <= b.given {
		return nil
	}
	return b.work(min(bytes, b.bytes-b.given) / elementCost)
}

// isLimit tells an operand that fails here and may have a value in CUE: what asks whether there is one must fail, too.
func isLimit(err error) bool {
	return slices.ContainsFunc([]error{errWork, errDigits, errHuge, errPattern, errNaN}, func(limit error) bool { return errors.Is(err, limit) })
}

// spent tells whether nothing more may be done: a failure that an alternative must not hide.
func (b *budget) spent() bool { return b.steps > maxSteps || b.bytes > maxBytes+b.given }

func validText(s string) bool { return utf8.ValidString(s) }
