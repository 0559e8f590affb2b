package docs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"keyshift.dev/examples"
	"keyshift.dev/testbed"
)

// What init writes and what the examples have is the same workflow and the same hooks.
func TestStarterFiles(t *testing.T) {
	for from, to := range map[string]string{
		"workflow.yaml":   ".github/workflows/keyshift.yaml",
		"pre-commit.yaml": ".pre-commit-config.yaml",
	} {
		want, err := os.ReadFile(filepath.Join("..", "cli", "starter", from))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range examples.All() {
			name := filepath.Join("..", "examples", e.Name, filepath.FromSlash(to))
			got, err := os.ReadFile(name)
			if err == nil && bytes.Equal(got, want) {
				continue
			}
			if !*update {
				t.Errorf("%s is not cli/starter/%s; go test ./docs -update copies it", name, from)
				continue
			}
			put(t, name, string(want))
		}
	}
}

// workflow is what the tests read of a workflow.
type workflow struct {
	Env  map[string]string
	Jobs map[string]struct{ Steps []step }
}

type step struct {
	Name, Uses, Run, If string
	Env, With           map[string]any
}

// local tells whether a step needs nothing but keyshift and a shell.
func (s step) local() bool { return strings.HasPrefix(s.Run, "keyshift ") }

// The commands of the workflow run as they are written, in the repository of every example with its second commit
// on a branch.
func TestWorkflow(t *testing.T) {
	w := readWorkflow(t)
	var elsewhere []string // steps that need GitHub or the network
	for _, s := range w.Jobs["spec"].Steps {
		if s.Run != "" && !s.local() {
			elsewhere = append(elsewhere, s.Name)
		}
	}
	if want := []string{"Install keyshift", "Comment"}; !slices.Equal(elsewhere, want) {
		t.Errorf("the steps %q run something else than keyshift, want only %q", elsewhere, want)
	}
	for _, e := range examples.All() {
		t.Run(e.Name, func(t *testing.T) { pullRequest(t, w, e) })
	}
}

func readWorkflow(t *testing.T) workflow {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "cli", "starter", "workflow.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	if len(w.Jobs["spec"].Steps) == 0 {
		t.Fatal("the workflow has no job spec")
	}
	return w
}

// pullRequest runs the local steps of the workflow on the second commit of an example.
func pullRequest(t *testing.T, w workflow, e examples.Example) {
	dir := repository(t, e)
	summary := filepath.Join(t.TempDir(), "summary.md")
	env := []string{"PATH=" + commands(t) + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GITHUB_STEP_SUMMARY=" + summary}
	for name, value := range w.Env {
		env = append(env, name+"="+strings.ReplaceAll(value, "${{ github.base_ref }}", "main"))
	}
	for _, s := range w.Jobs["spec"].Steps {
		if !s.local() {
			continue
		}
		c := exec.Command("bash", "-e", "-c", s.Run)
		c.Dir, c.Env = dir, env
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", s.Name, err, out)
		}
	}
	for _, name := range []string{filepath.Join(dir, "keyshift.sarif"), filepath.Join(dir, "keyshift.md"), summary} {
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("the steps leave no %s (%v)", filepath.Base(name), err)
		}
	}
}

// repository is a clone of a Git repository whose main branch has the first commit of an example, with the second
// checked out on a branch: what actions/checkout leaves.
func repository(t *testing.T, e examples.Example) string {
	t.Helper()
	origin, dir := filepath.Join(t.TempDir(), "origin"), filepath.Join(t.TempDir(), "clone")
	fill(t, origin, e.Commits[0])
	git(t, origin, "init", "-q", "-b", "main")
	git(t, origin, "add", "-A")
	git(t, origin, "commit", "-q", "-m", e.Commits[0].Message)
	git(t, origin, "clone", "-q", origin, dir)
	git(t, dir, "checkout", "-q", "-b", "change")
	fill(t, dir, e.Commits[1])
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", e.Commits[1].Message)
	return dir
}

func fill(t *testing.T, dir string, c examples.Commit) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries { // CopyFS overwrites nothing
		if e.Name() == ".git" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(dir, c.Files); err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		testbed.Missing(t, "git", "install git")
	}
	c := exec.Command("git", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@acme.example", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@acme.example")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// commandVariable makes the test binary the command keyshift.
const commandVariable = "KEYSHIFT_DOCS_COMMAND"

// commands is a folder that holds keyshift, which is this test binary, and cue.
func commands(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := "#!/bin/sh\n" + commandVariable + "=1 exec '" + self + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "keyshift"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(cueCommand(t), filepath.Join(dir, "cue")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// hook is what the tests read of a hook of pre-commit.
type hook struct {
	ID, Name, Entry, Language, Files string
	Dependencies                     []string `json:"additional_dependencies"`
}

// The hooks of the examples and of this repository run as they are written.
func TestHooks(t *testing.T) {
	var config struct {
		Repos []struct {
			Repo  string
			Hooks []hook
		}
	}
	var own []hook
	for name, into := range map[string]any{
		filepath.Join("..", "cli", "starter", "pre-commit.yaml"): &config,
		filepath.Join("..", ".pre-commit-hooks.yaml"):            &own,
	} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(data, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if len(config.Repos) != 1 || len(config.Repos[0].Hooks) != 2 || len(own) != 3 {
		t.Fatalf("got %d repositories and %d hooks", len(config.Repos), len(own))
	}
	path := commands(t)
	e := examples.All()[0]
	for _, h := range append(own, config.Repos[0].Hooks...) {
		dir := filepath.Join(t.TempDir(), h.ID)
		fill(t, dir, e.Commits[1])
		words := strings.Fields(h.Entry)
		c := exec.Command(filepath.Join(path, words[0]), words[1:]...)
		c.Dir, c.Env = dir, append(offline(t), "PATH=/bin:/usr/bin")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %s: %v\n%s", h.ID, h.Entry, err, out)
		}
		if h.Name == "" || h.Language != "golang" || h.Files != `\.cue$` {
			t.Errorf("the hook %+v is not complete", h)
		}
	}
}
