package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

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
	})
}

// TestScripts runs testdata/script/*.txtar: command lines, what they print and how they exit. Besides keyshift
// itself there are
//
//	redis-server ARGS…   starts an empty server for this script; its address is in $REDIS
//	redis-stop           kills it
//	exec redis CMD ARGS… sends one command to it and prints the answer
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
