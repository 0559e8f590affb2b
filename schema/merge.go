package schema

import (
	"strings"

	"keyshift.dev/state"
)

// identities are the parts of a unit that tell it from the others of its key, and what such units are called.
var identities = map[state.Redis]struct{ part, units string }{
	state.Set: {"", "elements"}, state.SortedSet: {"member", "members"}, state.Map: {"field", "fields"},
}

// keepApart refuses a direction that makes one unit of several, for it leaves out what tells them apart, and warns of
// one that is not proved to keep them apart: to the letter, since {"a": 5} and {"a": 5.0} are two elements of a set.
func (d *direction) keepApart(there, back state.Program) {
	id, ok := identities[d.source.Type]
	if !ok {
		return
	}
	p := proof{source: d.source, target: d.target, there: there.Body, back: back.Body, strict: true}
	for _, l := range p.losses(there) {
		within := l.Field != id.part && (id.part == "" || strings.HasPrefix(l.Field, id.part+"."))
		gone := l.Reason == notKept(d.target)
		if up := d.name == "#old"; l.Field == state.LostTTL || l.Field != id.part && !within || !up && (within || !gone) {
			continue // on the way back what the newer version added may go, and what is not proved is a loss
		}
		of := ""
		if l.Field != "" {
			of = l.Field + ": "
		}
		const hint = "carry what tells them apart as it is, or declare another keyspace and let the application move the data"
		if gone {
			d.failAt(d.pos, d.path, "merges", "several "+id.units+" of a key could become one: "+of+l.Reason, hint)
		} else {
			d.warn("may-merge", "several "+id.units+" of a key are not proved to stay apart: "+of+l.Reason, hint+", or make sure that they do")
		}
		return
	}
}

func (d *direction) warn(code, message, hint string) {
	d.r.desired.Warnings = append(d.r.desired.Warnings, state.Diagnostic{Code: code, Pos: d.pos, Path: printPath(d.path), Message: message, Hint: hint})
}

// notKept is the reason why a part is lost that the target has no place for.
func notKept(target state.Shape) string {
	return "version " + string(target.Version) + " does not keep it"
}
