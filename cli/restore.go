package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/archive"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

type restoreOptions struct {
	output
	connection
	source
	latest    bool
	overwrite bool
}

// restored is the result for programs.
type restored struct {
	Keyspace string   `json:"keyspace"`
	Archive  string   `json:"archive"`
	Keys     int64    `json:"keys"`    // that the archive holds
	Created  int64    `json:"created"` // or replaced, with --overwrite
	Same     int64    `json:"same"`
	Differs  int64    `json:"differs"` // and were left alone
	Expired  int64    `json:"expired"`
	Samples  []string `json:"samples,omitempty"` // some of those that differ
}

func newRestore() *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:   "restore DIR ARCHIVE|--latest KEYSPACE",
		Short: "Bring the keys of a backup back",
		Long: `Restore verifies a backup, all of it, before it writes the first key. Then it makes the keys that are not
there, each as one, with its value and the moment at which it expires. A key that is there with another value is left
alone, and some of those are named; --overwrite replaces it, if it is still what was read just before.

The archive is named by its path where --state says, as backup and apply print it. --latest takes the newest one that
this very store has; where the store was emptied, the newest of the only store of that name.

Exit code 0: every key is as in the backup, or expired. 2: keys that differ were left alone. 1: an error; run it again to go on.`,
		Example: "  keyshift restore . --latest session --store main=redis://127.0.0.1:6379/0",
		Args: func(c *cobra.Command, args []string) error {
			if o.latest && len(args) == 2 || !o.latest && len(args) == 3 {
				return nil
			}
			return misspelt("restore takes the folder of a spec, an archive or --latest, and the name of a keyspace", nil, "", c)
		},
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := o.output.open(c); err != nil {
			return err
		}
		return o.run(c.Context(), args)
	}
	c.Flags().BoolVar(&o.latest, "latest", false, "take the newest backup of the keyspace")
	c.Flags().BoolVar(&o.overwrite, "overwrite", false, "replace keys that have another value now")
	o.output.bind(c.Flags())
	o.source.bind(c.Flags())
	o.bindStores(c.Flags())
	return c
}

func (o *restoreOptions) run(ctx context.Context, args []string) error {
	desired, err := o.load(ctx, args[:1])
	if err != nil {
		return o.fail(err)
	}
	name := args[len(args)-1]
	if _, err := keyspacesNamed(desired, []string{name}); err != nil {
		return o.fail(err)
	}
	if err := o.stateIsThere(); err != nil {
		return o.fail(err)
	}
	shelf, err := o.connection.shelf(ctx, desired, []string{name}, &o.output)
	defer shelf.release()
	if err != nil {
		return o.fail(err)
	}
	at := ""
	if o.latest {
		at, err = shelf.latest(ctx, name)
	} else {
		at = shelf.path(args[1])
	}
	var got keyspace.RestoreOutcome
	if err == nil {
		got, err = o.restore(ctx, shelf, at, name)
	}
	if err != nil {
		return o.fail(stoppedBy(err))
	}
	return o.show(name, at, got)
}

// stateIsThere keeps a mistyped folder from being made.
func (o *restoreOptions) stateIsThere() error {
	dir, err := o.stateFolder()
	if _, isFolder := folderOf(o.state); err != nil || o.state != "" && !isFolder {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return trouble(noState, fmt.Sprintf("the folder %s is not there, so it holds no backup", dir), "name the place of the backups with --state", err)
	}
	return nil
}

// path is an archive as the storage names it: people paste the folder's path, too.
func (s keptShelf) path(given string) string {
	given = strings.TrimSuffix(given, "/")
	return path.Clean(strings.TrimPrefix(given, s.storage.String()+"/"))
}

// latest finds the newest backup of a keyspace: of this very store, or, where it lost its identity with its data, of the
// only store of that name.
func (s keptShelf) latest(ctx context.Context, name string) (string, error) {
	k, _ := s.desired.FindKeyspace(name)
	identity, err := s.edges.Stores[k.Store].Identity(ctx)
	if err != nil {
		return "", err
	}
	place := archive.Place{System: s.desired.System, Store: k.Store, Identity: identity, Keyspace: name}
	if identity != "" {
		if at, found, err := archive.LatestBackup(ctx, s.storage, place); found || err != nil {
			return at, err
		}
	}
	all, err := archive.Backups(ctx, s.storage, place)
	if err != nil {
		return "", err
	}
	var folders []string
	for _, f := range all {
		if folder := path.Dir(f.Path); !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	switch {
	case len(folders) == 0:
		return "", trouble(archive.ArchiveMissing, fmt.Sprintf("%s: there is no backup of keyspace %s", s.storage, name), "name the place of the backups with --state", nil)
	case identity != "":
		return "", trouble(archive.ArchiveForeign, fmt.Sprintf("%s: the backups of keyspace %s are of another store than this one, or older than its first apply", s.storage, name),
			"to take one of those all the same, name it: the newest is "+all[len(all)-1].Path, nil)
	case len(folders) > 1:
		return "", trouble(archive.ArchiveForeign, fmt.Sprintf("%s: there are backups of several stores %s, and this one does not say which it was", s.storage, k.Store),
			"name a backup: they are in "+strings.Join(folders, ", "), nil)
	}
	return all[len(all)-1].Path, nil
}

// restore brings keys back under the lease of their keyspace.
func (o *restoreOptions) restore(ctx context.Context, s keptShelf, at, name string) (keyspace.RestoreOutcome, error) {
	if err := archive.Verify(ctx, s.storage, at); err != nil {
		return keyspace.RestoreOutcome{}, err // before anything is taken
	}
	k, err := s.keyspace(ctx, name)
	if err != nil {
		return keyspace.RestoreOutcome{}, err
	}
	store := s.edges.Stores[k.Store]
	if err := store.CheckOwner(ctx, s.desired.System, []state.Keyspace{k}); err != nil {
		return keyspace.RestoreOutcome{}, err
	}
	l, err := store.Acquire(ctx, s.desired.System, name)
	if err != nil {
		return keyspace.RestoreOutcome{}, err
	}
	defer func() { _ = l.Release(ctx) }() // it expires by itself, too
	return archive.RestoreBackup(ctx, s.storage, at, store, l, k, keyspace.RestoreOptions{Overwrite: o.overwrite}, nil)
}

func (o *restoreOptions) show(name, at string, got keyspace.RestoreOutcome) error {
	if o.json() {
		out := restored{
			Keyspace: name, Archive: at, Keys: got.Keys, Created: got.Restored, Same: got.Same, Differs: got.Differs,
			Expired: got.Expired, Samples: got.Samples,
		}
		if err := o.value(out); err != nil {
			return err
		}
	}
	o.printf("%s: %s in %s\n", name, count(got.Keys, "key"), at)
	o.printf("  %d created, %d the same already, %d differ, %d expired\n", got.Restored, got.Same, got.Differs, got.Expired)
	if got.Differs == 0 {
		return nil
	}
	for _, key := range got.Samples {
		o.printf("  differs: %.200q\n", key)
	}
	if !o.json() {
		o.note("%s left alone, because their value is another now; --overwrite replaces them", are(got.Differs))
	}
	return errChanges
}

func are(n int64) string {
	if n == 1 {
		return "1 key was"
	}
	return fmt.Sprintf("%d keys were", n)
}

// stoppedBy says of an interruption how to go on.
func stoppedBy(err error) error {
	if errors.Is(err, context.Canceled) {
		return trouble(interrupted, "interrupted: "+err.Error(), "run it again to go on", err)
	}
	return err
}
