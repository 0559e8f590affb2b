package keyspace

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// checkpoint is how far a job's pass over one node has come. It saves reads after a restart of ours and nothing else:
// nothing is done until a full pass finds nothing to do.
type checkpoint struct {
	Node   string        `json:"-"` // of the store; empty: the only one
	Job    string        `json:"job"`
	To     state.Version `json:"to"`
	RunID  string        `json:"runID"`  // of the server process that gave the cursor
	Cursor uint64        `json:"cursor"` // every key before it was looked at
}

const (
	checkpointEvery = time.Second
	checkpointTTL   = 7 * 24 * time.Hour
)

// standalone names the node of a store that has one.
const standalone = "standalone"

// checkpointScript writes one node's checkpoint beside those of the others, and is the only writer of the key: KEYS
// lease, key; ARGV token, node, value, milliseconds to live. What is there and no hash is an old form, worth nothing.
var checkpointScript = newScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[2]) end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1`)

// checkpointKey is a hash of checkpoints by node.
func checkpointKey(l *Lease) string { return Prefix + "checkpoint:" + l.system + ":" + l.keyspace }

// loadCheckpoint returns the cursor from which a job goes on at the only node of a store, 0 to start over.
func (s *Store) loadCheckpoint(ctx context.Context, l *Lease, job Job, runID string) (uint64, error) {
	return s.loadNode(ctx, l, job, standalone, runID)
}

// loadNode returns the cursor from which a job goes on at one node, 0 to start over.
func (s *Store) loadNode(ctx context.Context, l *Lease, job Job, node, runID string) (uint64, error) {
	text, err := s.client.HGet(ctx, checkpointKey(l), node).Result()
	if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") || runID == "" {
		return 0, nil
	}
	if err != nil {
		return 0, classify(ctx, s.name, "reading the checkpoint", err)
	}
	var c checkpoint
	if json.Unmarshal([]byte(text), &c) != nil {
		return 0, nil // not ours to mend: the pass starts over
	}
	if c.Job == "" || c.Job != job.ID || c.To != job.To || c.RunID != runID {
		return 0, nil
	}
	return c.Cursor, nil
}

func (s *Store) saveCheckpoint(ctx context.Context, l *Lease, c checkpoint) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding the checkpoint: %w", err)
	}
	return s.fenced(ctx, s.client, "writing the checkpoint", checkpointScript, l, []string{checkpointKey(l)},
		cmp.Or(c.Node, standalone), text, checkpointTTL.Milliseconds())
}

// dropCheckpoint forgets how far every node is.
func (s *Store) dropCheckpoint(ctx context.Context, l *Lease) error {
	return s.fenced(ctx, s.client, "removing the checkpoint", dropScript, l, []string{checkpointKey(l)})
}
