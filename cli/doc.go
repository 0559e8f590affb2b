// Package cli is keyshift's command line:
//
//	$ keyshift vet examples/shop
//	shop: 1 store, 1 keyspace, 1 component, 3 releases, 1 test: ok
//	$ keyshift plan examples/shop --store main=redis://127.0.0.1:6379/0
//	…
//	$ echo $?
//	2
//
// Each command is one file: its options, what it does, and nothing it decides itself. The result goes to
// standard output, as text or (with -o json) as JSON; what is wrong goes to standard error, one line each,
// with file, line and column where there are some, or with -o json into the list "errors" of the one object on
// standard output. Exit codes: 0 done or nothing to do, 1 an error, and of plan
// 2 if there is something to do.
package cli
