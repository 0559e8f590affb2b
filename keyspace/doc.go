// Package keyspace reads and rewrites the units of keyspaces in one Redis store, under live writers.
//
//	store, err := keyspace.Open(ctx, keyspace.Options{Store: "main", Address: "redis://127.0.0.1:6379/0"})
//	live, err := store.Observe(ctx, keyspaces)           // session: {1.0.0: 20000 units}
//	lease, err := store.Acquire(ctx, "shop", "session")  // nobody else rewrites it meanwhile
//	outcome, err := store.Rewrite(ctx, lease, keyspace.Job{Keyspace: session, To: "2.0.0", ID: "7f3c", Journal: log}, nil)
//	outcome, err = store.Verify(ctx, lease, job, nil)    // session: {2.0.0: 20000 units}
//
// The reader, the transform and the writer are apart. One SCAN pass reads the units of every keyspace of the
// store in batches; package transform classifies and converts them; the writer sends a batch to one Lua script
// that compares, key by key, how many fields there are, and the value of every field that the conversion read, writes
// or deletes or whose validity it depends on, absence included, with what the reader saw, and only then writes. So a
// write of the application to one of these between read and write is a conflict, re-read and retried, never lost; a key
// that is gone stays gone; a TTL is never touched; what fits no version is not written. The same script call
// compares the lease's random token, so a holder that lost its lease can no longer write.
//
// Every kind of data is rewritten by one script (lua/): strings, hashes, entries of maps, elements of lists, members of
// sets and sorted sets, keys that change their name or kind. A migration that is proved exact, of hashes with fixed
// fields, is compiled to Lua and runs beside the data with the same guards; what the server cannot judge is read. What
// the way back may not bring back is appended to a Journal before it is written, and Undo takes it back from there.
//
// A unit of more than Options.MaxValue bytes is no unit of any version: it counts as unfit and is named with that
// reason. What would be larger once it is converted stays as it is. A string is read up to that length; other keys are
// read many at a time, up to so many bytes of the answers and no more, and measured by MEMORY USAGE first where that was
// too much; a large key of many units is read in pages. The keys that a pass remembers have
// one bound for all its keyspaces. So memory stays flat.
//
// The commands it needs are PING, INFO, DBSIZE, SCAN, TYPE, MEMORY USAGE, STRLEN, GETRANGE, HGETALL, LRANGE, SMEMBERS,
// ZRANGE, XRANGE, HSCAN, SSCAN, ZSCAN, HLEN, LLEN, SCARD, ZCARD, XLEN, HGET, ZSCORE, LPOS, SISMEMBER, EXISTS, MGET, GET,
// PTTL, PEXPIRETIME, HPEXPIRETIME where the server has it, SET, XADD, TIME, EVAL, EVALSHA and WAIT; OBJECT FREQ, ACL
// WHOAMI and ACL DRYRUN where they are allowed; and inside its scripts HLEN, HKEYS, HMGET, HGET, HSET, HDEL, HPEXPIREAT,
// LINDEX, LSET, SISMEMBER, SADD, SREM, ZSCORE, ZADD, ZREM, RENAME, PEXPIRE, PEXPIREAT, PERSIST, EXISTS, DEL and TIME. DEL deletes an
// application's key only where it was compared and its value stands, or goes, under another name, or policy says discard.
//
// A backup (Dump) also needs TIME, MULTI, EXEC, PEXPIRETIME, OBJECT ENCODING, LRANGE, ZRANGE, XRANGE, HSCAN, SSCAN,
// ZSCAN, and where the server has them JSON.GET and HPEXPIRETIME; Restore inside its script TYPE, EXISTS, the commands
// that read and make keys of each type, HPEXPIREAT, PEXPIREAT, RENAME, RENAMENX and DEL, the last on its own temporary
// key alone. DUMP and RESTORE are never used.
//
// Outside the declared key patterns the package writes nothing but keys with the prefix "keyshift:". It never
// runs KEYS, FLUSHDB, FLUSHALL or CONFIG SET. Errors hold no value of the application and no password.
package keyspace
