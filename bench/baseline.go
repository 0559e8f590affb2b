package bench

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// The baselines are what people write by hand, as fast as a good user of the Redis client would: one goroutine scans,
// workers take its pages, read them in a pipeline, transform in plain Go, and write in a pipeline. They lose updates
// and bring deleted keys back; they are here to be compared with.

// scanPage is the COUNT of a baseline's SCAN, and how many keys its pipelines have.
const scanPage = 500

// visit does something with the keys of one page.
type visit func(ctx context.Context, c *redis.Client, keys []string) error

// walk scans the store and lets workers visit what it finds.
func walk(ctx context.Context, c *redis.Client, workers int, v visit) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	pages := make(chan []string, 2*workers)
	done := make(chan struct{})
	for range workers {
		go func() {
			for keys := range pages {
				if ctx.Err() == nil {
					if err := v(ctx, c, keys); err != nil {
						stop(err)
					}
				}
			}
			done <- struct{}{}
		}()
	}
	for cursor := uint64(0); ctx.Err() == nil; {
		keys, next, err := c.Scan(ctx, cursor, "", scanPage).Result()
		if err != nil {
			stop(err)
			break
		}
		pages <- keys
		if cursor = next; cursor == 0 {
			break
		}
	}
	close(pages)
	for range workers {
		<-done
	}
	return context.Cause(ctx)
}

// askHashes asks for hashes. The answers stay lists: nobody needs a map of eight fields.
func askHashes(ctx context.Context, c redis.Pipeliner, keys []string) []*redis.StringSliceCmd {
	asked := make([]*redis.StringSliceCmd, len(keys))
	for i, key := range keys {
		asked[i] = redis.NewStringSliceCmd(ctx, "hgetall", key)
		_ = c.Process(ctx, asked[i]) // queues; the error comes with Exec
	}
	return asked
}

// readPage reads hashes and strings, and nothing else.
func readPage(ctx context.Context, c *redis.Client, keys []string) error {
	pipe := c.Pipeline()
	for _, key := range keys {
		if isCart(key) {
			pipe.Get(ctx, key)
		} else {
			askHashes(ctx, pipe, []string{key})
		}
	}
	_, err := pipe.Exec(ctx)
	return err
}

// dumpPage takes the keys as the server serializes them.
func dumpPage(ctx context.Context, c *redis.Client, keys []string) error {
	pipe := c.Pipeline()
	for _, key := range keys {
		pipe.Dump(ctx, key)
	}
	_, err := pipe.Exec(ctx)
	return err
}

// edit is what a hand-written migration makes of one hash: fields to delete, then names and values to set. The lists are
// reused from hash to hash.
type edit func(fields []string, del []string, set []any) ([]string, []any)

func exactEdit(fields []string, del []string, set []any) ([]string, []any) {
	for i := 0; i+1 < len(fields); i += 2 {
		switch fields[i] {
		case "name":
			del, set = append(del, "name"), append(set, "full_name", fields[i+1])
		case "created_ms":
			del, set = append(del, "created_ms"), append(set, "created_at", fields[i+1])
		}
	}
	return del, append(set, "v", "2")
}

func lossyEdit(fields []string, del []string, set []any) ([]string, []any) {
	for i := 0; i+1 < len(fields); i += 2 {
		switch fields[i] {
		case "name":
			del, set = append(del, "name"), append(set, "full_name", fields[i+1])
		case "created_ms":
			ms, err := strconv.ParseInt(fields[i+1], 10, 64)
			if err != nil {
				continue
			}
			del, set = append(del, "created_ms"), append(set, "created", strconv.FormatInt(ms/1000, 10))
		case "legacy":
			del = append(del, "legacy")
		}
	}
	return del, append(set, "plan", "free")
}

// unsafeHashes reads, edits and writes without a look back.
func unsafeHashes(e edit) visit {
	return func(ctx context.Context, c *redis.Client, keys []string) error {
		pipe := c.Pipeline()
		asked := askHashes(ctx, pipe, keys)
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
		pipe = c.Pipeline()
		editHashes(ctx, pipe, keys, asked, e)
		_, err := pipe.Exec(ctx)
		return err
	}
}

func editHashes(ctx context.Context, pipe redis.Pipeliner, keys []string, asked []*redis.StringSliceCmd, e edit) {
	for i, key := range keys {
		del, set := e(asked[i].Val(), make([]string, 0, 3), make([]any, 0, 6))
		pipe.HDel(ctx, key, del...)
		pipe.HSet(ctx, key, set...)
	}
}

// watchHashes does the same with one WATCH a page; a page that somebody touched meanwhile is done again.
func watchHashes(e edit) visit {
	return func(ctx context.Context, c *redis.Client, keys []string) error {
		for {
			err := c.Watch(ctx, func(tx *redis.Tx) error {
				pipe := tx.Pipeline()
				asked := askHashes(ctx, pipe, keys)
				if _, err := pipe.Exec(ctx); err != nil {
					return err
				}
				_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
					editHashes(ctx, pipe, keys, asked, e)
					return nil
				})
				return err
			}, keys...)
			if !errors.Is(err, redis.TxFailedErr) {
				return err
			}
		}
	}
}

type oldCart struct {
	Owner int64  `json:"owner"`
	Cents int64  `json:"cents"`
	Note  string `json:"note"`
}

type newCart struct {
	Owner int64  `json:"owner"`
	Total int64  `json:"total"`
	Note  string `json:"note"`
}

// unsafeTexts reads JSON, decodes, encodes, and writes over it.
func unsafeTexts(ctx context.Context, c *redis.Client, keys []string) error {
	pipe := c.Pipeline()
	asked := make([]*redis.StringCmd, len(keys))
	for i, key := range keys {
		asked[i] = pipe.Get(ctx, key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	pipe = c.Pipeline()
	for i, key := range keys {
		var before oldCart
		if err := json.Unmarshal([]byte(asked[i].Val()), &before); err != nil {
			return err
		}
		after, err := json.Marshal(newCart{before.Owner, before.Cents * 10, before.Note})
		if err != nil {
			return err
		}
		pipe.Set(ctx, key, after, redis.KeepTTL)
	}
	_, err := pipe.Exec(ctx)
	return err
}
