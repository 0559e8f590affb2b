// Package bench measures what safety costs, beside what people write by hand:
//
//	$ keyshift bench --only cas
//	Redis 7.0.15, 200,000 keys, 2 workers for each baseline, medians of 3 rounds
//	...
//
// The baselines stand here, too, and are as fast as a good user of the Redis client would write them: SCAN, a pipeline
// of reads, a transform in Go, a pipeline of writes, no comparison. One run measures all of them in turn, several
// times, on one server, because the figures of two runs say nothing about each other: only the ratios within one do. A
// run whose baseline is a slow one, beside reading alone, is void.
//
// It starts a redis-server of its own that keeps nothing, or uses one that is named and empty, from which it removes
// what it wrote and nothing else.
package bench
