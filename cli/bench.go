package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"keyshift.dev/bench"
)

func newBench() *cobra.Command {
	var o output
	var b bench.Options
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what safety costs beside an unsafe pipeline, on a Redis of its own",
		Long: `Bench rewrites, observes and backs up hashes and JSON strings, and does the same the way people write it by hand:
SCAN, a pipeline of reads, a pipeline of writes, no comparison. One run measures everything in turns on one server and
prints one table. Compare the ratios: the figures of two runs say nothing about each other.

It starts a redis-server from the PATH that keeps nothing and ends with it. A server named by --redis must be empty, and
only what the run wrote is removed from it. The exit code is 1 if the run is void: then the baseline was too slow to
compare with.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.open(c); err != nil {
				return err
			}
			return runBench(c, &o, b)
		},
	}
	o.bind(c.Flags())
	c.Flags().StringVar(&b.Redis, "redis", "", "redis://host:port/db of an empty server, or the path of a redis-server to start; redis-server from the PATH if empty")
	c.Flags().IntVar(&b.Keys, "keys", 200_000, "keys of each data set")
	c.Flags().IntVar(&b.Workers, "workers", 2, "workers of each baseline")
	c.Flags().IntVar(&b.Rounds, "rounds", 3, "how often each lane is measured")
	c.Flags().StringSliceVar(&b.Only, "only", nil, "measure these lanes, and what they are compared with: for example cas,json")
	c.Flags().BoolVar(&b.Memory, "memory", false, "compare the peak memory at 100,000 and 2,000,000 keys instead")
	return c
}

func runBench(c *cobra.Command, o *output, b bench.Options) error {
	r, err := bench.Run(c.Context(), b, func(line string) {
		_, _ = fmt.Fprintln(o.err, line) // a reader that is gone hears nothing
	})
	if err != nil {
		return o.fail(err)
	}
	if o.json() {
		err = o.value(r)
	} else {
		err = r.Print(o.out)
	}
	if err == nil && r.Void != "" {
		return o.fail(errors.New("the run is void: " + r.Void))
	}
	return err
}
