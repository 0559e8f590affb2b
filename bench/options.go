package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Options say what is measured and where. The zero value is a good one.
type Options struct {
	Redis   string   // URL of an empty server, or path of a redis-server to start; redis-server from the PATH if empty
	Keys    int      // of each data set; 200,000 if zero
	Workers int      // of each baseline; 2 if zero
	Rounds  int      // each lane is measured once a round; 3 if zero
	Only    []string // names of lanes, see Lanes; all if empty. What they are compared with is measured, too
	Memory  bool     // compare the peak memory of the lanes at 100,000 and 2,000,000 keys, and nothing else
}

func (o Options) withDefaults() Options {
	o.Keys, o.Workers, o.Rounds = cmp.Or(o.Keys, 200_000), cmp.Or(o.Workers, 2), cmp.Or(o.Rounds, 3)
	return o
}

// validate names the flag of the command line that cannot be followed.
func (o Options) validate() error {
	for flag, n := range map[string]int{"keys": o.Keys, "workers": o.Workers, "rounds": o.Rounds} {
		if n < 0 {
			return fmt.Errorf("--%s %d: it wants a number above zero", flag, n)
		}
	}
	for _, name := range o.Only {
		if !slices.Contains(Lanes(), name) {
			return fmt.Errorf("--only %s: there is no lane of that name; there are %s", name, strings.Join(Lanes(), ", "))
		}
	}
	return nil
}
