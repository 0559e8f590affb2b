package keyspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
)

// checkpoint is how far a job's pass has come. It saves reads after a restart of ours and nothing else:
// nothing is done until a full pass finds nothing to do.
type checkpoint struct {
	Job    string        `json:"job"`
	To     state.Version `json:"to"`
	RunID  string        `json:"runID"`  // of the server process that gave the cursor
	Cursor uint64        `json:"cursor"` // every key before it was looked at
}

const (
	checkpointEvery = time.Second
	checkpointTTL   = 7 * 24 * time.Hour
)

func checkpointKey(l *Lease) string { return Prefix + "checkpoint:" + l.system + ":" + l.keyspace }

// loadCheckpoint returns the cursor from which a job goes on, 0 to start over.
func (s *Store) loadCheckpoint(ctx context.Context, l *Lease, job Job, runID string) (uint64, error) {
	text, err := s.client.Get(ctx, checkpointKey(l)).Result()
	if errors.Is(err, redis.Nil) || runID == "" {
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
	return s.fenced(ctx, s.client, "writing the checkpoint", setScript, l, []string{checkpointKey(l)}, text, checkpointTTL.Milliseconds())
}

func (s *Store) dropCheckpoint(ctx context.Context, l *Lease) error {
	return s.fenced(ctx, s.client, "removing the checkpoint", dropScript, l, []string{checkpointKey(l)})
}
