// Package keyspace reads and rewrites the units of keyspaces in one Redis store, under live writers.
//
//	store, err := keyspace.Open(ctx, keyspace.Options{Store: "main", Address: "redis://127.0.0.1:6379/0"})
//	live, err := store.Observe(ctx, keyspaces)           // session: {1.0.0: 20000 units}
//	lease, err := store.Acquire(ctx, "shop", "session")  // nobody else rewrites it meanwhile
//	outcome, err := store.Rewrite(ctx, lease, keyspace.Job{Keyspace: session, To: "2.0.0", ID: "7f3c"}, nil)
//	outcome, err = store.Verify(ctx, lease, job, nil)    // session: {2.0.0: 20000 units}
//
// The reader, the transform and the writer are apart. One SCAN pass reads the units of every keyspace of the
// store in batches; package transform classifies and converts them; the writer sends a batch to one Lua script
// that compares, key by key, the names of all fields, and the value of every field that the conversion read, writes
// or deletes or whose validity it depends on, with what the reader saw, and only then writes. So a write of the
// application between read and write is a conflict, re-read and retried, never lost; a key that is gone stays
// gone; a TTL is never touched; what fits no version is not written. The same script call compares the lease's
// random token, so a holder that lost its lease can no longer write.
//
// A string is read up to Options.MaxValue bytes, a hash is measured by MEMORY USAGE before it is read: what is
// larger is no unit of any version, counts as unfit and is named with that reason. What would be larger once it is
// converted stays as it is. A page holds a few MiB or one unit, and the keys that a pass remembers have one bound for
// all its keyspaces. So memory stays flat.
//
// The commands it needs are PING, INFO, DBSIZE, SCAN, TYPE, MEMORY USAGE, STRLEN, GETRANGE, HGETALL, EXISTS, MGET,
// GET, PTTL, SMEMBERS, SET, EVAL, EVALSHA and WAIT, and inside its scripts HLEN, HMGET, HSET, HDEL, DEL, PEXPIRE,
// SADD and TIME. DEL, PEXPIRE and SADD touch its own keys alone.
//
// A backup (Dump) also needs TIME, MULTI, EXEC, PEXPIRETIME, OBJECT ENCODING, LRANGE, ZRANGE, XRANGE, HSCAN, SSCAN,
// ZSCAN, and where the server has them JSON.GET and HPEXPIRETIME; Restore inside its script TYPE, EXISTS, the commands
// that read and make keys of each type, HPEXPIREAT, PEXPIREAT, RENAME, RENAMENX and DEL, the last on its own temporary
// key alone. DUMP and RESTORE are never used.
//
// Outside the declared key patterns the package writes nothing but keys with the prefix "keyshift:". It never
// runs KEYS, FLUSHDB, FLUSHALL or CONFIG SET. Errors hold no value of the application and no password.
package keyspace
