package schema_test

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // a machine may have no time zones
)

// zoneForm is that of #Zone.
var zoneForm = regexp.MustCompile(`^(UTC|[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)+)$`)

// TestZones: vet knows the zones that Go knows, so that what passes can be planned with, and no other.
func TestZones(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var names []string
	for _, f := range z.File {
		if zoneForm.MatchString(f.Name) && !strings.HasSuffix(f.Name, "/") {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	want := strings.Join(names, "\n") + "\n"
	if *update {
		if err := os.WriteFile("zones.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("zones.txt does not list the zones of this Go; go test -run TestZones -update rewrites it")
	}
	for _, name := range strings.Fields(string(got)) {
		if _, err := time.LoadLocation(name); err != nil {
			t.Errorf("vet knows %s: %v", name, err)
		}
	}
}
