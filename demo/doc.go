// Package demo runs the whole line on one machine with nothing installed: `keyshift demo` starts a Git
// server, a Redis and a small cluster, pushes a commit, and shows the service and its data move together:
//
//	$ keyshift demo -o json
//	...
//	{"store":"redis-server 7.0.15","keys":20000,"rewritten":19876,"restored":19912,
//	 "lostUpdates":0,"unreadableReads":0,"conflictsRetried":7,"seconds":17.4}
//
// What it drives is the very line of the controller (gitsource, sandbox, apply); what it brings itself is
// the surroundings: an embedded Git server, redis-server from the PATH or an embedded one, the in-memory
// cluster, and an Application whose pods read and write throughout, and who alone decides whether anything
// was lost or could not be read.
package demo
