package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// saying is an error as the packages beside this one make them.
type saying struct{ reported bool }

// Error says it whole.
func (saying) Error() string { return "it is late; come again tomorrow" }

// Parts says it in parts.
func (saying) Parts() (code, message, hint string) {
	return "Late", "it is late", "come again tomorrow"
}

// Reported tells whether it was printed.
func (s saying) Reported() bool { return s.reported }

// A command of another package has the manners of the line: its arguments are counted, its errors told as text or as JSON,
// once, and its exit code is 1 whenever it has one.
func TestCommandsOfOtherPackages(t *testing.T) {
	for _, x := range []struct {
		line     string
		err      error
		code     int
		out, say string
	}{
		{"greet ada", nil, exitDone, "hello ada loud=false json=false ask=false\n", ""},
		{"greet ada --loud -o json", nil, exitDone, "hello ada loud=true json=true ask=false\n", ""},
		{"greet", nil, exitError, "", "keyshift: greet takes 1 argument, and 0 are given; see keyshift greet --help\n"},
		{"greet ada bob", nil, exitError, "", "keyshift: greet takes 1 argument, and 2 are given; see keyshift greet --help\n"},
		{"greet ada -o yaml", nil, exitError, "", "keyshift: -o yaml: write text or json\n"},
		{"greet ada", saying{}, exitError, "hello", "keyshift: it is late; come again tomorrow (Late)\n"},
		{"greet ada", fmt.Errorf("greet: %w", saying{}), exitError, "hello", "keyshift: greet: it is late; come again tomorrow (Late)\n"},
		{"greet ada", saying{reported: true}, exitError, "hello", ""},
		{"greet ada -o json", saying{}, exitError, `"hint": "come again tomorrow"`, ""},
		{"greet ada", errors.New("no"), exitError, "hello", "keyshift: no\n"},
	} {
		var loud bool
		c := Command{
			Use: "greet NAME", Short: "Greet", Args: 1,
			Flags: func(fs *pflag.FlagSet) { fs.BoolVar(&loud, "loud", false, "") },
			Run: func(_ context.Context, s Streams, args []string) error {
				if x.err == nil || !s.JSON {
					_, _ = fmt.Fprintf(s.Out, "hello %s loud=%t json=%t ask=%t\n", args[0], loud, s.JSON, s.Ask != nil)
				}
				return x.err
			},
		}
		var out, say bytes.Buffer
		code := Run(t.Context(), Commands{Remote: []Command{c}}, strings.Fields(x.line), &out, &say)
		if code != x.code || !strings.Contains(out.String(), x.out) || say.String() != x.say {
			t.Errorf("%s, %v: exit %d, want %d\n%s\n%s", x.line, x.err, code, x.code, &out, &say)
		}
	}
}

// A question is asked until it is answered, and no answer is a no.
func TestAsk(t *testing.T) {
	for in, want := range map[string]bool{"yes\n": true, " Y \n": true, "no\n": false, "\n": false, "": false, "maybe\nyes\n": true, "maybe\n": false, "yes": true} {
		var out bytes.Buffer
		got, err := ask(strings.NewReader(in), &out, "Sure?")
		if err != nil || got != want {
			t.Errorf("%q: %t, %v", in, got, err)
		}
		if asked := strings.Count(out.String(), "Sure? (yes or no) "); asked < 1 || asked != 1+strings.Count(in, "maybe") {
			t.Errorf("%q: asked %d times", in, asked)
		}
	}
}
