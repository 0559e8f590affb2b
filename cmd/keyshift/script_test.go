package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"keyshift.dev/sandbox"
	"keyshift.dev/testbed"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect")

// servers holds the server of each running script.
var servers sync.Map

func TestMain(m *testing.M) {
	if sandbox.IsChild() {
		sandbox.Child()
	}
	testscript.Main(m, map[string]func(){
		"keyshift": main,
		"redis":    redisProgram,
		"seed":     seedProgram,
		"harm":     harmProgram,
	})
}

// TestScripts runs testdata/script/*.txtar: command lines, what they print and how they exit. Besides keyshift
// itself there are
//
//	redis-server ARGS…   starts an empty server for this script; its address is in $REDIS
//	redis-stop           kills it
//	exec redis CMD ARGS… sends one command to it and prints the answer
//	cluster              a namespace of a real control plane, with three pods of checkout:1.4.0 and the Secret
//	                     shop-redis; the script gets $KUBECONFIG and $NAMESPACE, and spec.cue is made of spec.txt
//	exec harm DIR        flips a bit in the middle of every part of an archive below a folder
//	exec seed N          writes N sessions of the shop's version 1.0.0 into it
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_STATE_HOME", e.WorkDir+"/.state")
			e.Values["tb"] = e.T().(testing.TB)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"redis-server": func(ts *testscript.TestScript, _ bool, args []string) {
				server := testbed.Redis(ts.Value("tb").(testing.TB), args...)
				servers.Store(ts, server)
				ts.Setenv("REDIS", server.URL)
				ts.Setenv("REDIS_ADDR", server.Addr)
			},
			"cluster": func(ts *testscript.TestScript, _ bool, _ []string) {
				control, namespace := startShop(ts.Value("tb").(testing.TB))
				ts.Setenv("KUBECONFIG", control.Kubeconfig)
				ts.Setenv("NAMESPACE", namespace)
				spec := strings.ReplaceAll(ts.ReadFile("spec.txt"), "NAMESPACE", namespace)
				ts.Check(os.WriteFile(ts.MkAbs("spec.cue"), []byte(spec), 0o644))
			},
			"redis-stop": func(ts *testscript.TestScript, _ bool, _ []string) {
				if server, ok := servers.Load(ts); ok {
					server.(*testbed.RedisServer).Kill()
				}
			},
		},
	})
}

func client() *redis.Client {
	options, err := redis.ParseURL(os.Getenv("REDIS"))
	if err != nil {
		exit(err)
	}
	options.Protocol = 2
	return redis.NewClient(options)
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func redisProgram() {
	args := make([]any, len(os.Args)-1)
	for i, a := range os.Args[1:] {
		args[i] = a
	}
	answer, err := client().Do(context.Background(), args...).Result()
	if err != nil {
		exit(err)
	}
	if list, ok := answer.([]any); ok {
		for _, x := range list {
			fmt.Println(x)
		}
		return
	}
	fmt.Println(answer)
}

func seedProgram() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		exit(err)
	}
	pipe := client().Pipeline()
	for i := range n {
		pipe.HSet(context.Background(), fmt.Sprintf("session:%d", i), "user_id", i, "name", fmt.Sprintf("name %d", i), "created_ms", 1700000000000+i)
	}
	if _, err := pipe.Exec(context.Background()); err != nil {
		exit(err)
	}
}

func harmProgram() {
	err := filepath.WalkDir(os.Args[1], func(path string, e os.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(e.Name(), "part-") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		data[len(data)/2] ^= 1
		return os.WriteFile(path, data, 0o600)
	})
	if err != nil {
		exit(err)
	}
}

// startShop deploys what the shop runs before its first commit.
func startShop(t testing.TB) (*testbed.ControlPlane, string) {
	t.Helper()
	control := testbed.SharedKubernetes(t)
	namespace := control.Namespace(t)
	control.Deploy(t, testbed.Deployment{
		Namespace: namespace, Name: "checkout", Replicas: 3, Images: map[string]string{"app": "checkout:1.4.0"},
		Terminate: 500 * time.Millisecond,
	})
	clients, err := kubernetes.NewForConfig(control.Config)
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "shop-redis"}, StringData: map[string]string{"password": "s3cret"}}
	if _, err := clients.CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return control, namespace
}
