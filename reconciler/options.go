package reconciler

import (
	"errors"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/runtime/client"
	"github.com/fluxcd/pkg/runtime/jitter"
	"github.com/fluxcd/pkg/runtime/leaderelection"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	gates "keyshift.dev/gate"
)

// Options configure the controller. The zero value serves every namespace of the cluster that the
// environment names, with metrics and probes off and one Delivery at a time.
type Options struct {
	Config     *rest.Config // of the cluster; nil: Kubeconfig
	Kubeconfig string       // file; empty: $KUBECONFIG, the pod's service account, or ~/.kube/config

	MetricsAddr string // "" or "0": off
	HealthAddr  string // "" or "0": off
	EventsAddr  string // URL of a notification controller; empty: Kubernetes events alone

	State string // folder or bucket for backups and undo logs; empty: none, and what needs one is held

	Prometheus string // address that gates with a PromQL expression are asked of; empty: none, and they do not hold

	SkipImages bool // whether plans go without the check that the images which they may need can be pulled

	Namespaces     []string      // to serve; empty: all
	CrossNamespace bool          // whether a Delivery may roll out workloads of other namespaces than its own
	Full           time.Duration // how long a full pass over the keys is relied on, with samples between; see DeliveryReconciler
	Sample         time.Duration // how long a sample is relied on; see DeliveryReconciler
	Concurrent     int           // Deliveries worked on at the same time; 0: one

	LeaderElection          leaderelection.Options
	LeaderElectionNamespace string // empty: the pod's

	Client client.Options
	Jitter jitter.IntervalOptions
	Log    logger.Options
}

// BindFlags adds the options to a command's flags, with the defaults of an installation in a cluster.
func (o *Options) BindFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "kubeconfig", "", "Kubeconfig file of the cluster. Empty: $KUBECONFIG, the pod's service account, or ~/.kube/config.")
	fs.StringVar(&o.MetricsAddr, "metrics-addr", ":8080", "Address of the metrics endpoint. 0 turns it off.")
	fs.StringVar(&o.HealthAddr, "health-addr", ":9440", "Address of the health endpoint. 0 turns it off.")
	fs.StringVar(&o.EventsAddr, "events-addr", "", "URL of a Flux notification controller that gets the events too.")
	fs.StringVar(&o.State, "state", "", "Folder on a persistent volume, or URL of a bucket, for backups and undo logs. Empty: what needs one is held.")
	fs.StringVar(&o.Prometheus, "prometheus", "", "Address of a Prometheus, which gates with a PromQL expression are asked of. Empty: they do not hold.")
	fs.BoolVar(&o.SkipImages, "skip-image-check", false, "Rewrite data without asking registries first whether the images that a plan may need can be pulled.")
	fs.StringSliceVar(&o.Namespaces, "watch-namespaces", nil, "Namespaces whose Deliveries to serve. Empty: all.")
	fs.BoolVar(&o.CrossNamespace, "allow-cross-namespace", false, "Let a Delivery roll out workloads of other namespaces than its own.")
	fs.DurationVar(&o.Full, "full-pass-every", time.Hour, "How often every key is looked at when nothing has changed; between two passes a sample is. Negative: at every interval.")
	fs.DurationVar(&o.Sample, "sample-every", 5*time.Minute, "How often a sample of the keys is looked at between two full passes when nothing has changed. Negative: at every interval.")
	fs.IntVar(&o.Concurrent, "concurrent", 4, "Deliveries worked on at the same time.")
	fs.StringVar(&o.LeaderElectionNamespace, "leader-election-namespace", "", "Namespace of the leader election's lease. Empty: the pod's.")
	o.LeaderElection.BindFlags(fs)
	o.Client.BindFlags(fs)
	o.Jitter.BindFlags(fs)
	o.Log.BindFlags(fs)
}

func (o *Options) validate() error {
	if o.Concurrent < 0 {
		return fmt.Errorf("--concurrent is %d: it must not be negative", o.Concurrent)
	}
	if err := gates.Check(o.Prometheus); err != nil {
		return fmt.Errorf("--prometheus: %w", err)
	}
	if o.Jitter.Percentage >= 100 {
		return errors.New("--interval-jitter-percentage must be less than 100")
	}
	return nil
}

// withDefaults returns the options with every empty field filled that must not be empty.
func (o Options) withDefaults() Options {
	if o.MetricsAddr == "" {
		o.MetricsAddr = "0"
	}
	if o.HealthAddr == "" {
		o.HealthAddr = "0"
	}
	if o.Concurrent == 0 {
		o.Concurrent = 1
	}
	if o.Client.QPS == 0 {
		o.Client.QPS, o.Client.Burst = 50, 300
	}
	return o
}
