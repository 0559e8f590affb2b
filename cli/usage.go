package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// wantsJSON tells whether arguments that could not be understood ask for JSON.
func wantsJSON(args []string) bool {
	for i, a := range args {
		switch a {
		case "-ojson", "-o=json", "--output=json":
			return true
		case "json":
			if i > 0 && (args[i-1] == "-o" || args[i-1] == "--output") {
				return true
			}
		}
	}
	return false
}

// misused prints an error that no command has printed, in the form in which that command fails.
func (o *output) misused(root *cobra.Command, args []string, err error) error {
	if c, _, findErr := root.Find(args); o.json() && findErr == nil && c.Name() == "apply" {
		return o.line(applied{Kind: "failed", Errors: diagnose(err)})
	}
	return o.fail(err)
}

// unknownCommand refuses whatever stands where a command should.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return misspelt(fmt.Sprintf("unknown command %q", args[0]), c.SuggestionsFor(args[0]), "", c)
}

// unknownFlag names the flag that may have been meant.
func unknownFlag(c *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return misspelt(err.Error(), nil, "", c)
	}
	names := &cobra.Command{SuggestionsMinimumDistance: 2} // cobra measures the distance of commands only
	c.Flags().VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	return misspelt(err.Error(), names.SuggestionsFor(unknown.GetSpecifiedName()), "--", c)
}

func misspelt(message string, meant []string, prefix string, c *cobra.Command) error {
	hint := "see " + c.CommandPath() + " --help"
	if len(meant) > 0 {
		slices.Sort(meant)
		hint = "did you mean " + prefix + strings.Join(meant, " or "+prefix) + "? " + hint
	}
	return trouble(misuse, message, hint, nil)
}

// oneFolder allows one argument at most.
func oneFolder(c *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return misspelt(fmt.Sprintf("%s takes one folder, and %d arguments are given", c.Name(), len(args)), nil, "", c)
}

// oneDir lets a command take one folder, the current one if none is given.
func oneDir(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
