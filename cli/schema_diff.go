package cli

import "github.com/spf13/cobra"

func newSchemaDiff() *cobra.Command {
	return &cobra.Command{Use: "diff [DIR]"}
}
