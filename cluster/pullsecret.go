package cluster

import (
	"cmp"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
)

// pullSecret is one entry of a pull secret: credentials for a registry, or for a part of one.
type pullSecret struct {
	host string // may have wildcards in its labels: *.example.com
	path string // that repositories begin with; empty: all
	authn.AuthConfig
}

// pullSecrets reads the entries of a Secret of one of the two types that a kubelet reads. Of another type it has none.
func pullSecrets(s *corev1.Secret) ([]pullSecret, error) {
	var entries map[string]authn.AuthConfig
	var err error
	switch s.Type {
	case corev1.SecretTypeDockerConfigJson:
		var file struct {
			Auths map[string]authn.AuthConfig `json:"auths"`
		}
		err = json.Unmarshal(s.Data[corev1.DockerConfigJsonKey], &file)
		entries = file.Auths
	case corev1.SecretTypeDockercfg:
		err = json.Unmarshal(s.Data[corev1.DockerConfigKey], &entries)
	}
	if err != nil { // its text may quote what is in there
		return nil, errors.New("Secret " + s.Namespace + "/" + s.Name + " is no pull secret that can be read")
	}
	out := make([]pullSecret, 0, len(entries))
	for key, auth := range entries {
		host, rest := registryOf(key)
		out = append(out, pullSecret{host, rest, auth})
	}
	return out, nil
}

// registryOf takes the key of an entry apart. It may be written as an address, and with the path of the registry's API.
func registryOf(key string) (host, rest string) {
	if _, after, found := strings.Cut(key, "://"); found {
		key = after
	}
	host, rest, _ = strings.Cut(key, "/")
	rest = strings.TrimSuffix(rest, "/")
	if rest == "v1" || rest == "v2" {
		rest = ""
	}
	if host == "docker.io" || host == "registry-1.docker.io" {
		host = name.DefaultRegistry
	}
	return host, rest
}

// matching returns the entries for a repository, those that say the most of it first, as a kubelet tries them.
func matching(entries []pullSecret, r name.Repository) []pullSecret {
	out := slices.DeleteFunc(slices.Clone(entries), func(s pullSecret) bool {
		repository := r.RepositoryStr() + "/"
		return !sameHost(s.host, r.RegistryStr()) || s.path != "" && !strings.HasPrefix(repository, s.path)
	})
	slices.SortStableFunc(out, func(a, b pullSecret) int {
		return cmp.Or(cmp.Compare(len(b.path), len(a.path)), cmp.Compare(b.path, a.path), cmp.Compare(b.host, a.host))
	})
	return out
}

// sameHost compares host and port; a wildcard stands for one label or a part of one.
func sameHost(pattern, host string) bool {
	patternName, patternPort, _ := strings.Cut(pattern, ":")
	hostName, hostPort, _ := strings.Cut(host, ":")
	want, got := strings.Split(patternName, "."), strings.Split(hostName, ".")
	if patternPort != hostPort || len(want) != len(got) {
		return false
	}
	for i := range want {
		if ok, err := path.Match(want[i], got[i]); err != nil || !ok {
			return false
		}
	}
	return true
}
