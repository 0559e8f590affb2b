package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/schema"
	"keyshift.dev/state"
)

type schemaShowOptions struct {
	output
	source
}

// shownKeyspace is a keyspace of the registry for programs.
type shownKeyspace struct {
	listedKeyspace
	Shapes     []shownShape     `json:"shapes"`
	Migrations []shownMigration `json:"migrations,omitempty"`
}

// shownShape is one version.
type shownShape struct {
	Version state.Version `json:"version"`
	CUE     string        `json:"cue"`
	Shape   state.Shape   `json:"shape"`
}

// shownMigration is one migration and what it loses each way.
type shownMigration struct {
	From    state.Version `json:"from"`
	To      state.Version `json:"to"`
	Derived bool          `json:"derived,omitempty"` // the spec leaves it out
	Up      []state.Loss  `json:"up"`                // none: exact
	Down    []state.Loss  `json:"down"`
	Drop    []string      `json:"drop,omitempty"`
}

func newSchemaShow() *cobra.Command {
	var o schemaShowOptions
	return registryCommand(&cobra.Command{
		Use:   "show [DIR] KEYSPACE[@VERSION]",
		Short: "Print the versions of a keyspace, its migrations and what they lose, and who uses it",
		Example: "  keyshift schema show session\n" +
			"  keyshift schema show examples/shop session@2.0.0",
	}, &o.output, &o.source, o.run)
}

// registryCommand makes a command that is about one keyspace of a spec, or one version of it.
func registryCommand(c *cobra.Command, o *output, s *source, run func(d state.Desired, k state.Keyspace, v state.Version) error) *cobra.Command {
	c.Args = cobra.RangeArgs(1, 2)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := o.open(c); err != nil {
			return err
		}
		d, k, v, err := s.find(c.Context(), args)
		if err != nil {
			return o.fail(err)
		}
		return run(d, k, v)
	}
	o.bind(c.Flags())
	s.bind(c.Flags())
	return c
}

// find evaluates a spec and finds a keyspace, and the version if one is given.
func (s *source) find(ctx context.Context, args []string) (state.Desired, state.Keyspace, state.Version, error) {
	dir, rest := dirFirst(args)
	if len(rest) != 1 {
		return state.Desired{}, state.Keyspace{}, "", trouble(misuse, "name one keyspace, and before it the folder of the spec if it is not the current one", "write KEYSPACE or KEYSPACE@VERSION", nil)
	}
	d, err := s.load(ctx, []string{dir})
	if err != nil {
		return d, state.Keyspace{}, "", err
	}
	name, version, _ := strings.Cut(rest[0], "@")
	var names []string
	for _, k := range d.Keyspaces {
		names = append(names, k.Name)
		if k.Name != name {
			continue
		}
		v := state.Version(version)
		if _, found := k.FindShape(v); !found && v != "" {
			return d, k, v, trouble("unknown-version", fmt.Sprintf("keyspace %s has no version %s", name, version), "it has "+versionList(listKeyspace(d, k).Versions), nil)
		}
		return d, k, v, nil
	}
	return d, state.Keyspace{}, "", trouble("no-keyspace", "the spec has no keyspace "+name, "it has "+orNothing(strings.Join(names, ", ")), nil)
}

func (o *schemaShowOptions) run(d state.Desired, k state.Keyspace, v state.Version) error {
	shown := shownKeyspace{listedKeyspace: listKeyspace(d, k)}
	for _, s := range k.Shapes {
		if v == "" || s.Version == v {
			shown.Shapes = append(shown.Shapes, shownShape{Version: s.Version, CUE: schema.FormatVersion(s), Shape: s})
		}
	}
	for _, m := range k.Migrations {
		if v == "" || m.From == v || m.To == v {
			shown.Migrations = append(shown.Migrations, shownMigration{From: m.From, To: m.To, Derived: m.Derived,
				Up: append([]state.Loss{}, m.Up.Losses...), Down: append([]state.Loss{}, m.Down.Losses...), Drop: m.Drop})
		}
	}
	if o.json() {
		return o.value(shown)
	}
	o.printf("%s", shown.text())
	return nil
}

func (s shownKeyspace) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "// %s in %s; %s is desired.\n", s.Name, s.Store, s.Version)
	for _, v := range s.Shapes {
		fmt.Fprintf(&b, "%q: %s\n", v.Version, v.CUE)
	}
	for _, m := range s.Migrations {
		derived := ""
		if m.Derived {
			derived = ", derived: every field is carried or filled"
		}
		fmt.Fprintf(&b, "\nmigration %s → %s%s\n%s%s", m.From, m.To, derived, lossText("up", m.Up), lossText("down", m.Down))
	}
	if len(s.Uses) > 0 {
		b.WriteByte('\n')
	}
	for _, u := range s.Uses {
		b.WriteString(u.text() + "\n")
	}
	return b.String()
}

// lossText says what one way loses.
func lossText(way string, losses []state.Loss) string {
	if len(losses) == 0 {
		return fmt.Sprintf("  %-5s exact: the way back restores every unit\n", way)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %-5s lossy\n", way)
	for _, l := range losses {
		field := l.Field
		if field == "" {
			field = "the unit"
		}
		fmt.Fprintf(&b, "        %s: %s\n", field, l.Reason)
	}
	return b.String()
}

func (u listedUse) text() string {
	var does []string
	if len(u.Reads) > 0 {
		does = append(does, "reads "+versionList(u.Reads))
	}
	if u.Writes != "" {
		how := ""
		if u.Updates == state.UpdatesFields {
			how = " field by field"
		}
		does = append(does, "writes "+string(u.Writes)+how)
	}
	marks := ""
	if u.Desired {
		marks = " (desired)"
	}
	if u.External {
		marks = " (external)"
	}
	return fmt.Sprintf("%s %s%s: %s", u.Component, u.Release, marks, orNothing(strings.Join(does, ", ")))
}
