package testbed

import (
	"crypto/subtle"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// GitServer is Git's own HTTP backend over one bare repository, with a clone to push from. Its branch is main.
type GitServer struct {
	URL   string // http://127.0.0.1:port/repo.git
	Bare  string // folder of the bare repository
	Clone string // folder of the clone that Commit, Push, Revert and Run work in
	Log   string // file: one line a request, and what the backend prints

	t      testing.TB
	git    string
	home   string
	server *httptest.Server
	ended  chan struct{}

	mu       sync.Mutex
	fault    GitFault
	user     string
	password string
	served   []string
}

// GitFault is a way for a GitServer to fail.
type GitFault string

// The faults of a GitServer.
const (
	GitHealthy      GitFault = ""
	GitHangUp       GitFault = "hang-up"      // closes the connection instead of answering
	GitUnauthorized GitFault = "unauthorized" // asks for credentials, whatever it is sent
	GitForbidden    GitFault = "forbidden"    // refuses the credentials, whatever they are
	GitStall        GitFault = "stall"        // accepts a request and never answers
	GitStallInPack  GitFault = "stall-pack"   // answers with the refs, then never with a pack
	GitTruncate     GitFault = "truncate"     // closes the connection in the middle of a pack
	GitBroken       GitFault = "broken"       // answers 500
)

// Git starts an empty repository, served over the smart HTTP protocol, pushes allowed.
func Git(t testing.TB) *GitServer {
	t.Helper()
	g := &GitServer{t: t, git: program(t, "git", "apt-get install git"), ended: make(chan struct{})}
	g.home = logFolder(t, "git")
	g.Log = filepath.Join(g.home, "git.log")
	g.Bare = filepath.Join(g.home, "served", "repo.git")
	g.Clone = filepath.Join(g.home, "clone")
	backend := filepath.Join(strings.TrimSpace(g.run(g.home, "--exec-path")), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		Missing(t, "git-http-backend", "install the whole of git")
	}
	g.run(g.home, "init", "--quiet", "--bare", "--initial-branch=main", g.Bare)
	g.configure("http.receivepack", "true")
	g.serve(backend)
	g.run(g.home, "init", "--quiet", "--initial-branch=main", g.Clone)
	g.Run("remote", "add", "origin", g.URL)
	g.Run("config", "http.postBuffer", "104857600") // CGI knows no chunked requests
	return g
}

func (g *GitServer) serve(backend string) {
	log, err := os.Create(g.Log)
	if err != nil {
		g.t.Fatal(err)
	}
	handler := &cgi.Handler{Path: backend, Stderr: log, Env: append(g.env(),
		"GIT_PROJECT_ROOT="+filepath.Dir(g.Bare), "GIT_HTTP_EXPORT_ALL=1")}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.answer(w, r, handler, log)
	}))
	g.URL = g.server.URL + "/repo.git"
	g.t.Cleanup(func() {
		close(g.ended)
		g.server.CloseClientConnections()
		g.server.Close()
		_ = log.Close()
	})
}

func (g *GitServer) answer(w http.ResponseWriter, r *http.Request, backend http.Handler, log io.Writer) {
	g.mu.Lock()
	fault, user, password := g.fault, g.user, g.password
	g.served = append(g.served, r.Method+" "+r.URL.Path)
	_, _ = io.WriteString(log, r.Method+" "+r.URL.String()+" "+string(fault)+"\n")
	g.mu.Unlock()
	pack := strings.HasSuffix(r.URL.Path, "/git-upload-pack")
	u, p, _ := r.BasicAuth()
	switch {
	case fault == GitHangUp:
		panic(http.ErrAbortHandler)
	case fault == GitUnauthorized, user != "" && !(equal(u, user) && equal(p, password)):
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case fault == GitForbidden:
		http.Error(w, "not you", http.StatusForbidden)
	case fault == GitBroken:
		http.Error(w, "out of order", http.StatusInternalServerError)
	case fault == GitStall, fault == GitStallInPack && pack:
		select {
		case <-g.ended:
		case <-r.Context().Done():
		}
	case fault == GitTruncate && pack:
		backend.ServeHTTP(&truncated{w, 200}, r)
	default:
		backend.ServeHTTP(w, r)
	}
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// truncated passes so many bytes of a body on and then cuts the connection.
type truncated struct {
	http.ResponseWriter
	left int
}

func (t *truncated) Write(p []byte) (int, error) {
	n := min(len(p), t.left)
	t.left -= n
	_, _ = t.ResponseWriter.Write(p[:n])
	if t.left == 0 {
		t.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return len(p), nil
}

// Fail makes the server fail that way from now on; GitHealthy ends it.
func (g *GitServer) Fail(fault GitFault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = fault
}

// RequireAuth makes the server demand these credentials; the clone gets them.
func (g *GitServer) RequireAuth(user, password string) {
	g.Run("remote", "set-url", "origin", strings.Replace(g.URL, "://", "://"+user+":"+password+"@", 1))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.user, g.password = user, password
}

// AllowAnyCommit makes the server hand out every reachable commit by its hash, or only the tips of refs.
func (g *GitServer) AllowAnyCommit(allow bool) {
	value := "false"
	if allow {
		value = "true"
	}
	g.configure("uploadpack.allowReachableSHA1InWant", value)
}

// Packs is how many packs were asked for since the start.
func (g *GitServer) Packs() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, request := range g.served {
		if request == "POST /repo.git/git-upload-pack" {
			n++
		}
	}
	return n
}

// Commit writes files (by slash-separated path) into the clone, commits the whole work tree to its branch,
// pushes it, and returns the commit's hash.
func (g *GitServer) Commit(message string, files map[string]string) string {
	g.t.Helper()
	for name, content := range files {
		path := filepath.Join(g.Clone, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			g.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			g.t.Fatal(err)
		}
	}
	g.Run("add", "--all")
	g.Run("commit", "--quiet", "--allow-empty", "--message", message)
	g.Push()
	return g.Head()
}

// Revert undoes the last commit by a new one, pushes it, and returns its hash.
func (g *GitServer) Revert() string {
	g.t.Helper()
	g.Run("revert", "--no-edit", "HEAD")
	g.Push()
	return g.Head()
}

// Push pushes the clone's branch; arguments go to git push: Push("--force").
func (g *GitServer) Push(args ...string) {
	g.t.Helper()
	g.Run(append([]string{"push", "--quiet", "origin", "HEAD"}, args...)...)
}

// Head is the hash of the clone's last commit.
func (g *GitServer) Head() string {
	g.t.Helper()
	return strings.TrimSpace(g.Run("rev-parse", "HEAD"))
}

// Run runs git in the clone and returns what it prints.
func (g *GitServer) Run(args ...string) string {
	g.t.Helper()
	return g.run(g.Clone, args...)
}

func (g *GitServer) configure(key, value string) { g.run(g.Bare, "config", key, value) }

func (g *GitServer) run(dir string, args ...string) string {
	g.t.Helper()
	cmd := exec.Command(g.git, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, g.env(), 10*time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// env keeps this machine's configuration out of the tests.
func (g *GitServer) env() []string {
	return []string{
		"HOME=" + g.home, "PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org", "LC_ALL=C",
	}
}
