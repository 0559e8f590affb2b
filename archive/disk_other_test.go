//go:build !linux

package archive

const largeFolder = "KEYSHIFT_TEST_JOURNAL_LARGE"

func appendLarge(string) {}
