//go:build linux || darwin

package archive

import "golang.org/x/sys/unix"

// freeBytes returns how much a user may write where a folder is.
func freeBytes(dir string) (int64, bool, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false, err
	}
	return int64(s.Bavail) * int64(s.Bsize), true, nil
}
