// Package rehearsal runs the tests of a spec on an embedded Redis:
//
//	stage, err := rehearsal.Open(ctx)
//	defer stage.Close()
//	err = stage.Run(ctx, keyspace, test)     // old is written, rewritten to new by the engine, read back; then the way back
//
// Where the engine can rewrite the keyspace it does, by its own scripts. Of the others the encodings are tried: what
// the programs make is written and read back by the commands of its kind. The server lives in this process and ends
// with it; nothing else is touched.
package rehearsal
