package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"keyshift.dev/apply"
	"keyshift.dev/cluster"
	"keyshift.dev/gate"
	"keyshift.dev/keyspace"
	"keyshift.dev/state"
)

// connection is how plan and apply reach the cluster and the stores.
type connection struct {
	overrides  []string // NAME=URL
	kubeconfig string
	context    string
	namespace  string // of the stores' Secrets
	noCluster  bool
	state      string // folder or URL
	adopt      bool
	rollout    time.Duration
	prometheus string // address
	skipImages bool
}

func (c *connection) bind(fs *pflag.FlagSet) {
	c.bindStores(fs)
	fs.BoolVar(&c.noCluster, "no-cluster", false, "leave the components out and assume that no release is running")
	fs.BoolVar(&c.adopt, "adopt", false, "take stores as they are now, also if one was emptied or replaced")
	fs.StringVar(&c.prometheus, "prometheus", "", "address of a Prometheus, which gates with a PromQL expression are asked of; without one they do not hold")
	fs.BoolVar(&c.skipImages, "skip-image-check", false, "do not ask registries whether the images that a plan with a rewrite may need can be pulled")
	fs.DurationVar(&c.rollout, "rollout-timeout", 10*time.Minute, "how long a rollout may take")
}

// bindStores binds what it takes to reach the stores and the place for backups.
func (c *connection) bindStores(fs *pflag.FlagSet) {
	fs.StringArrayVar(&c.overrides, "store", nil, "NAME=redis://[user:password@]host:port/db: reach a store there instead; may be repeated")
	fs.StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig file; $KUBECONFIG or ~/.kube/config if empty")
	fs.StringVar(&c.context, "context", "", "context of the kubeconfig; the current one if empty")
	fs.StringVarP(&c.namespace, "namespace", "n", "", "namespace of the stores' Secrets; the context's if empty")
	fs.StringVar(&c.state, "state", "", "folder, or URL of a bucket, for backups and undo logs; in a folder the copy of the ledgers is kept, too; $XDG_STATE_HOME/keyshift or ~/.local/state/keyshift if empty")
}

// addresses returns the overridden addresses by store, after checking them against the spec.
func (c *connection) addresses(stores []state.Store) (map[string]string, error) {
	out := map[string]string{}
	for _, o := range c.overrides {
		name, address, found := strings.Cut(o, "=")
		if !found || name == "" || address == "" {
			return nil, trouble(misuse, "--store wants NAME=redis://host:port/db", "", nil)
		}
		if !slices.ContainsFunc(stores, func(s state.Store) bool { return s.Name == name }) {
			return nil, trouble(noStore, fmt.Sprintf("--store %s: the spec has no store of that name", name), "it has "+orNothing(storeNames(stores)), nil)
		}
		if _, twice := out[name]; twice {
			return nil, trouble(misuse, fmt.Sprintf("--store %s is given twice", name), "", nil)
		}
		out[name] = address
	}
	return out, nil
}

func storeNames(stores []state.Store) string {
	names := make([]string, len(stores))
	for i, s := range stores {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// open connects to everything that a system names. Close what it returns in any case.
func (c *connection) open(ctx context.Context, d state.Desired, o *output) (edges apply.Edges, release func(), err error) {
	edges = apply.Edges{Stores: map[string]*keyspace.Store{}, Adopt: c.adopt, RolloutTimeout: c.rollout, Prometheus: c.prometheus, SkipImages: c.skipImages}
	kept := &apply.Storage{}
	edges.State, edges.Room = kept, kept.Room
	release = func() {
		_ = kept.Close() // what is kept is durable already
		for _, s := range edges.Stores {
			s.Close()
		}
	}
	if err := gate.Check(c.prometheus); err != nil {
		return edges, release, trouble(misuse, "--prometheus: "+err.Error(), "", nil)
	}
	addresses, err := c.addresses(d.Stores)
	if err != nil {
		return edges, release, err
	}
	dir, err := c.stateFolder()
	if err != nil {
		return edges, release, err
	}
	kept.Address = cmp.Or(c.state, dir)
	edges.Mirror = apply.FileMirror{Dir: dir, Scope: scope(d.Stores, addresses)}
	var secrets secretReader
	if c.noCluster {
		if len(d.Components) > 0 {
			o.note("--no-cluster: the components are left out, assuming that none of their releases is running")
		}
	} else if secrets, err = c.openCluster(&edges); err != nil {
		return edges, release, err
	}
	for _, s := range d.Stores {
		opened, err := c.openStore(ctx, s, addresses[s.Name], secrets)
		if err != nil {
			return edges, release, err
		}
		edges.Stores[s.Name] = opened
	}
	return edges, release, nil
}

// secretReader reads a Secret of the namespace; nil if there is no cluster.
type secretReader func(ctx context.Context, name string) (map[string][]byte, error)

func (c *connection) openCluster(edges *apply.Edges) (secretReader, error) {
	config, namespace, err := c.restConfig()
	if err != nil {
		return nil, fmt.Errorf("the cluster: %w; name a kubeconfig with --kubeconfig, or leave the cluster out with --no-cluster", err)
	}
	kube, err := cluster.NewKube(config)
	if err != nil {
		return nil, fmt.Errorf("the cluster: %w", err)
	}
	edges.Cluster = kube
	return func(ctx context.Context, name string) (map[string][]byte, error) {
		return kube.Secret(ctx, namespace, name)
	}, nil
}

func (c *connection) restConfig() (*rest.Config, string, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.context}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, "", err
	}
	namespace := c.namespace
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return nil, "", err
		}
	}
	return config, namespace, nil
}

