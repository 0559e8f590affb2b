package testbed

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// process is one running server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
}

// launcher starts every server from one OS thread that never ends: the kernel sends the signal that makes a
// server die with the test binary when the *thread* that started it goes (prctl(2), PR_SET_PDEATHSIG).
var launcher = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// startProcess starts a server whose output goes to the file log, opened for appending.
func startProcess(log, path string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	launcher() <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // a killed server is no failure
		close(p.done)
	}()
	return p, nil
}

// running tells whether the server has not ended.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends the server as a power cut would, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only if it is gone
	<-p.done
}

// signal sends a signal; a server that is gone hears nothing.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }
