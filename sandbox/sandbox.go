// Package sandbox evaluates a spec in a child process that can be killed:
//
//	desired, err := sandbox.Evaluate(ctx, files, "shop", sandbox.Limits{})
//
// CUE cannot be cancelled, and a few hundred bytes of it can ask for hours or for all memory. So the child, the same
// binary under another name, gets the files over its standard input, an empty environment, limits on memory, time,
// files and output, and is killed when it overruns. What comes back is data or diagnostics; a bomb is one more
// diagnostic (eval-timeout, eval-memory, eval-output) and costs its sender nothing but time.
//
// Whoever evaluates calls this first in main, and in TestMain of tests that evaluate:
//
//	if sandbox.IsChild() {
//		sandbox.Child()
//	}
package sandbox

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"time"

	"keyshift.dev/state"
)

// ChildName is the name under which the child runs: its argv[0].
const ChildName = "keyshift-evaluate"

// Limits bound one evaluation. A zero field means its default.
type Limits struct {
	Wall   time.Duration // until the child is killed; 30 s
	Memory int64         // bytes that the child may hold; 1 GiB
	Output int64         // bytes of its answer; 64 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Wall <= 0 {
		l.Wall = 30 * time.Second
	}
	if l.Memory <= 0 {
		l.Memory = 1 << 30
	}
	if l.Output <= 0 {
		l.Output = 64 << 20
	}
	return l
}

// maxComplaint is how much of the child's standard error is kept.
const maxComplaint = 64 << 10

// request is what the child reads; answer is what it writes.
type (
	request struct {
		Dir   string
		Files map[string][]byte
	}
	answer struct {
		Desired     *state.Desired    `json:"desired,omitempty"`
		Diagnostics state.Diagnostics `json:"diagnostics,omitempty"`
	}
)

// Evaluate is schema.Evaluate in a child process under limits. Besides the diagnostics of schema.Evaluate it returns
// those of an evaluation that was killed: codes eval-timeout, eval-memory, eval-output and eval-crashed. Another
// error means that the files could not be read, that no child could be started, or that ctx was cancelled.
func Evaluate(ctx context.Context, files fs.FS, dir string, limits Limits) (state.Desired, error) {
	if IsChild() {
		return state.Desired{}, errors.New("sandbox: this process is a child already; call sandbox.Child first in main")
	}
	limits = limits.withDefaults()
	input, err := encode(files, dir)
	if err != nil {
		return state.Desired{}, err
	}
	out, err := run(ctx, input, entry(files, dir), limits)
	if err != nil {
		return state.Desired{}, err
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		return state.Desired{}, fmt.Errorf("sandbox: the child's answer: %w", err)
	}
	if len(a.Diagnostics) > 0 {
		return state.Desired{}, a.Diagnostics
	}
	if a.Desired == nil {
		return state.Desired{}, errors.New("sandbox: the child gave no answer")
	}
	return *a.Desired, nil
}

// encode gathers the CUE files of a tree, which are all that an evaluation reads.
func encode(files fs.FS, dir string) ([]byte, error) {
	req := request{Dir: dir, Files: map[string][]byte{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || path.Ext(name) != ".cue" {
			return err
		}
		req.Files[name], err = fs.ReadFile(files, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sandbox: read the spec: %w", err)
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(req); err != nil {
		return nil, fmt.Errorf("sandbox: send the spec: %w", err)
	}
	return b.Bytes(), nil
}

// entry returns the place to name when nothing is known of the mistake: the start of the first file.
func entry(files fs.FS, dir string) state.Pos {
	dir = path.Clean(dir)
	names, err := fs.Glob(files, path.Join(dir, "*.cue"))
	if err != nil || len(names) == 0 {
		return state.Pos{File: dir, Line: 1, Column: 1}
	}
	return state.Pos{File: names[0], Line: 1, Column: 1}
}

// run starts the child, feeds it and returns its output.
func run(ctx context.Context, input []byte, at state.Pos, limits Limits) ([]byte, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("sandbox: find the program to start: %w", err)
	}
	timed, cancel := context.WithTimeout(ctx, limits.Wall)
	defer cancel()
	cmd := exec.CommandContext(timed, exe)
	cmd.Args = []string{ChildName, strconv.FormatInt(limits.Memory, 10), strconv.FormatInt(int64(limits.Wall/time.Second)+1, 10)}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(input)
	stdout := &capped{max: limits.Output, over: cancel}
	stderr := &capped{max: maxComplaint}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = time.Second
	contain(cmd)
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case stdout.overran:
		return nil, killed(at, "eval-output", fmt.Sprintf("the evaluated spec is larger than %d MiB", limits.Output>>20), "make it smaller, or split it into several systems")
	case errors.Is(timed.Err(), context.DeadlineExceeded):
		return nil, killed(at, "eval-timeout", fmt.Sprintf("the evaluation took more than %s and was stopped", limits.Wall), "look for nested disjunctions, long ranges and deep templates in what was changed last")
	case err == nil:
		return stdout.data.Bytes(), nil
	}
	return nil, crash(at, err, stderr.data.String(), limits)
}

// crash says why a child ended by itself without an answer.
func crash(at state.Pos, err error, complaint string, limits Limits) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("sandbox: run the child: %w", err)
	}
	// Near its limit a process dies in many ways: the runtime gives up, a thread cannot start, C code meets a null. A
	// mistake in Go code panics, and is answered; a bare SIGSEGV is the runtime's own, from memory it did not get.
	scarce := peak(exit) > limits.Memory/4*3 || strings.HasPrefix(complaint, "SIGSEGV")
	for _, sign := range []string{"out of memory", "cannot allocate memory", "cannot map pages", "stack exceeds", "pthread_create failed"} {
		scarce = scarce || strings.Contains(complaint, sign)
	}
	if scarce {
		return killed(at, "eval-memory", fmt.Sprintf("the evaluation needed more than %d MiB and was stopped", limits.Memory>>20),
			"look for long ranges, lists that multiply and deep templates in what was changed last")
	}
	if limitHit(exit) {
		return killed(at, "eval-timeout", "the evaluation used all its processor time and was stopped", "look for nested disjunctions in what was changed last")
	}
	first, _, _ := strings.Cut(complaint, "\n")
	return killed(at, "eval-crashed", fmt.Sprintf("the evaluation ended with %v: %q", exit, first), "undo what was changed last in the spec, and report it")
}

func killed(at state.Pos, code, message, hint string) error {
	return state.Diagnostics{{Code: code, Pos: at, Message: message, Hint: hint}}
}

// capped keeps the first max bytes written to it, and tells when there are more.
type capped struct {
	max     int64
	data    bytes.Buffer
	over    func()
	overran bool
}

func (c *capped) Write(p []byte) (int, error) {
	room := c.max - int64(c.data.Len())
	if int64(len(p)) <= room {
		return c.data.Write(p)
	}
	c.data.Write(p[:room])
	if c.over == nil {
		return len(p), nil // the rest of a complaint is not needed
	}
	c.overran = true
	c.over()
	return 0, io.ErrShortWrite
}
