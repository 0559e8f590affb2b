package remote

import (
	"context"
	"io"
	"time"

	"github.com/spf13/pflag"
)

// Command is one command: how it is called, what it says of itself, and what it does.
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

// Commands returns the commands of this package.
func Commands() []Command {
	return []Command{
		statusCommand(), approveCommand(), rejectCommand(), historyCommand(),
		rollbackCommand(), reconcileCommand(), suspendCommand(), resumeCommand(),
	}
}

// waiting says whether a command waits for what it asked for, and how long.
type waiting struct {
	wait    bool
	timeout time.Duration
}

func (w *waiting) bind(fs *pflag.FlagSet) {
	fs.BoolVar(&w.wait, "wait", true, "wait for the outcome and say how it goes")
	fs.DurationVar(&w.timeout, "timeout", 10*time.Minute, "how long to wait; what was asked for goes on")
}
