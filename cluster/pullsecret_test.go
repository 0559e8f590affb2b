package cluster

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// TestMatching: which entry of a pull secret is for which image, and which is tried first.
func TestMatching(t *testing.T) {
	entry := func(key string) pullSecret {
		host, rest := registryOf(key)
		return pullSecret{host: host, path: rest}
	}
	for _, x := range []struct {
		key, image string
		match      bool
	}{
		{"https://index.docker.io/v1/", "app:1", true},
		{"docker.io", "acme/app:1", true},
		{"docker.io", "ghcr.io/acme/app:1", false},
		{"ghcr.io", "ghcr.io/acme/app:1", true},
		{"ghcr.io/acme", "ghcr.io/acme/app:1", true},
		{"ghcr.io/other", "ghcr.io/acme/app:1", false},
		{"*.example.com", "eu.example.com/app:1", true},
		{"*.example.com", "a.eu.example.com/app:1", false},
		{"*.example.com", "example.com/app:1", false},
		{"r*.example.com:5000", "r1.example.com:5000/app:1", true},
		{"r*.example.com:5000", "r1.example.com/app:1", false},
		{"http://localhost:5000/v2/", "localhost:5000/app:1", true},
	} {
		ref, err := name.ParseReference(x.image)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(matching([]pullSecret{entry(x.key)}, ref.Context())) == 1; got != x.match {
			t.Errorf("%s for %s: %t", x.key, x.image, got)
		}
	}
	ref, _ := name.ParseReference("ghcr.io/acme/team/app:1")
	got := matching([]pullSecret{entry("ghcr.io"), entry("ghcr.io/acme/team"), entry("ghcr.io/acme")}, ref.Context())
	if len(got) != 3 || got[0].path != "acme/team" || got[1].path != "acme" || got[2].path != "" {
		t.Errorf("the order is %+v: the closest comes first", got)
	}
}
