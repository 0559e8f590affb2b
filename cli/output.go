package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyshift.dev/state"
)

// output is where a command prints to, and in which form.
type output struct {
	format string // text or json
	out    io.Writer
	err    io.Writer
}

func (o *output) bind(fs *pflag.FlagSet) {
	fs.StringVarP(&o.format, "output", "o", "text", "form of the result: text or json")
}

// open checks the form and takes the command's writers.
func (o *output) open(c *cobra.Command) error {
	if o.format != "text" && o.format != "json" {
		return trouble(misuse, "-o "+o.format+": write text or json", "", nil)
	}
	o.out, o.err = c.OutOrStdout(), c.ErrOrStderr()
	return nil
}

func (o *output) json() bool { return o.format == "json" }

// value prints a value as indented JSON.
func (o *output) value(v any) error { return o.encode(v, "  ") }

// line prints a value as JSON on one line.
func (o *output) line(v any) error { return o.encode(v, "") }

func (o *output) encode(v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := o.out.Write(b.Bytes())
	return err
}

// printf prints text, nothing if the form is JSON.
func (o *output) printf(format string, args ...any) {
	if !o.json() {
		_, _ = fmt.Fprintf(o.out, format, args...) // a reader that is gone hears nothing
	}
}

// note prints one line for people beside the result.
func (o *output) note(format string, args ...any) {
	_, _ = fmt.Fprintf(o.err, "note: "+format+"\n", args...)
}

// complain prints one line about an error whose details stand in the result.
func (o *output) complain(format string, args ...any) {
	_, _ = fmt.Fprintf(o.err, "keyshift: "+format+"\n", args...)
}

// failed is what every command prints as JSON where it has no result.
type failed struct {
	Errors state.Diagnostics `json:"errors"`
}

// fail prints what is wrong and returns errReported: one line each on standard error, diagnostics with their
// place and any other error behind the program's name, or all of it as one JSON object on standard output.
func (o *output) fail(err error) error {
	if o.json() {
		if err := o.value(failed{diagnose(err)}); err != nil {
			return err
		}
		return errReported
	}
	_, _ = io.WriteString(o.err, plain(err)) // a reader that is gone hears nothing
	return errReported
}

// plain is an error as lines of text.
func plain(err error) string {
	var b strings.Builder
	for _, e := range leaves(err) {
		if ds, ok := e.(state.Diagnostics); ok {
			for _, d := range ds {
				if d.Pos.File == "" {
					b.WriteString("keyshift: ")
				}
				b.WriteString(d.String() + "\n")
			}
			continue
		}
		for line := range strings.Lines(sentence(describe(e))) {
			b.WriteString("keyshift: " + strings.TrimRight(line, "\n") + "\n")
		}
	}
	return b.String()
}

// sentence is an error for people: what happened, what to do, and the code if one can look it up.
func sentence(d state.Diagnostic) string {
	switch {
	case d.Code != misuse && d.Code != unknownCode:
		return d.String()
	case d.Hint != "":
		return d.Message + "; " + d.Hint
	}
	return d.Message
}
