// Package cluster is the edge to Kubernetes: which releases run, told from pods, and rollouts.
//
//	c, err := cluster.NewKube(config)
//	running, err := c.Observe(ctx, "shop", components) // checkout: 1.4.0 (3 pods, 2 terminating), 1.5.0 (1 pod)
//	err = c.Rollout(ctx, checkout, release)            // sets the image fields of release 1.5.0, nothing else
//	err = c.Await(ctx, checkout, release, 10*time.Minute, print)
//
// A release runs as long as a pod of it has an object: also Pending, crash-looping, terminating, or on a
// node that does not answer. Conditions of a Deployment do not tell that: it counts as current while old pods
// go on terminating, and they go on reading and writing. So everything here is told from pods and their
// owners, read from the API server for each answer, never from a cache.
//
// Memory is the in-memory twin: Deployments that roll pod by pod, for tests and demonstrations. Both pass
// the same conformance suite.
package cluster
