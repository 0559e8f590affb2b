package demo

import (
	"os/exec"
	"syscall"
)

// bind makes the kernel kill a child process when this one dies, however it dies.
func bind(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
