//go:build !linux

package bench

import (
	"os/exec"
	"time"
)

// bind does nothing where a child cannot be bound to its parent: it is killed when the run ends by itself.
func bind(*exec.Cmd) {}

// apart does nothing where threads cannot be bound to cores.
func apart(int) (restore func(), ok bool) { return nil, false }

// processorTime is not known here; the table leaves it out.
func processorTime() time.Duration { return 0 }

// forgetPeak has nothing to forget.
func forgetPeak() {}

// peakMemory is not known here; the table leaves it out.
func peakMemory() int64 { return 0 }
