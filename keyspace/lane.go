package keyspace

import (
	"context"
	_ "embed"
	"errors"
	"strings"
	"time"

	"keyshift.dev/state"
	"keyshift.dev/transform"
)

// What lane.lua answers beside what the scripts of every op do (lua/prelude.lua).
const (
	codeAlready code = 'a' // the unit is of the target
	codeFall    code = 'f' // the lane wrote nothing and does not know: the unit is to be read and decided here
)

//go:embed lane.lua
var laneText string

// lane is a path between two versions that runs beside the data.
type lane struct {
	from, to state.Version
	script   script
}

// newLane compiles a path for the server. The reason, empty if there is a lane, tells why there is none.
func newLane(p *transform.Programs, from, to state.Version, o transform.LaneOptions) (*lane, string) {
	compiled, reason := p.Lua(from, to, o)
	if reason != "" {
		return nil, reason
	}
	before, after, _ := strings.Cut(laneText, "--@unit\n")
	return &lane{from: from, to: to, script: newScript(fence + before + compiled.Text + after)}, ""
}

// runLane does one script call and tells what became of each key, in their order. Each key is converted at most once
// and under every writer, because all of it happens inside one script; a key that is converted already is of the
// target, so that running a lane again does no harm.
//
// After errUnsettled, the answer was lost, some of the keys may be converted and others not: read them all. After
// another error the codes, if there are any, say what was done. Wrote, which may be nil, is told how many keys the call
// had and how long it kept the server; 0 where the server does not tell.
func (s *Store) runLane(ctx context.Context, l *Lease, ln *lane, keys []string, wrote func(n int, blocked time.Duration)) ([]code, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	answer, err := s.run(ctx, s.client, ln.script, append([]string{l.key}, keys...), l.token).Slice()
	if unknown(err) && ctx.Err() == nil {
		return nil, errUnsettled
	}
	if err != nil {
		return nil, classify(ctx, s.name, "converting on the server", err)
	}
	res, err := decode(answer, len(keys))
	if errors.Is(err, errFence) {
		return nil, l.lose()
	}
	if err != nil {
		return nil, &Error{Reason: StoreUnsupported, Store: s.name, Err: err, Hint: "report this with the server's version"}
	}
	if wrote != nil {
		wrote(len(keys), res.blocked)
	}
	if len(res.words) > 0 {
		return res.codes, classifyAnswer(s.name, "converting a unit on the server", res.words[0])
	}
	return res.codes, nil
}
