package schema_test

import (
	"fmt"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// lazily is run, with && and || as the programs have them: an operand that does not decide is not evaluated. CUE does
// evaluate it and fails if it fails, so what CUE refuses is asked again with `a && b` as `[if a {b}, false][0]`.
func (o oracle) lazily(inputs []input) ([]answer, error) {
	answers, err := o.run(inputs)
	if err != nil || !strings.Contains(o.body, "&&") && !strings.Contains(o.body, "||") {
		return answers, err
	}
	if o.body, err = lazy(o.body); err != nil {
		return nil, err
	}
	again, err := o.run(inputs)
	for i := range answers {
		if err == nil && answers[i].err != nil {
			answers[i] = again[i]
		}
	}
	return answers, err
}

func lazy(body string) (string, error) {
	e, err := parser.ParseExpr("body", body)
	if err != nil {
		return "", err
	}
	e = astutil.Apply(e, nil, func(c astutil.Cursor) bool {
		b, ok := c.Node().(*ast.BinaryExpr)
		if !ok || b.Op != token.LAND && b.Op != token.LOR {
			return true
		}
		x, errX := format.Node(b.X)
		y, errY := format.Node(b.Y)
		text := fmt.Sprintf("[if %s {%s}, false][0]", x, y)
		if b.Op == token.LOR {
			text = fmt.Sprintf("[if %s {true}, %s][0]", x, y)
		}
		if in, errIn := parser.ParseExpr("lazy", text); errX == nil && errY == nil && errIn == nil {
			c.Replace(in)
		}
		return true
	}).(ast.Expr)
	data, err := format.Node(e)
	return string(data), err
}
