package cli

import "github.com/spf13/cobra"

func newDemo(s Show) *cobra.Command {
	var o output
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole line on this machine: push, roll out, rewrite, revert",
		Long: `Demo needs nothing installed. It starts a Git server, a Redis and a cluster in memory, seeds sessions, lets the
pods of an application read and write them throughout, pushes a commit that changes the shape of the sessions
and the release of the application, and reverts it. It ends by itself; its last line says whether a write was
lost or a value could not be read, as the application itself measured.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.open(c); err != nil {
				return err
			}
			if err := s.Run(c.Context(), o.out, o.json()); err != nil {
				o.complain("%v", err)
				return errReported
			}
			return nil
		},
	}
	o.bind(c.Flags())
	if s.Flags != nil {
		s.Flags(c.Flags())
	}
	return c
}
