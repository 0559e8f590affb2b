package cli

import (
	"github.com/spf13/cobra"

	"keyshift.dev/schema"
	"keyshift.dev/state"
)

type schemaExportOptions struct {
	output
	source
	to string
}

func newSchemaExport() *cobra.Command {
	var o schemaExportOptions
	c := registryCommand(&cobra.Command{
		Use:   "export [DIR] KEYSPACE[@VERSION] --format jsonschema",
		Short: "Write a version as JSON Schema 2020-12",
		Long: `Export writes the value of a version as an application sees it, decoded, as JSON Schema 2020-12; the desired
version if none is named. What the version says of the store (keys, kind, encodings, time to live) is in
annotations that begin with x-keyshift, which an import reads again.`,
		Example: "  keyshift schema export session@2.0.0 --format jsonschema > session.schema.json",
	}, &o.output, &o.source, o.run)
	c.Flags().StringVar(&o.to, "format", "jsonschema", "what to write: jsonschema")
	return c
}

func (o *schemaExportOptions) run(_ state.Desired, k state.Keyspace, v state.Version) error {
	if o.to != "jsonschema" {
		return o.fail(trouble(misuse, "--format "+o.to+": write jsonschema", "", nil))
	}
	if v == "" {
		v = k.Version
	}
	s, _ := k.FindShape(v) // find saw it
	text, err := schema.ExportJSONSchema(s)
	if err != nil {
		return o.fail(err)
	}
	_, err = o.out.Write(text)
	return err
}
