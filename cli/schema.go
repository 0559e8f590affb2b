package cli

import "github.com/spf13/cobra"

// newSchema groups what is about the shapes of keyspaces alone.
func newSchema() *cobra.Command {
	c := &cobra.Command{
		Use:   "schema",
		Short: "Compare, list, propose and exchange the shapes of keyspaces",
		Args:  unknownCommand,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newSchemaList(), newSchemaShow(), newSchemaDiff(), newSchemaSuggest(), newSchemaInfer(), newSchemaExport(), newSchemaImport())
	return c
}
