package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// The parts of units that are entries of a map or members of a sorted set.
const (
	partField  = "field"
	partValue  = "value"
	partMember = "member"
	partScore  = "score"
)

// put writes a unit of a kind as an application would.
func (s *Stage) put(ctx context.Context, u transform.Unit, kind state.Redis) error {
	var args []any
	for _, f := range u.Fields {
		args = append(args, f.Name, f.Value)
	}
	var err error
	switch kind {
	case state.String:
		err = s.client.Set(ctx, u.Key, u.Text, 0).Err()
	case state.Hash:
		err = s.client.HSet(ctx, u.Key, args...).Err()
	case state.Map:
		err = s.client.HSet(ctx, u.Key, part(u, partField), part(u, partValue)).Err()
	case state.List:
		err = s.client.RPush(ctx, u.Key, u.Text).Err()
	case state.Set:
		err = s.client.SAdd(ctx, u.Key, u.Text).Err()
	case state.SortedSet:
		err = s.client.Do(ctx, "zadd", u.Key, part(u, partScore), part(u, partMember)).Err()
	case state.Stream:
		err = s.client.XAdd(ctx, &redis.XAddArgs{Stream: u.Key, Values: args}).Err()
	default:
		return fmt.Errorf("units of kind %q cannot be written to the embedded server", kind)
	}
	if err == nil && u.TTL > 0 {
		err = s.client.PExpire(ctx, u.Key, time.Duration(u.TTL)*time.Millisecond).Err()
	}
	if err != nil {
		return fmt.Errorf("the embedded server: writing a %s: %w", kind, err)
	}
	return nil
}

// get reads the only unit of a key back.
func (s *Stage) get(ctx context.Context, key string, kind state.Redis) (transform.Unit, error) {
	u := transform.Unit{Key: key, Type: kind}
	var err error
	switch kind {
	case state.String:
		u.Text, err = s.client.Get(ctx, key).Result()
	case state.Hash:
		var fields map[string]string
		fields, err = s.client.HGetAll(ctx, key).Result()
		u.Fields = sorted(fields)
	case state.Map:
		var fields map[string]string
		fields, err = s.client.HGetAll(ctx, key).Result()
		for f, v := range fields {
			u.Fields = []transform.Field{{Name: partField, Value: f}, {Name: partValue, Value: v}}
		}
	case state.List:
		u.Text, err = s.client.LIndex(ctx, key, 0).Result()
	case state.Set:
		u.Text, err = s.client.SRandMember(ctx, key).Result()
	case state.SortedSet:
		var members []redis.Z
		members, err = s.client.ZRangeWithScores(ctx, key, 0, -1).Result()
		for _, z := range members {
			u.Fields = []transform.Field{{Name: partMember, Value: fmt.Sprint(z.Member)}, {Name: partScore, Value: score(z.Score)}}
		}
	case state.Stream:
		var entries []redis.XMessage
		entries, err = s.client.XRange(ctx, key, "-", "+").Result()
		for _, e := range entries {
			u.Fields = streamFields(e)
		}
	}
	if err == nil {
		var left time.Duration
		left, err = s.client.PTTL(ctx, key).Result()
		u.TTL = max(0, left.Milliseconds())
	}
	if err != nil {
		return u, fmt.Errorf("the embedded server: reading a %s back: %w", kind, err)
	}
	return u, nil
}

// score prints a double as Redis does, with 17 digits where it takes them.
func score(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func part(u transform.Unit, name string) string {
	for _, f := range u.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func streamFields(e redis.XMessage) []transform.Field {
	fields := map[string]string{}
	for name, value := range e.Values {
		fields[name] = fmt.Sprint(value)
	}
	return sorted(fields)
}

func sorted(fields map[string]string) []transform.Field {
	out := make([]transform.Field, 0, len(fields))
	for name, value := range fields {
		out = append(out, transform.Field{Name: name, Value: value})
	}
	slices.SortFunc(out, func(a, b transform.Field) int { return strings.Compare(a.Name, b.Name) })
	return out
}
