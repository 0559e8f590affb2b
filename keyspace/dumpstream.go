package keyspace

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// askPosition asks how far a stream and its consumer groups are.
func (q *keyRead) askPosition(ctx context.Context, pipe redis.Pipeliner) {
	q.stream = redis.NewSliceCmd(ctx, "xinfo", "stream", q.key)
	q.groups = redis.NewSliceCmd(ctx, "xinfo", "groups", q.key)
	_ = pipe.Process(ctx, q.stream) // queues; the error comes with Exec
	_ = pipe.Process(ctx, q.groups)
}

// position takes the answers.
func (q *keyRead) position(e *Entry) error {
	about, err := q.stream.Result()
	if err != nil {
		return err
	}
	if e.LastID = named(about, "last-generated-id"); e.LastID == "" {
		return errForm
	}
	groups, err := q.groups.Result()
	if err != nil {
		return err
	}
	for _, g := range groups {
		list, _ := g.([]any)
		e.Groups = append(e.Groups, Group{Name: named(list, "name"), LastID: named(list, "last-delivered-id")})
		if e.Groups[len(e.Groups)-1].LastID == "" {
			return errForm
		}
	}
	return nil
}

// named returns the text behind a name in a flat list of names and values.
func named(list []any, name string) string {
	for i := 0; i+1 < len(list); i += 2 {
		if list[i] == name {
			text, _ := list[i+1].(string)
			return text
		}
	}
	return ""
}
