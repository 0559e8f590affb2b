package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"keyshift.dev/state"
)

type schemaListOptions struct {
	output
	source
}

// listedKeyspace is one line of the registry.
type listedKeyspace struct {
	Name     string          `json:"name"`
	Store    string          `json:"store"`
	Version  state.Version   `json:"version"` // desired
	Type     state.Redis     `json:"type"`
	Encoding state.Encoding  `json:"encoding,omitempty"`
	Keys     string          `json:"keys"`
	Versions []state.Version `json:"versions"`
	Uses     []listedUse     `json:"uses,omitempty"`
}

// listedUse is what one release does to a keyspace.
type listedUse struct {
	Component string          `json:"component"`
	Release   string          `json:"release"`
	Desired   bool            `json:"desired,omitempty"` // the release that should run
	External  bool            `json:"external,omitempty"`
	Reads     []state.Version `json:"reads,omitempty"`
	Writes    state.Version   `json:"writes,omitempty"`
	Updates   state.Updates   `json:"updates,omitempty"`
}

func newSchemaList() *cobra.Command {
	var o schemaListOptions
	return specCommand(&cobra.Command{
		Use:     "list [DIR]",
		Short:   "List the keyspaces of a spec and who uses them",
		Example: "  keyshift schema list examples/shop",
	}, &o.output, &o.source, o.run)
}

func (o *schemaListOptions) run(ctx context.Context, args []string) error {
	desired, err := o.load(ctx, args)
	if err != nil {
		return o.fail(err)
	}
	list := []listedKeyspace{}
	for _, k := range desired.Keyspaces {
		list = append(list, listKeyspace(desired, k))
	}
	if o.json() {
		return o.value(struct {
			Keyspaces []listedKeyspace `json:"keyspaces"`
		}{list})
	}
	o.printf("%s", listText(list))
	return nil
}

func listKeyspace(d state.Desired, k state.Keyspace) listedKeyspace {
	l := listedKeyspace{Name: k.Name, Store: k.Store, Version: k.Version, Uses: usesOf(d, k)}
	for _, s := range k.Shapes {
		l.Versions = append(l.Versions, s.Version)
		if s.Version == k.Version {
			l.Type, l.Encoding, l.Keys = s.Type, s.Encoding, s.Keys
		}
	}
	return l
}

// usesOf lists the releases that use a keyspace, with the versions that they read.
func usesOf(d state.Desired, k state.Keyspace) []listedUse {
	var out []listedUse
	for _, c := range d.Components {
		for _, r := range c.Releases {
			for _, u := range r.Uses {
				if u.Keyspace != k.Name {
					continue
				}
				l := listedUse{Component: c.Name, Release: r.Name, Desired: r.Name == c.Release, External: c.External, Writes: u.Writes, Updates: u.Updates}
				for _, s := range k.Shapes {
					if u.Reads != "" && u.Reads.Contains(s.Version) {
						l.Reads = append(l.Reads, s.Version)
					}
				}
				out = append(out, l)
			}
		}
	}
	return out
}

// listText is the registry as a table: of the releases that should run who reads and who writes.
func listText(list []listedKeyspace) string {
	if len(list) == 0 {
		return "The spec declares no keyspaces.\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "KEYSPACE\tDESIRED\tVERSIONS\tKIND\tKEYS\tSTORE\tREAD BY\tWRITTEN BY")
	for _, l := range list {
		var readers, writers []string
		for _, u := range l.Uses {
			if !u.Desired {
				continue
			}
			if len(u.Reads) > 0 {
				readers = append(readers, u.Component)
			}
			if u.Writes != "" {
				writers = append(writers, u.Component)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.Version, versionList(l.Versions), kindOf(l.Type, l.Encoding), l.Keys, l.Store,
			dash(strings.Join(slices.Compact(readers), ", ")), dash(strings.Join(slices.Compact(writers), ", ")))
	}
	_ = w.Flush() // into memory
	return b.String()
}

func versionList(versions []state.Version) string {
	out := make([]string, len(versions))
	for i, v := range versions {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}

func kindOf(t state.Redis, e state.Encoding) string {
	if e == "" {
		return string(t)
	}
	return string(t) + " of " + string(e)
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
