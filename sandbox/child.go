package sandbox

import (
	"bufio"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing/fstest"

	"keyshift.dev/schema"
	"keyshift.dev/state"
)

// IsChild tells whether this process was started to evaluate one spec.
func IsChild() bool { return len(os.Args) > 0 && os.Args[0] == ChildName }

// maxStack bounds the recursion of one evaluation.
const maxStack = 256 << 20

// Child evaluates the spec on the standard input, writes the answer to the standard output and ends the process.
func Child() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve() error {
	if len(os.Args) != 3 {
		return errors.New("sandbox: started by hand; use `keyshift vet`")
	}
	memory, err := strconv.ParseInt(os.Args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("sandbox: memory limit: %w", err)
	}
	seconds, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		return fmt.Errorf("sandbox: time limit: %w", err)
	}
	if err := restrict(memory, seconds); err != nil {
		return err
	}
	collectLate(memory)
	debug.SetMaxStack(maxStack)
	var req request
	if err := gob.NewDecoder(bufio.NewReader(os.Stdin)).Decode(&req); err != nil {
		return fmt.Errorf("sandbox: read the spec: %w", err)
	}
	if err := seal(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(evaluate(req))
}

// roomy is how many bytes the heap may have before the collector runs at all. What most specs need is less.
const roomy = 460 << 20

// collectLate lets the heap grow to a size that any machine has before its first collection: an evaluation keeps most
// of what it makes until it ends, so that earlier ones would cost much and free little. Then the collector runs as it
// always does, and harder before the hard limit on memory is reached.
func collectLate(memory int64) {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(min(memory/20*9, roomy))
	first := new([64]byte)
	runtime.AddCleanup(first, func(limit int64) {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(later)
	}, memory/10*8)
}

// later is how much the heap may grow between collections after the first, in percent of what is alive.
const later = 100

func evaluate(req request) answer {
	files := fstest.MapFS{}
	for name, data := range req.Files {
		files[name] = &fstest.MapFile{Data: data, Mode: 0o444}
	}
	desired, err := schema.Evaluate(files, req.Dir)
	if err == nil {
		return answer{Desired: &desired}
	}
	var ds state.Diagnostics
	if !errors.As(err, &ds) {
		ds = state.Diagnostics{{Code: "invalid", Message: err.Error(), Hint: "mend the spec"}}
	}
	return answer{Diagnostics: ds}
}
