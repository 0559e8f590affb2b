package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/schema"
	"keyshift.dev/state"
)

type schemaImportOptions struct {
	output
	keyspace string
	keys     string
	version  string
}

// importResult is the result of keyshift schema import for programs.
type importResult struct {
	Shape state.Shape `json:"shape"`
	CUE   string      `json:"cue"`
	Notes []string    `json:"notes,omitempty"` // what could not be taken over
}

// maxImport bounds a JSON Schema.
const maxImport = 4 << 20

func newSchemaImport() *cobra.Command {
	var o schemaImportOptions
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Print a version made of a JSON Schema, as CUE",
		Long: `Import reads a JSON Schema of draft-07 or 2020-12 and prints the version that it describes, as CUE: a string of
JSON, unless the schema is an export of keyshift's. References are followed within the file only. What has no
counterpart is said on standard error and stands in the output as a comment. FILE may be - for standard input.`,
		Example: "  keyshift schema import user.schema.json --keyspace user --keys 'user:<id>' --version 1.0.0",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.open(c); err != nil {
				return err
			}
			return o.run(c.InOrStdin(), args[0])
		},
	}
	o.output.bind(c.Flags())
	c.Flags().StringVar(&o.keyspace, "keyspace", "", "print it as a keyspace of that name, not as a version alone")
	c.Flags().StringVar(&o.keys, "keys", "", "key pattern, as \"user:<id>\"; the schema's own annotation if empty")
	c.Flags().StringVar(&o.version, "version", "1.0.0", "name of the version")
	return c
}

func (o *schemaImportOptions) run(in io.Reader, name string) error {
	data, err := readBounded(in, name)
	if err != nil {
		return o.fail(err)
	}
	if !state.Version(o.version).Valid() {
		return o.fail(trouble(misuse, "--version "+o.version+" is no version", "write three numbers: 1.0.0", nil))
	}
	imported, err := schema.ImportJSONSchema(data)
	if err != nil {
		return o.fail(err)
	}
	s := imported.Shape
	s.Version = state.Version(o.version)
	if o.keys != "" {
		s.Keys = o.keys
	}
	if _, err := state.ParsePattern(s.Keys); err != nil {
		hint := "give --keys 'user:<id>'"
		if s.Keys == "" {
			return o.fail(trouble(misuse, "the schema does not say which keys it is about", hint, nil))
		}
		return o.fail(trouble(misuse, err.Error(), hint, err))
	}
	text := schema.FormatCommented(s, imported.Comments)
	if o.json() {
		return o.value(importResult{Shape: s, CUE: text, Notes: imported.Notes})
	}
	for _, n := range imported.Notes {
		o.note("not taken over: %s", n)
	}
	o.printf("%s", o.wrapped(s, text))
	return nil
}

// wrapped is the version as it stands in a keyspace.
func (o *schemaImportOptions) wrapped(s state.Shape, text string) string {
	var b strings.Builder
	if packages := schema.FormatImports(s); len(packages) > 0 {
		fmt.Fprintf(&b, "// The file needs: import %q\n", strings.Join(packages, `", "`))
	}
	if o.keyspace != "" {
		fmt.Fprintf(&b, "system: keyspaces: %s: ", quotedLabel(o.keyspace))
	}
	fmt.Fprintf(&b, "versions: %q: %s\n", s.Version, text)
	return b.String()
}

// quotedLabel writes a name so that CUE takes it as a label.
func quotedLabel(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == "" && name != "" {
		return name
	}
	return fmt.Sprintf("%q", name)
}

func readBounded(in io.Reader, name string) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, trouble("no-file", name+" does not exist", "name a file that holds a JSON Schema", err)
		}
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	if err == nil && len(data) > maxImport {
		return nil, trouble("too-large", fmt.Sprintf("the schema is larger than %d MiB", maxImport>>20), "split it", nil)
	}
	return data, err
}
