package demo

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Options say how large the demo is. The zero value is a good one.
type Options struct {
	Keys  int    // sessions to seed; 20,000 if zero
	Pods  int    // of checkout; 3 if zero
	Redis string // host:port of an empty server, "embedded", or empty: redis-server from the PATH, else embedded
	JSON  bool   // the last line is the Result, or {"error": …}, as one JSON object

	Terminate time.Duration // how long a pod that is told to go stays running; 1.2 s if zero
}

func (o Options) withDefaults() Options {
	o.Keys, o.Pods = cmp.Or(o.Keys, 20_000), cmp.Or(o.Pods, 3)
	o.Terminate = cmp.Or(o.Terminate, 1200*time.Millisecond)
	return o
}

// validate names the flag of the command line that cannot be followed.
func (o Options) validate() error {
	switch {
	case o.Keys < 0:
		return fmt.Errorf("--keys %d: a demo needs at least one session", o.Keys)
	case o.Pods < 0:
		return fmt.Errorf("--pods %d: a demo needs at least one pod", o.Pods)
	case o.Redis == "" || o.Redis == "embedded":
		return nil
	}
	host, port, err := net.SplitHostPort(o.Redis)
	if n, numberErr := strconv.ParseUint(port, 10, 16); err != nil || numberErr != nil || n == 0 || host == "" {
		return errors.New(`--redis wants host:port, or "embedded"`) // what was given may be a URL with a password
	}
	return nil
}
