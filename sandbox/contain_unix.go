//go:build unix

package sandbox

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
)

// contain makes the child the leader of a process group of its own, which is killed as a whole.
func contain(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// restrict limits this process for good: memory, processor time should its parent be gone, no core dump, no file.
// RLIMIT_AS is no use with Go, which reserves address space that it never touches; RLIMIT_DATA counts what is writable.
func restrict(memory, seconds int64) error {
	for _, l := range []struct {
		resource int
		value    uint64
	}{
		{syscall.RLIMIT_DATA, uint64(memory)},
		{syscall.RLIMIT_CPU, uint64(seconds) * cores},
		{syscall.RLIMIT_CORE, 0},
		{syscall.RLIMIT_FSIZE, 0},
	} {
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("sandbox: set resource limit %d: %w", l.resource, err)
		}
	}
	return nil
}

// seal lets this process open nothing any more: no file, no socket. What is open stays so.
func seal() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("sandbox: close the file system: %w", err)
	}
	return nil
}

// cores is how much processor time a second of the wall clock may hold: the collector runs beside the evaluation.
const cores = 8

// limitHit tells whether the child was ended by its limit on processor time.
func limitHit(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGXCPU || status.Signal() == syscall.SIGKILL)
}

// peak returns the most memory in bytes that the child held.
func peak(exit *exec.ExitError) int64 {
	usage, ok := exit.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin":
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) << 10
}
