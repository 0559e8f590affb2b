package keyspace

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// script is one Lua script in the two forms that servers take.
type script struct{ text, hash, shebang, shebangHash string }

// shebang makes a server refuse the whole script up front when it is full, read-only or cannot persist.
// Without it a script that has written once may go on writing past the limit (Redis: src/script.c).
const shebang = "#!lua\n"

func newScript(text string) script {
	return script{text: text, hash: hash(text), shebang: shebang + text, shebangHash: hash(shebang + text)}
}

func hash(text string) string {
	sum := sha1.Sum([]byte(text)) // EVALSHA's name for a script
	return hex.EncodeToString(sum[:])
}

// Every script compares the lease's token first where it writes for a holder: KEYS[1] is the lease's key and
// ARGV[1] the token.
var (
	// setScript: KEYS lease, key; ARGV token, value, milliseconds to live (0: for ever).
	setScript = newScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then redis.call('SET', KEYS[2], ARGV[2]) else redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return 1`)

	// dropScript: KEYS lease, key; ARGV token.
	dropScript = newScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
return 1`)

	// rightsScript does on a key of ours what the rewrite will do on the application's, so that a user who may
	// set but not delete is found before the first write: KEYS lease, hash, string; ARGV token.
	rightsScript = newScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'a', '1', 'b', '1')
redis.call('PEXPIRE', KEYS[2], 1000)
redis.call('HMGET', KEYS[2], 'a')
redis.call('HDEL', KEYS[2], 'b')
redis.call('HLEN', KEYS[2])
redis.call('SET', KEYS[3], '1', 'PX', 1000)
redis.call('SET', KEYS[3], '1', 'XX', 'KEEPTTL')
return 1`)

	// renewScript: KEYS lease; ARGV token, milliseconds.
	renewScript = newScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`)

	// releaseScript: KEYS lease; ARGV token.
	releaseScript = newScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1`)

	// ledgerScript: KEYS ledger, systems, identity, claims; ARGV old bytes ('' if there must be none), new bytes,
	// system, identity, claims as they were when the owners were looked at, claims from now on ('' to leave them).
	ledgerScript = newScript(`
if redis.call('GET', KEYS[3]) ~= ARGV[4] then return 2 end
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[6] ~= '' then
  if (redis.call('GET', KEYS[4]) or '') ~= ARGV[5] then return 3 end
  redis.call('SET', KEYS[4], ARGV[6])
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
return 1`)
)

// evaluator is a client or a single connection.
type evaluator interface {
	Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd
	EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd
}

// run executes a script once. Where the server says that it does not know the script, it was certainly not
// executed and is sent again in full; nothing else is ever sent again.
func (s *Store) run(ctx context.Context, on evaluator, sc script, keys []string, args ...any) *redis.Cmd {
	text, sha := s.form(sc)
	cmd := on.EvalSha(ctx, sha, keys, args...)
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		cmd = on.Eval(ctx, text, keys, args...)
	}
	return cmd
}

// scriptCall is a script with its arguments.
type scriptCall struct {
	script
	keys []string
	args []any
}

// newCall returns a call with its first key and arguments, and room for those of n units.
func newCall(sc script, key string, header []any, n int) scriptCall {
	return scriptCall{sc, append(make([]string, 0, 2+n), key), append(make([]any, 0, 64+4*n), header...)}
}

// serverReads is how many bytes of one client a server reads, and executes, before it turns to another (Redis:
// PROTO_IOBUF_LEN).
const serverReads = 16 << 10

// size is about how many bytes a call has on the wire.
func (c *scriptCall) size() (n int) {
	for _, k := range c.keys {
		n += len(k) + 6
	}
	for _, a := range c.args {
		switch a := a.(type) {
		case string:
			n += len(a)
		case *string:
			n += len(*a)
		}
		n += 6
	}
	return n
}

// together tells whether calls may be sent at once.
func together(calls []scriptCall) bool {
	small := func(c scriptCall) bool { return c.size() < serverReads }
	return len(calls) > 1 && !slices.ContainsFunc(calls[:len(calls)-1], small)
}

// runAll executes scripts one after the other, each once, as run does. They are sent at once if each is so large that the
// server turns to others between two of them: several small ones it would execute in a row.
func (s *Store) runAll(ctx context.Context, calls []scriptCall) []*redis.Cmd {
	out := make([]*redis.Cmd, len(calls))
	if together(calls) {
		pipe := s.client.Pipeline()
		for i, c := range calls {
			_, sha := s.form(c.script)
			out[i] = pipe.EvalSha(ctx, sha, c.keys, c.args...)
		}
		_, _ = pipe.Exec(ctx) // each has its own error
	}
	for i, c := range calls {
		if out[i] == nil || redis.HasErrorPrefix(out[i].Err(), "NOSCRIPT") {
			out[i] = s.run(ctx, s.client, c.script, c.keys, c.args...)
		}
	}
	return out
}

// form is what a script is called by.
func (s *Store) form(sc script) (text, hash string) {
	if s.plainScripts {
		return sc.text, sc.hash
	}
	return sc.shebang, sc.shebangHash
}

// fenced runs a script that answers 1 if it was done and 0 if the lease is not ours.
func (s *Store) fenced(ctx context.Context, on evaluator, doing string, sc script, l *Lease, keys []string, args ...any) error {
	n, err := s.run(ctx, on, sc, append([]string{l.key}, keys...), append([]any{l.token}, args...)...).Int()
	if err != nil {
		return classify(ctx, s.name, doing, err)
	}
	if n == 0 {
		return l.lose()
	}
	return nil
}

// probeScripts finds out whether the server takes scripts with a shebang (Redis 7.0, Valkey).
func (s *Store) probeScripts(ctx context.Context) error {
	err := s.client.Eval(ctx, shebang+"return 1", nil).Err()
	if err != nil && !unknown(err) && strings.HasPrefix(err.Error(), "ERR") {
		s.plainScripts = true
		err = s.client.Eval(ctx, "return 1", nil).Err()
	}
	return classify(ctx, s.name, "trying a script", err)
}
