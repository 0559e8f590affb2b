// Package docs tests these pages: the examples run, the messages are real, the reference is the definitions'.
package docs

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is one fenced block of a page that is CUE.
type block struct {
	page         string
	line         int // of the page, of the block's first line
	kind         string
	wrong, stock bool
	text         string
	want         string // of a wrong one: what follows it
	wantAt       [2]int // lines of the page that want fills
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// blocks reads the blocks of a page that are marked cue.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	lines := pageLines(t, page)
	var out []block
	for i := 0; i < len(lines); i++ {
		info, fenced := strings.CutPrefix(lines[i], "```")
		if !fenced {
			continue
		}
		end := i + 1 + slices.Index(lines[i+1:], "```")
		words := strings.Fields(info)
		text := strings.Join(lines[i+1:end], "\n") + "\n"
		switch {
		case len(words) > 0 && words[0] == "cue":
			out = append(out, newBlock(t, block{page: page, line: i + 2, text: text}, words[1:]))
		case info == "text" && len(out) > 0 && out[len(out)-1].wrong && out[len(out)-1].wantAt == [2]int{}:
			last := &out[len(out)-1]
			last.want, last.wantAt = strings.TrimSuffix(text, "\n"), [2]int{i + 1, end}
		}
		i = end
	}
	return out
}

func pageLines(t *testing.T, page string) []string {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n")
}

func newBlock(t *testing.T, b block, words []string) block {
	t.Helper()
	for _, w := range words {
		switch w {
		case "wrong":
			b.wrong = true
		case "stock":
			b.stock = true
		case "system", "keyspace", "version":
			b.kind = w
		default:
			t.Fatalf("%s: unknown mark %q", b, w)
		}
	}
	if b.kind == "" && !strings.HasPrefix(b.text, "package ") {
		t.Fatalf("%s: a block without package is marked system, keyspace or version", b)
	}
	return b
}

// session is the keyspace that blocks use and do not declare.
const session = `system: keyspaces: session: {
	store: "main", version: "2.0.0"
	versions: {
		"1.0.0": {keys: "session:<id>", type: "hash", #value: {user_id: int, name: string}}
		"2.0.0": {keys: "session:<id>", type: "hash", #value: {user_id: int, full_name: string}}
	}
	migrations: "2.0.0": {from: "1.0.0", #old: _, #new: _, #up: full_name: #old.name, #down: name: #new.full_name}
}
`

var (
	version = regexp.MustCompile(`"(\d+\.\d+\.\d+)": ?\{`)
	stdlib  = regexp.MustCompile(`\b(strings|strconv|list|math|regexp|time|json|base64|hex)\.[A-Z]`)
	folders = map[string]string{"json": "encoding/json", "base64": "encoding/base64", "hex": "encoding/hex"}
)

// spec is the whole spec that a block stands for, and how many lines stand before it.
func (b block) spec() (text string, before int) {
	if b.kind == "" {
		return b.text, 0
	}
	head, tail := b.around()
	return head + b.text + tail, strings.Count(head, "\n")
}

func (b block) around() (head, tail string) {
	head = "package doc\n\nimport \"keyshift.dev/schema\"\n"
	var imported []string
	for _, m := range stdlib.FindAllStringSubmatch(b.text, -1) {
		path := m[1]
		if folder, ok := folders[path]; ok {
			path = folder
		}
		if !slices.Contains(imported, path) {
			imported = append(imported, path)
			head += fmt.Sprintf("import %q\n", path)
		}
	}
	head += "\nsystem: schema.#System\n"
	if !strings.Contains(b.text, "stores:") {
		head += "system: stores: main: address: \"redis://127.0.0.1:6379/0\"\n"
	}
	switch b.kind {
	case "system":
		if strings.Contains(b.text, "uses: session") && !strings.Contains(b.text, "keyspaces:") {
			head += session
		}
		return head, ""
	case "keyspace":
		return head + "system: keyspaces: example: {\nstore: \"main\", version: \"" + b.newest() + "\"\n", "}\n"
	}
	head += "system: keyspaces: example: {store: \"main\", version: \"1.0.0\"}\nsystem: keyspaces: example: versions: \"1.0.0\": {\n"
	if !strings.Contains(b.text, "keys:") {
		head += "keys: \"example:<id>\", type: \"hash\"\n"
	}
	return head, "}\n"
}

func (b block) newest() string {
	newest := "1.0.0"
	for _, m := range version.FindAllStringSubmatch(b.text, -1) {
		newest = max(newest, m[1]) // the pages have numbers of one digit
	}
	return newest
}
