package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/apply"
	"keyshift.dev/archive"
	"keyshift.dev/state"
)

type backupOptions struct {
	output
	connection
	source
}

// backedUp is one backup for programs.
type backedUp struct {
	Keyspace string `json:"keyspace"`
	Store    string `json:"store"`
	State    string `json:"state"`   // the place
	Archive  string `json:"archive"` // its path there
	Keys     int64  `json:"keys"`
	Bytes    int64  `json:"bytes"`
	Parts    int    `json:"parts"`
	Verified bool   `json:"verified"` // it was read back and is what was written
}

func newBackup() *cobra.Command {
	var o backupOptions
	c := &cobra.Command{
		Use:   "backup DIR [KEYSPACE...]",
		Short: "Keep all keys of keyspaces outside the store",
		Long: `Backup reads every key of the keyspaces of a spec, all of them if none is named, with its value and the
moment at which it expires, and keeps them where --state says. Each backup is read back before it counts. Nothing is
written to a store. What is backed up by hand stays until somebody deletes it; apply deletes only backups of its own.`,
		Example: "  keyshift backup . --store main=redis://127.0.0.1:6379/0 --state /var/lib/keyshift\n" +
			"  keyshift backup . session --state s3://my-bucket?region=eu-west-1",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return nil
			}
			return misspelt("backup takes the folder of a spec, and the names of keyspaces", nil, "", c)
		},
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := o.output.open(c); err != nil {
			return err
		}
		return o.run(c.Context(), args)
	}
	o.output.bind(c.Flags())
	o.source.bind(c.Flags())
	o.bindStores(c.Flags())
	return c
}

func (o *backupOptions) run(ctx context.Context, args []string) error {
	desired, err := o.load(ctx, args[:1])
	if err != nil {
		return o.fail(err)
	}
	names, err := keyspacesNamed(desired, args[1:])
	if err != nil {
		return o.fail(err)
	}
	shelf, err := o.connection.shelf(ctx, desired, names, &o.output)
	defer shelf.release()
	if err != nil {
		return o.fail(err)
	}
	made := []backedUp{}
	for _, name := range names {
		one, err := shelf.backup(ctx, name)
		if err != nil {
			return o.fail(stoppedBy(fmt.Errorf("keyspace %s: %w", name, err)))
		}
		made = append(made, one)
		o.printf("%s: %s, %s in %s, read back and verified\n  %s in %s\n", name, count(one.Keys, "key"), count(one.Bytes, "byte"),
			count(one.Parts, "part"), one.Archive, one.State)
	}
	if o.json() {
		return o.value(struct {
			Backups []backedUp `json:"backups"`
		}{made})
	}
	return nil
}

// keyspacesNamed returns the names of keyspaces that a spec declares: those given, or all.
func keyspacesNamed(d state.Desired, given []string) ([]string, error) {
	var all []string
	for _, k := range d.Keyspaces {
		all = append(all, k.Name)
	}
	if len(given) == 0 {
		if len(all) == 0 {
			return nil, trouble(misuse, "the spec has no keyspace", "", nil)
		}
		return all, nil
	}
	for i, name := range given {
		if !slices.Contains(all, name) {
			return nil, trouble(misuse, fmt.Sprintf("the spec has no keyspace %q", name), "it has "+orNothing(strings.Join(all, ", ")), nil)
		}
		if slices.Contains(given[:i], name) {
			return nil, trouble(misuse, fmt.Sprintf("keyspace %s is named twice", name), "", nil)
		}
	}
	return given, nil
}

// keptShelf is what backup and restore work with: the stores of some keyspaces, and the place of their archives.
type keptShelf struct {
	edges   apply.Edges
	desired state.Desired
	storage archive.Storage
	close   func()
}

// release gives back what is open.
func (s keptShelf) release() {
	if s.storage != nil {
		_ = s.storage.Close() // what is kept is durable already
	}
	if s.close != nil {
		s.close()
	}
}

