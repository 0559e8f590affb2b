//go:build !linux

package testbed

import "syscall"

// dieWithParent can promise nothing here: the server dies with the test's cleanup.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
