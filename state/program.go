package state

// Program is one compiled direction of a migration: it makes a unit of one version from a unit of another.
//
// The body of a program on a unit that is a struct is an OpStruct that names every field of the result: those that
// the user's #up or #down sets, those that are carried (an OpPath of their own place) and those that a default
// fills. What the body does not name is not in the result, but for the fields of an open shape that the source has
// beside its declared ones, which are carried if Open is set and the body does not make them. A struct below the top
// carries such fields only if it says so itself.
//
// A program is total in CUE's sense: an operand that fails fails the whole program, and the unit is invalid at the
// target version. So is a result that does not fit the target's shape.
type Program struct {
	Body   Expr   `json:"body"`
	Open   bool   `json:"open,omitempty"`
	Losses []Loss `json:"losses,omitempty"` // why the way back may not restore the unit; empty: proved exact
}

// Exact tells whether the way back is proved to restore every unit.
func (p Program) Exact() bool { return len(p.Losses) == 0 }

// LostTTL is the Field of a Loss of a key's time to live.
const LostTTL = "#ttl"

// Loss is one reason why a program is lossy.
type Loss struct {
	Field  string `json:"field"`  // of the source version
	Reason string `json:"reason"` // "div drops the remainder", "dropped"
}

// Op is an operator of an expression.
type Op string

// The operators. What they do with numbers, strings and errors is what CUE does with them.
const (
	OpLit      Op = "lit"    // Lit
	OpPath     Op = "path"   // the part of the source unit at Path; the whole unit if Path is empty; fails if it is missing
	OpKey      Op = "key"    // the segment Path[0] of the unit's key: an int if Int, else a string
	OpVar      Op = "var"    // the variable Name that a clause binds, and of its value the part at Path
	OpHas      Op = "has"    // whether the source unit has a part at Path; or, with Args[0], whether that OpVar or OpIndex is there
	OpAdd      Op = "+"      // numbers; concatenation of strings, bytes
	OpSub      Op = "-"      // two operands, or one (negation)
	OpMul      Op = "*"      // numbers; a string or bytes and how often it is repeated
	OpQuotient Op = "/"      // numbers; a decimal of 34 digits, never an int; fails by zero
	OpDiv      Op = "div"    // Euclidean division of integers; fails by zero
	OpMod      Op = "mod"    // Euclidean remainder of integers; fails by zero
	OpQuo      Op = "quo"    // truncated division of integers; fails by zero
	OpRem      Op = "rem"    // remainder of truncated division; fails by zero
	OpEq       Op = "=="     // values of the same kind, null with any; also lists and structs
	OpNe       Op = "!="     // as OpEq
	OpLt       Op = "<"      // two numbers, two strings or two bytes
	OpLe       Op = "<="     // as OpLt
	OpGt       Op = ">"      // as OpLt
	OpGe       Op = ">="     // as OpLt
	OpMatch    Op = "=~"     // a string and an RE2 expression, unanchored
	OpNoMatch  Op = "!~"     // a string and an RE2 expression, unanchored
	OpAnd      Op = "&&"     // booleans; the second is evaluated only if it decides
	OpOr       Op = "||"     // booleans; the second is evaluated only if it decides
	OpNot      Op = "!"      // one boolean
	OpConcat   Op = "concat" // string interpolation: strings, bytes as UTF-8 (U+FFFD for what is not), numbers and booleans as CUE prints them
	OpElse     Op = "else"   // *a | b: Args[0] unless it fails (but for a limit that CUE does not have), else Args[1]
	OpIndex    Op = "index"  // Args[0][Args[1]]: a list and an int from 0, or a struct and a string; fails if it is not there
	OpCall     Op = "call"   // the builtin Name, one of Builtins, on Args
	OpList     Op = "list"   // Items
	OpStruct   Op = "struct" // Fields
)

// Expr is a node of a program. Only what its Op names is set.
type Expr struct {
	Op     Op          `json:"op"`
	Lit    *Value      `json:"lit,omitempty"`
	Name   string      `json:"name,omitempty"`
	Path   []string    `json:"path,omitempty"`
	Int    bool        `json:"int,omitempty"`
	Args   []Expr      `json:"args,omitempty"`
	Items  []ItemExpr  `json:"items,omitempty"`
	Fields []FieldExpr `json:"fields,omitempty"` // sorted by name, those with a Key last; a name may stand several times, see FieldExpr.If
	Open   bool        `json:"open,omitempty"`   // of an OpStruct below the top of the body: as Program.Open, at its own place
	Pos    Pos         `json:"pos,omitzero"`
}

// FieldExpr makes one field of an OpStruct.
//
// The field is made if every condition holds. Where several FieldExprs of one name are made, their values
// must be equal, as CUE unifies them, or the unit is invalid. If none is made: the field is absent, or
// Default if one of them has it.
//
// With Clauses it makes one field for each way in which they hold, whose name is Key if that is set.
type FieldExpr struct {
	Name     string   `json:"name,omitempty"`
	Key      *Expr    `json:"key,omitempty"`      // a string; instead of Name
	Clauses  []Clause `json:"clauses,omitempty"`  // from left to right, before If
	If       []Expr   `json:"if,omitempty"`       // all must hold, from left to right
	Value    Expr     `json:"value"`              // an OpPath equal to the field's own place leaves its bytes untouched
	Optional bool     `json:"optional,omitempty"` // a missing OpPath leaves the field out instead of failing
	Default  *Value   `json:"default,omitempty"`  // fills the field if it is not made
}

// ItemExpr makes elements of an OpList: one, or one for each way in which its clauses hold.
type ItemExpr struct {
	Clauses []Clause `json:"clauses,omitempty"`
	Value   Expr     `json:"value"`
}

// Clause is one clause of a comprehension. Exactly one of For, If and Let is set.
type Clause struct {
	For   *Expr  `json:"for,omitempty"`   // a list or a struct; binds Value to each element or field, and Key to its index or name
	If    *Expr  `json:"if,omitempty"`    // goes on if it holds
	Let   *Expr  `json:"let,omitempty"`   // binds Value
	Key   string `json:"key,omitempty"`   // empty: not bound
	Value string `json:"value,omitempty"` // names are unique within a program
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
