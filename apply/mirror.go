package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"keyshift.dev/state"
)

// FileMirror keeps the ledgers of each system in one JSON file of a directory, for use without a cluster.
type FileMirror struct {
	Dir string // made if missing, readable by its owner alone

	// Scope tells deployments of one system apart, as staging from production: the addresses of its
	// stores, for example. It becomes part of the file's name as a digest.
	Scope string
}

func (m FileMirror) path(system string) string {
	name := url.PathEscape(system)
	if m.Scope != "" {
		digest := string(state.DigestOf(m.Scope))
		name += "-" + digest[len("sha256:"):][:16]
	}
	return filepath.Join(m.Dir, name+".json")
}

// Load reads the file. A file that does not parse is an error: it may be all that is known of a way back.
func (m FileMirror) Load(_ context.Context, system string) ([]state.Ledger, error) {
	path := m.path(system)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the mirror of the ledgers: %w", err)
	}
	var ledgers []state.Ledger
	if err := json.Unmarshal(data, &ledgers); err != nil {
		return nil, fmt.Errorf("the mirror of the ledgers in %s is damaged: %w; restore the file, or move it away and run with adopt", path, err)
	}
	for _, l := range ledgers {
		if l.Format > state.LedgerFormat {
			return nil, fmt.Errorf("the mirror of the ledgers in %s has format %d and this program knows %d; use a newer keyshift", path, l.Format, state.LedgerFormat)
		}
	}
	return ledgers, nil
}

// Save writes a new file beside the old one, syncs it and renames it over the old one.
func (m FileMirror) Save(_ context.Context, system string, ledgers []state.Ledger) error {
	data, err := json.MarshalIndent(ledgers, "", "\t")
	if err == nil {
		err = replaceFile(m.path(system), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the mirror of the ledgers: %w", err)
	}
	return nil
}

// replaceFile makes the file hold data, durably, or leaves it as it was.
func replaceFile(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the first error is the one to tell
		}
	}()
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
