package state

// Program is one compiled direction of a migration: it makes a unit of one version from a unit of another.
//
// The body of a program on a hash or a JSON object is an OpStruct that names every field of the result:
// those that the user's #up or #down sets, those that are carried (Path is their own name) and those that a
// default fills. What the body does not name is not in the result, but for the fields of an open shape that
// the source has beside its declared ones, which are carried if Open is set.
type Program struct {
	Body   Expr   `json:"body"`
	Open   bool   `json:"open,omitempty"`
	Losses []Loss `json:"losses,omitempty"` // why the way back may not restore the unit; empty: proved exact
}

// Exact tells whether the way back is proved to restore every unit.
func (p Program) Exact() bool { return len(p.Losses) == 0 }

// Loss is one reason why a program is lossy.
type Loss struct {
	Field  string `json:"field"`  // of the source version
	Reason string `json:"reason"` // "div drops the remainder", "dropped"
}

// Op is an operator of an expression.
type Op string

// The operators. A failing operand fails the expression: the unit is then invalid at the target version.
const (
	OpLit    Op = "lit"    // Lit
	OpPath   Op = "path"   // the part of the source unit at Path; the whole unit if Path is empty; fails if it is missing
	OpKey    Op = "key"    // the segment Path[0] of the unit's key
	OpHas    Op = "has"    // whether the source unit has a part at Path
	OpAdd    Op = "+"      // numbers, or concatenation of strings
	OpSub    Op = "-"      // two operands, or one (negation)
	OpMul    Op = "*"      // numbers
	OpDiv    Op = "div"    // Euclidean division of integers, as in CUE; fails by zero
	OpMod    Op = "mod"    // Euclidean remainder of integers, as in CUE; fails by zero
	OpQuo    Op = "quo"    // truncated division of integers; fails by zero
	OpRem    Op = "rem"    // remainder of truncated division; fails by zero
	OpEq     Op = "=="     // scalars of the same kind
	OpNe     Op = "!="     // scalars of the same kind
	OpLt     Op = "<"      // two numbers or two strings
	OpLe     Op = "<="     // two numbers or two strings
	OpGt     Op = ">"      // two numbers or two strings
	OpGe     Op = ">="     // two numbers or two strings
	OpAnd    Op = "&&"     // booleans; the second is evaluated only if it decides
	OpOr     Op = "||"     // booleans; the second is evaluated only if it decides
	OpNot    Op = "!"      // one boolean
	OpConcat Op = "concat" // string interpolation: strings, numbers and booleans as CUE prints them
	OpStruct Op = "struct" // Fields
)

// Expr is a node of a program. Only what its Op names is set.
type Expr struct {
	Op     Op          `json:"op"`
	Lit    *Value      `json:"lit,omitempty"`
	Path   []string    `json:"path,omitempty"`
	Args   []Expr      `json:"args,omitempty"`
	Fields []FieldExpr `json:"fields,omitempty"` // sorted by name; a name may stand several times, see FieldExpr.If
	Pos    Pos         `json:"pos,omitzero"`
}

// FieldExpr makes one field of an OpStruct.
//
// The field is made if every condition holds. Where several FieldExprs of one name are made, their values
// must be equal, as CUE unifies them, or the unit is invalid. If none is made: the field is absent, or
// Default if one of them has it.
type FieldExpr struct {
	Name     string `json:"name"`
	If       []Expr `json:"if,omitempty"`       // all must hold
	Value    Expr   `json:"value"`              // an OpPath equal to the field's own place leaves its bytes untouched
	Optional bool   `json:"optional,omitempty"` // a missing OpPath leaves the field out instead of failing
	Default  *Value `json:"default,omitempty"`  // fills the field if it is not made
}

// FindMigration returns the migration that has v as its To, and whether there is one.
func (k Keyspace) FindMigration(to Version) (Migration, bool) {
	for _, m := range k.Migrations {
		if m.To == to {
			return m, true
		}
	}
	return Migration{}, false
}

// FindShape returns the shape of v, and whether it is declared.
func (k Keyspace) FindShape(v Version) (Shape, bool) {
	for _, s := range k.Shapes {
		if s.Version == v {
			return s, true
		}
	}
	return Shape{}, false
}
