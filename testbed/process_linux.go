package testbed

import "syscall"

// dieWithParent makes the kernel kill the server when the test binary ends, however it ends.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
