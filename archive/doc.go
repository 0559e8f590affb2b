// Package archive keeps backups and undo logs on durable storage: a folder or a bucket.
//
//	storage, err := archive.Open(ctx, "/var/lib/keyshift")   // or s3://bucket?region=eu-west-1
//	journal, err := archive.OpenJournal(ctx, storage, archive.Place{System: "shop", Store: "main", Keyspace: "session"}, "7f3c")
//	err = journal.Append(ctx, images)                        // on the disk, or acknowledged by the bucket
//	err = archive.UndoLog(storage, journal.Place(), "7f3c").Images(ctx, take) // the newest first
//
// An archive is a folder of numbered parts and a manifest:
//
//	shop/main/session/undo/20260102T150405.678Z-k3v9qa-7f3c/part-00000001
//	shop/main/session/backup/20260102T150405.678Z-p7wd2m/part-00000001
//	shop/main/session/backup/20260102T150405.678Z-p7wd2m/manifest.json
//
// A part starts with "KEYSHIFT", the format's number, what it holds and two zero bytes; then come records. A record is
// the length of its payload, a checksum of that length, a checksum of the payload (each 4 bytes, little endian;
// CRC-32C, of RFC 3720) and the payload: one keyspace.Entry or one keyspace.Preimage in a binary form that keeps every
// byte of keys and values. The manifest, JSON, is written last: it names every part with its size and SHA-256.
//
// A backup without a manifest was never finished and is not used. An undo log is used without one, because whoever
// wrote it may have been killed: then the end of a part may be torn. What is torn was never acknowledged, and is
// dropped; anything else that does not have its checksum is an error that names the part and the record.
package archive
