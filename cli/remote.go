package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// Command is a command whose package stands beside this one. What is common to all is done here: the form of the result,
// how errors are told, the exit code.
type Command struct {
	Use, Short, Long, Example string

	Args  int // how many arguments it takes
	Flags func(*pflag.FlagSet)
	Run   func(ctx context.Context, s Streams, args []string) error
}

// Streams are where a command prints, and whom it asks.
type Streams struct {
	Out, Err io.Writer
	JSON     bool                                // one object, for programs
	Ask      func(question string) (bool, error) // nil: there is nobody to ask
}

// spoken is an error that tells its code, what happened and what to do apart.
type spoken interface {
	error
	Parts() (code, message, hint string)
}

// shown is an error that may stand in the result that was printed.
type shown interface {
	error
	Reported() bool
}

func newRemote(r Command) *cobra.Command {
	var o output
	c := &cobra.Command{
		Use: r.Use, Short: r.Short, Long: r.Long, Example: r.Example,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == r.Args {
				return nil
			}
			return misspelt(fmt.Sprintf("%s takes %s, and %d are given", c.Name(), count(int64(r.Args), "argument"), len(args)), nil, "", c)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.open(c); err != nil {
				return err
			}
			err := r.Run(c.Context(), Streams{Out: o.out, Err: o.err, JSON: o.json(), Ask: asker(c.Context(), c.InOrStdin(), o.out, o.err)}, args)
			if e, ok := errors.AsType[shown](err); ok && e.Reported() {
				return errReported
			}
			if err != nil {
				return o.fail(err)
			}
			return nil
		},
	}
	o.bind(c.Flags())
	if r.Flags != nil {
		r.Flags(c.Flags())
	}
	return c
}

// asker asks a person, nil if there is none: where what is asked about is shown must be a terminal, too.
func asker(ctx context.Context, in io.Reader, out, err io.Writer) func(string) (bool, error) {
	from, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(from.Fd())) {
		return nil
	}
	to, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(to.Fd())) {
		return nil
	}
	return func(question string) (bool, error) {
		type answer struct {
			yes bool
			err error
		}
		answered := make(chan answer, 1)
		go func() {
			yes, err := ask(from, err, question)
			answered <- answer{yes, err}
		}()
		select {
		case a := <-answered:
			return a.yes, a.err
		case <-ctx.Done(): // the terminal is read until the process ends
			return false, ctx.Err()
		}
	}
}

// ask asks until there is an answer. No answer is a no.
func ask(in io.Reader, out io.Writer, question string) (bool, error) {
	lines := bufio.NewScanner(in)
	for {
		if _, err := fmt.Fprintf(out, "%s (yes or no) ", question); err != nil {
			return false, err
		}
		if !lines.Scan() {
			return false, lines.Err()
		}
		switch strings.ToLower(strings.TrimSpace(lines.Text())) {
		case "yes", "y":
			return true, nil
		case "no", "n", "":
			return false, nil
		}
	}
}
