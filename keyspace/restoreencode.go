package keyspace

import "keyshift.dev/state"

// encode appends a value as the script takes it.
func (e *Entry) encode(args []any) []any {
	args = append(args, string(e.Type), e.ExpireAt)
	switch e.Type {
	case state.Hash:
		args = append(args, len(e.Fields))
		for _, f := range e.Fields {
			args = append(args, f.Name, f.Value, f.ExpireAt)
		}
	case state.List, state.Set:
		args = append(args, len(e.Elements))
		for _, x := range e.Elements {
			args = append(args, x)
		}
	case state.SortedSet:
		args = append(args, len(e.Members))
		for _, m := range e.Members {
			args = append(args, m.Member, m.Score)
		}
	case state.Stream:
		args = append(args, len(e.Messages))
		for _, m := range e.Messages {
			args = append(args, m.ID, len(m.Values))
			for _, v := range m.Values {
				args = append(args, v)
			}
		}
	default:
		args = append(args, 1, e.Text)
	}
	return args
}

// position appends how far a stream and its groups are as the scripts take it.
func (e *Entry) position(args []any) []any {
	args = append(args, e.LastID, len(e.Groups))
	for _, g := range e.Groups {
		args = append(args, g.Name, g.LastID)
	}
	return args
}
