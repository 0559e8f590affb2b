// Package gate asks the conditions outside Keyshift that a policy names:
//
//	gates: [{name: "error-rate", promql: "job:errors:ratio < 0.01"}, {name: "status", http: "https://status.acme.example/ok"}]
//
// A gate holds only if it was asked and said so. That it cannot be asked, or that its answer cannot be understood, is never
// taken for that. What an address answers is looked at no further than it takes: of an HTTP gate the status alone. No
// answer, and nothing that may be a secret in an address, is ever part of what is said about a gate.
package gate
