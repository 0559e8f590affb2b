package docs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The language server of CUE shows the comments of the definitions in a spec that names them.
func TestEditor(t *testing.T) {
	text := blocks(t, "pull-requests.md")[0].text
	dir := module(t, text)
	server := startServer(t, dir)
	server.open(filepath.Join(dir, "spec.cue"), text)
	for field, sentence := range map[string]string{
		"keyspaces:":           "A keyspace belongs to exactly one system.",
		"address:":             "It holds no user and no password",
		"store:":               "The name of a store of the system.",
		`version: "1.0.0"`:     "The version that every unit should have.",
		"keys:":                "The pattern of the keys",
		"#value:":              "The shape of the unit that has a version",
		`versions: "1.0.0": s`: "A version that was applied is immutable",
	} {
		if got := server.hover(text, field); !strings.Contains(got, sentence) {
			t.Errorf("over %s the server shows %q, want %q", field, got, sentence)
		}
	}
}

// What the page says of names that match a pattern is so: below them nothing is shown unless the spec names the
// definition. When this fails, CUE has learned it, and the page and the starter can be simpler.
func TestEditorPatterns(t *testing.T) {
	text := strings.ReplaceAll(blocks(t, "pull-requests.md")[0].text, "schema.#Keyspace & ", "")
	dir := module(t, text)
	server := startServer(t, dir)
	server.open(filepath.Join(dir, "spec.cue"), text)
	if got := server.hover(text, "store:"); got != "" {
		t.Errorf("the server shows %q", got)
	}
}

// server is a running language server.
type server struct {
	t    *testing.T
	in   io.Writer
	out  *bufio.Reader
	uri  string // of the open file
	last int
}

func startServer(t *testing.T, dir string) *server {
	t.Helper()
	c := exec.CommandContext(t.Context(), cueCommand(t), "lsp")
	c.Dir, c.Env = dir, offline(t)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() }) // a read of a mute server ends
	t.Cleanup(func() {
		guard.Stop()
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	s := &server{t: t, in: in, out: bufio.NewReader(out)}
	s.call("initialize", map[string]any{
		"processId": os.Getpid(), "rootUri": "file://" + dir,
		"workspaceFolders": []any{map[string]any{"uri": "file://" + dir, "name": "spec"}},
		"capabilities":     map[string]any{"textDocument": map[string]any{"hover": map[string]any{"contentFormat": []string{"markdown"}}}},
	})
	s.send(map[string]any{"method": "initialized", "params": map[string]any{}})
	return s
}

func (s *server) open(file, text string) {
	s.uri = "file://" + filepath.ToSlash(file)
	s.send(map[string]any{"method": "textDocument/didOpen", "params": map[string]any{
		"textDocument": map[string]any{"uri": s.uri, "languageId": "cue", "version": 1, "text": text}}})
}

// hover is what the server shows over the first place of a text in the open file.
func (s *server) hover(text, at string) string {
	s.t.Helper()
	before, _, ok := strings.Cut(text, at)
	if !ok {
		s.t.Fatalf("the spec has no %q", at)
	}
	line := strings.Count(before, "\n")
	var shown *struct {
		Contents struct{ Value string }
	}
	result := s.call("textDocument/hover", map[string]any{
		"textDocument": map[string]any{"uri": s.uri},
		"position":     map[string]any{"line": line, "character": len(before) - strings.LastIndex(before, "\n")},
	})
	if err := json.Unmarshal(result, &shown); err != nil {
		s.t.Fatal(err)
	}
	if shown == nil {
		return ""
	}
	return strings.ReplaceAll(shown.Contents.Value, "\n", " ")
}

// message is what client and server say to one another.
type message struct {
	ID     json.RawMessage
	Method string
	Params struct{ Items []any }
	Result json.RawMessage
	Error  json.RawMessage
}

// call waits for the answer of the server, and answers what it asks meanwhile.
func (s *server) call(method string, params any) json.RawMessage {
	s.t.Helper()
	s.last++
	s.send(map[string]any{"id": s.last, "method": method, "params": params})
	for {
		m := s.receive()
		switch {
		case m.Method != "" && m.ID != nil: // it asks for a configuration, or registers something
			s.send(map[string]any{"id": m.ID, "result": make([]any, len(m.Params.Items))})
		case m.Method == "" && string(m.ID) == strconv.Itoa(s.last):
			if m.Error != nil {
				s.t.Fatalf("%s: %s", method, m.Error)
			}
			return m.Result
		}
	}
}

func (s *server) send(m map[string]any) {
	s.t.Helper()
	m["jsonrpc"] = "2.0"
	data, err := json.Marshal(m)
	if err == nil {
		_, err = fmt.Fprintf(s.in, "Content-Length: %d\r\n\r\n%s", len(data), data)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) receive() message {
	s.t.Helper()
	header, err := textproto.NewReader(s.out).ReadMIMEHeader()
	if err != nil {
		s.t.Fatalf("the language server ended: %v", err)
	}
	n, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		s.t.Fatal(err)
	}
	data := make([]byte, n)
	var m message
	if _, err = io.ReadFull(s.out, data); err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}
