package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes.
const (
	exitDone    = 0
	exitError   = 1
	exitChanges = 2
)

// Commands are what the command line cannot make itself: this build's version and the commands whose packages
// stand above this one.
type Commands struct {
	Version    string
	Controller Service
	Demo       Show
	Remote     []Command // what is asked of a cluster from outside
}

// Service is a command that runs until its context ends.
type Service struct {
	Flags func(*pflag.FlagSet)
	Run   func(ctx context.Context) error
}

// Show is a command that prints what it does and ends.
type Show struct {
	Flags func(*pflag.FlagSet)
	Run   func(ctx context.Context, out io.Writer, json bool) error
}

// errChanges makes plan end with exit code 2, and restore where it left keys alone that differ.
var errChanges = errors.New("there are changes")

// errReported ends a command whose errors are printed already.
var errReported = errors.New("reported")

// Run runs one command line and returns the exit code.
func Run(ctx context.Context, c Commands, args []string, stdout, stderr io.Writer) int {
	root := newRoot(c)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errChanges):
		return exitChanges
	case !errors.Is(err, errReported):
		o := output{format: "text", out: stdout, err: stderr}
		if wantsJSON(args) {
			o.format = "json"
		}
		_ = o.misused(root, args, err) // a reader that is gone hears nothing
	}
	return exitError
}

func newRoot(c Commands) *cobra.Command {
	root := &cobra.Command{
		Use:   "keyshift",
		Short: "Roll out services and rewrite their Redis data, in an order that is safe at every moment",
		Long: `Keyshift keeps two things in step: which release of a service runs in Kubernetes, and the shape of the data
it keeps in Redis. A CUE package says which of both is wanted; keyshift plans an order in which no running
release ever meets data it cannot read, and carries it out.

Start with:  keyshift init my-shop && keyshift vet my-shop`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.Version = c.Version
	root.SetVersionTemplate("keyshift {{.Version}}\n")
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(unknownFlag)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newInit(), newVendor(), newVet(), newTest(), newSchema(), newPlan(), newApply(), newBackup(), newRestore(),
		newController(c.Controller), newDemo(c.Demo), newBench(), newVersion(c.Version))
	for _, r := range c.Remote {
		root.AddCommand(withStream(newRemote(r)))
	}
	return root
}

// specCommand makes a command work on the spec in one folder.
func specCommand(c *cobra.Command, o *output, s *source, run func(ctx context.Context, args []string) error) *cobra.Command {
	c.Args = oneFolder
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := o.open(c); err != nil {
			return err
		}
		return run(c.Context(), args)
	}
	o.bind(c.Flags())
	s.bind(c.Flags())
	return c
}
