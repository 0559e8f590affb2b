// Package remote is what a person does to a Delivery from outside of the cluster:
//
//	$ keyshift status shop
//	shop: not ready, AwaitingApproval
//	…
//	waits for approval
//	  shop-0a1b2c3d4e5f: 2 rollouts, 1 backup, 1 rewrite, 1 verify, 1 lossy
//	    keyshift approve shop-0a1b2c3d4e5f
//	$ keyshift approve shop
//
// Every command is a read or one conditional write of a Delivery or a Plan, in the name of whoever runs it: nothing here
// has a right of its own, and kubectl can do all of it. What is read there may have been written by anybody who may write
// it, so that no text of the cluster reaches a terminal with a control character in it.
package remote
