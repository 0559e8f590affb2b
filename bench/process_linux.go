package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bind makes the kernel kill a child process when this one dies, however it dies.
func bind(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// apart gives the thread that a server executes commands on a core of its own, and this process the others: on a machine
// with few cores they would keep each other waiting, as they do not where a server has its own machine, and a script that
// waits for the core that we are on would seem to take longer. Ok is false where there is one core, or it may not be done.
func apart(server int) (restore func(), ok bool) {
	var all, one unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil || all.Count() < 2 {
		return nil, false
	}
	last := 0
	for cpu := range len(all) * strconv.IntSize {
		if all.IsSet(cpu) {
			last = cpu
		}
	}
	one.Set(last)
	others := all
	others.Clear(last)
	if unix.SchedSetaffinity(server, &one) != nil {
		return nil, false
	}
	move(&others)
	procs := runtime.GOMAXPROCS(others.Count())
	return func() {
		_ = unix.SchedSetaffinity(server, &all) // it may be gone
		move(&all)
		runtime.GOMAXPROCS(procs)
	}, true
}

// move lets every thread of this process run on these cores. One that is started does as the one that starts it: it is
// looked again until there is none that was not seen.
func move(to *unix.CPUSet) {
	seen := map[string]bool{}
	for fresh := true; fresh; {
		fresh = false
		threads, _ := filepath.Glob("/proc/self/task/*") // the pattern is valid
		for _, t := range threads {
			if id, err := strconv.Atoi(filepath.Base(t)); err == nil && !seen[t] {
				seen[t], fresh = true, true
				_ = unix.SchedSetaffinity(id, to) // it may have ended
			}
		}
	}
}

// processorTime is how long this process has kept processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// forgetPeak makes peakMemory count from now (proc(5), /proc/pid/clear_refs).
func forgetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) } // where it may not, the peak is that of the whole run

// peakMemory is the most bytes that this process has had in memory.
func peakMemory() int64 {
	status, _ := os.ReadFile("/proc/self/status") // nothing is 0
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}