// openStore connects to a store. Credentials come from the address if it has some, else from the Secret that the
// spec names, where there is a cluster to read it from.
func (c *connection) openStore(ctx context.Context, s state.Store, override string, secrets secretReader) (*keyspace.Store, error) {
	o, err := storeOptions(ctx, s, override, secrets)
	if err != nil {
		return nil, err
	}
	store, err := keyspace.Open(ctx, o)
	if err != nil {
		return nil, c.reach(err, s, o)
	}
	return store, nil
}

// storeOptions returns how to reach a store. An address on the command line stands for everything that the spec says of
// the place; the Secrets of its own are read only if there is a cluster to read them from.
func storeOptions(ctx context.Context, s state.Store, override string, secrets secretReader) (keyspace.Options, error) {
	if override != "" {
		s.Address, s.Sentinel, s.Cluster, s.Database = override, nil, nil, 0
	}
	if secrets == nil || hasCredentials(s.Address) {
		s.Auth = nil
	}
	if secrets == nil && s.TLS != nil {
		s.TLS = &state.TLS{ServerName: s.TLS.ServerName}
	}
	if override != "" && strings.HasPrefix(override, "redis://") {
		s.TLS = nil
	}
	if hasCredentials(s.Address) {
		s.User = ""
	}
	return keyspace.OptionsOf(s, func(name string) (map[string][]byte, error) { return secrets(ctx, name) })
}

// reach adapts the way out of a store that cannot be reached to what was given on the command line.
func (c *connection) reach(err error, s state.Store, o keyspace.Options) error {
	refused, ok := errors.AsType[*keyspace.Error](err)
	if !ok {
		return err
	}
	e := *refused
	switch {
	case e.Reason == keyspace.StoreDenied && c.noCluster && s.Auth != nil && !hasCredentials(o.Address):
		e.Hint = fmt.Sprintf("the Secret %s is not read with --no-cluster: give --store %s=redis://:PASSWORD@host:port/db", s.Auth.Name, s.Name)
	case e.Reason == keyspace.StoreDenied && c.noCluster && !hasCredentials(o.Address):
		e.Hint = fmt.Sprintf("give the password with --store %s=redis://:PASSWORD@host:port/db", s.Name)
	case e.Reason == keyspace.StoreDenied && hasCredentials(o.Address):
		e.Hint = "correct the user name and password in the address"
	case e.Reason == keyspace.StoreUnreachable && strings.HasPrefix(o.Address, "rediss://"):
		e.Hint = "check its address and that it is up; it may not speak TLS: try redis://"
	}
	return &e
}

// advise names the flag where the folder for the copy of the ledgers cannot be used.
func (c *connection) advise(err error) error {
	broken, ok := errors.AsType[*fs.PathError](err)
	dir, dirErr := c.stateFolder()
	if !ok || dirErr != nil {
		return err
	}
	within := strings.HasPrefix(broken.Path, dir) || strings.HasPrefix(dir, broken.Path) // or a folder above it
	if !within {
		return err
	}
	return trouble(noState, err.Error(), "name another folder with --state", err)
}

func hasCredentials(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.User != nil
}

// scope tells deployments of one system apart by where its stores are, without credentials.
func scope(stores []state.Store, addresses map[string]string) string {
	lines := make([]string, len(stores))
	for i, s := range stores {
		address := s.Address
		if override := addresses[s.Name]; override != "" {
			address = override
		}
		if u, err := url.Parse(address); err == nil {
			address = u.Host + u.Path
		}
		lines[i] = s.Name + "=" + address
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// stateFolder is where the copy of the ledgers is kept: in the folder of the state, or where there is a bucket for that,
// in the user's (XDG Base Directory Specification).
func (c *connection) stateFolder() (string, error) {
	if folder, ok := folderOf(c.state); ok {
		return folder, nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "keyshift"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the copy of the ledgers: %w; name one with --state", err)
	}
	return filepath.Join(home, ".local", "state", "keyshift"), nil
}

// place is where backups and undo logs are kept, for people: without what may follow the name of a bucket.
func (c *connection) place() string {
	dir, _ := c.stateFolder() // it is known: open has used it
	name, _, _ := strings.Cut(cmp.Or(c.state, dir), "?")
	return name
}

// folderOf returns the folder that a place names, if it is one.
func folderOf(place string) (string, bool) {
	path, isFile := strings.CutPrefix(place, "file://")
	if isFile {
		path = filepath.FromSlash(strings.TrimPrefix(path, "localhost"))
	}
	return path, place != "" && (isFile || !strings.Contains(place, "://"))
}
