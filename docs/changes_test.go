package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestChangesPage: the page names the fields that are written, and no others.
func TestChangesPage(t *testing.T) {
	code, err := os.ReadFile("../keyspace/changes.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(code), "func (c Change) values")
	body, _, _ = strings.Cut(body, "\n}\n")
	written := map[string]bool{}
	for _, m := range regexp.MustCompile(`"(format|system|kind)"|\{"(\w+)",`).FindAllStringSubmatch(body, -1) {
		written[m[1]+m[2]] = true
	}
	if len(written) != 21 {
		t.Errorf("%d fields are written: %v", len(written), written)
	}
	for _, line := range pageLines(t, "changes.md") {
		m := regexp.MustCompile("^\\| `(\\w+)`").FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if !written[m[1]] {
			t.Errorf("the page has the field %s, which nothing writes", m[1])
		}
		delete(written, m[1])
	}
	for name := range written {
		t.Errorf("the page lacks the field %s", name)
	}
}
