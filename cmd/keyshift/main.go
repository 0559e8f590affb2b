// Command keyshift keeps the releases of services and the shape of their Redis data in step:
//
//	keyshift init shop && keyshift vet shop && keyshift plan shop
//
// It only wires: what each command does is in the packages cli, reconciler, remote and demo.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // an image may have no time zones

	"github.com/spf13/pflag"

	"keyshift.dev/cli"
	"keyshift.dev/demo"
	"keyshift.dev/reconciler"
	"keyshift.dev/remote"
	"keyshift.dev/sandbox"
)

// version is set by the linker.
var version = "dev"

func main() {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// collectAt has the collector run less often than by default: what lives is a few pages of units, and a rewrite makes
// many times as much that does not.
const collectAt = 400

// run runs one command line; an interrupt ends its context, a second one the process.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return cli.Run(ctx, cli.Commands{Version: version, Controller: controller(), Demo: show(), Remote: outside()}, args, stdout, stderr)
}

func controller() cli.Service {
	var o reconciler.Options
	return cli.Service{
		Flags: o.BindFlags,
		Run:   func(ctx context.Context) error { return reconciler.Run(ctx, o) },
	}
}

func show() cli.Show {
	var o demo.Options
	return cli.Show{
		Flags: func(fs *pflag.FlagSet) {
			fs.IntVar(&o.Keys, "keys", 20_000, "sessions to seed")
			fs.IntVar(&o.Pods, "pods", 3, "pods of the application")
			fs.StringVar(&o.Redis, "redis", "", `host:port of an empty Redis, or "embedded"; redis-server from the PATH, else embedded, if empty`)
		},
		Run: func(ctx context.Context, out io.Writer, json bool) error {
			o.JSON = json
			return demo.Run(ctx, o, out)
		},
	}
}

func outside() []cli.Command {
	var all []cli.Command
	for _, c := range remote.Commands() {
		all = append(all, cli.Command{
			Use: c.Use, Short: c.Short, Long: c.Long, Example: c.Example, Args: c.Args, Flags: c.Flags,
			Run: func(ctx context.Context, s cli.Streams, args []string) error {
				return c.Run(ctx, remote.Streams(s), args)
			},
		})
	}
	return all
}