// shelf connects to the stores of keyspaces and to the place for their archives. The cluster is asked only for Secrets.
func (c *connection) shelf(ctx context.Context, d state.Desired, keyspaces []string, o *output) (keptShelf, error) {
	s := keptShelf{desired: d}
	if _, err := c.addresses(d.Stores); err != nil {
		return s, err
	}
	needed := d
	needed.Components = nil
	needed.Stores = slices.DeleteFunc(slices.Clone(d.Stores), func(st state.Store) bool {
		return !slices.ContainsFunc(keyspaces, func(name string) bool {
			k, _ := d.FindKeyspace(name)
			return k.Store == st.Name
		})
	})
	reach := *c
	reach.overrides = slices.DeleteFunc(slices.Clone(c.overrides), func(text string) bool {
		name, _, _ := strings.Cut(text, "=")
		return !slices.ContainsFunc(needed.Stores, func(st state.Store) bool { return st.Name == name })
	})
	addresses, err := reach.addresses(needed.Stores)
	if err != nil {
		return s, err
	}
	reach.noCluster = !slices.ContainsFunc(needed.Stores, func(st state.Store) bool {
		return addresses[st.Name] == "" && (st.Auth != nil || st.TLS != nil || st.Sentinel != nil)
	})
	if !reach.noCluster {
		if _, _, err := reach.restConfig(); err != nil {
			return s, trouble(noStore, fmt.Sprintf("the stores' passwords and certificates are in the cluster: %v", err),
				"name a kubeconfig with --kubeconfig, or each store with --store NAME=redis://:PASSWORD@host:port/db", err)
		}
	}
	s.edges, s.close, err = reach.open(ctx, needed, o)
	if err != nil {
		return s, err
	}
	dir, err := c.stateFolder()
	if err != nil {
		return s, err
	}
	s.edges.Mirror = apply.FileMirror{Dir: dir, Scope: scope(d.Stores, given(c.overrides))}
	s.storage, err = archive.Open(ctx, cmp.Or(c.state, dir))
	return s, err
}

// given returns the addresses of --store, which were checked before.
func given(overrides []string) map[string]string {
	out := map[string]string{}
	for _, o := range overrides {
		name, address, _ := strings.Cut(o, "=")
		out[name] = address
	}
	return out
}

// keyspace returns a keyspace with all versions that the spec, the store's ledger or its copy knows: keys of an older
// version may have other names.
func (s keptShelf) keyspace(ctx context.Context, name string) (state.Keyspace, error) {
	k, _ := s.desired.FindKeyspace(name)
	ledgers, err := s.edges.Mirror.Load(ctx, s.desired.System)
	if err != nil {
		return k, err
	}
	own, found, err := s.edges.Stores[k.Store].ReadLedger(ctx, s.desired.System)
	if err != nil {
		return k, err
	}
	if found {
		ledgers = append(ledgers, own)
	}
	k.Shapes = slices.Clone(k.Shapes)
	for _, l := range ledgers {
		known, _ := l.Catalogue.FindKeyspace(name)
		for _, shape := range known.Shapes {
			if !slices.ContainsFunc(k.Shapes, func(s state.Shape) bool { return s.Version == shape.Version }) {
				k.Shapes = append(k.Shapes, shape)
			}
		}
	}
	return k, nil
}

func (s keptShelf) backup(ctx context.Context, name string) (backedUp, error) {
	k, err := s.keyspace(ctx, name)
	if err != nil {
		return backedUp{}, err
	}
	of := archive.BackupOf{System: s.desired.System, Keyspace: k, ByHand: true}
	m, at, err := archive.MakeBackup(ctx, s.edges.Stores[k.Store], s.storage, of, nil)
	return backedUp{
		Keyspace: name, Store: k.Store, State: s.storage.String(), Archive: at, Keys: m.Keys, Bytes: m.Bytes, Parts: len(m.Parts),
		Verified: err == nil,
	}, err
}
