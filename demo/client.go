package demo

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// Dial returns a client as the application needs it: one that never sends a command twice, so that an
// acknowledgement means one execution. The caller closes it.
func Dial(address string) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: address, MaxRetries: -1, DisableIdentity: true})
}

// The application's own compare-and-set: whole values, of all fields. A script is atomic in Redis.
var (
	swapHash = redis.NewScript(`
local n = tonumber(ARGV[1])
local now = redis.call('HGETALL', KEYS[1])
if #now ~= 2 * n then return 0 end
local want = {}
for i = 2, 2 * n, 2 do want[ARGV[i]] = ARGV[i + 1] end
for i = 1, #now, 2 do if want[now[i]] ~= now[i + 1] then return 0 end end
if #ARGV == 2 * n + 1 then redis.call('DEL', KEYS[1]) return 1 end
local keep = {}
for i = 2 * n + 2, #ARGV, 2 do
  keep[ARGV[i]] = true
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
for i = 1, #now, 2 do if not keep[now[i]] then redis.call('HDEL', KEYS[1], now[i]) end end
return 1`)
	swapString = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if #ARGV == 1 then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') end
return 1`)
	createHash = redis.NewScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[1] ~= '0' then redis.call('PEXPIREAT', KEYS[1], ARGV[1]) end
return 1`)
	createString = redis.NewScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[1] ~= '0' then redis.call('PEXPIREAT', KEYS[1], ARGV[1]) end
return 1`)
)

// read returns a whole value by one atomic command. A key of another type exists, and fits no version.
func (m Model) read(ctx context.Context, c redis.Cmdable, key string) (raw, error) {
	if m.Type == state.Hash {
		return rawHash(c.HGetAll(ctx, key))
	}
	return rawString(c.Get(ctx, key))
}

func rawHash(cmd *redis.MapStringStringCmd) (raw, error) {
	h, err := cmd.Result()
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return raw{exists: true}, nil
	}
	return raw{hash: h, exists: len(h) > 0}, err
}

func rawString(cmd *redis.StringCmd) (raw, error) {
	s, err := cmd.Result()
	if errors.Is(err, redis.Nil) {
		return raw{}, nil
	}
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return raw{exists: true}, nil
	}
	return raw{text: s, exists: true}, err
}

// swap replaces before by after, whole, if before still stands; a zero after deletes the key. The time to
// live stays. It tells whether it did.
func (m Model) swap(ctx context.Context, c redis.Scripter, key string, before, after raw) (bool, error) {
	if m.Type == state.String {
		args := []any{before.text}
		if after.exists {
			args = append(args, after.text)
		}
		return done(swapString.Run(ctx, c, []string{key}, args...))
	}
	args := append([]any{len(before.hash)}, pairs(before.hash)...)
	return done(swapHash.Run(ctx, c, []string{key}, append(args, pairs(after.hash)...)...))
}

// create writes a value where no key is. Expire is an absolute time in milliseconds, 0 for none.
func (m Model) create(ctx context.Context, c redis.Scripter, key string, value raw, expire int64) (bool, error) {
	at := strconv.FormatInt(expire, 10)
	if m.Type == state.String {
		return done(createString.Run(ctx, c, []string{key}, at, value.text))
	}
	return done(createHash.Run(ctx, c, []string{key}, append([]any{at}, pairs(value.hash)...)...))
}

func done(cmd *redis.Cmd) (bool, error) {
	n, err := cmd.Int()
	return n == 1, err
}

// pairs returns the fields of a hash as arguments, sorted by name.
func pairs(h map[string]string) []any {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	args := make([]any, 0, 2*len(h))
	for _, name := range names {
		args = append(args, name, h[name])
	}
	return args
}
