package cli

import "github.com/spf13/cobra"

func newController(s Service) *cobra.Command {
	c := &cobra.Command{
		Use:   "controller",
		Short: "Serve the Deliveries of a Kubernetes cluster until told to stop",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.Run(c.Context())
		},
	}
	if s.Flags != nil {
		s.Flags(c.Flags())
	}
	return c
}
