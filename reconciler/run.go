package reconciler

import (
	"context"
	"fmt"
	"math/rand"
	"sync"
	"time"

	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/events"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/fluxcd/pkg/runtime/metrics"
	"github.com/fluxcd/pkg/runtime/pprof"
	"github.com/fluxcd/pkg/runtime/probes"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/apply"
	"keyshift.dev/cluster"
)

// ControllerName is the field manager of what the controller writes and the source of its events.
const ControllerName = "keyshift-controller"

const leaderElectionID = ControllerName + "-leader-election"

// recorder is registered once in a process, however often Run is called.
var recorder = sync.OnceValue(metrics.MustMakeRecorder)

// Run serves Deliveries until the context ends. It returns an error if the cluster cannot be reached at the
// start or the lead is lost; a Delivery that cannot be reconciled is said on its status.
func Run(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	o = o.withDefaults()
	logger.SetLogger(logger.NewLogger(o.Log))
	if err := o.Jitter.SetGlobalJitter(rand.New(rand.NewSource(time.Now().UnixNano()))); err != nil {
		return err
	}
	cfg, err := o.restConfig()
	if err != nil {
		return fmt.Errorf("configure the cluster's client: %w", err)
	}
	mgr, err := newManager(cfg, o)
	if err != nil {
		return fmt.Errorf("set up the controller: %w", err)
	}
	r, err := newReconciler(cfg, mgr, o)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the controller of Deliveries: %w", err)
	}
	return mgr.Start(ctx)
}

func (o Options) restConfig() (*rest.Config, error) {
	cfg := o.Config
	var err error
	switch {
	case cfg != nil:
		cfg = rest.CopyConfig(cfg)
	case o.Kubeconfig != "":
		cfg, err = clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	default:
		cfg, err = ctrl.GetConfig()
	}
	if err != nil {
		return nil, err
	}
	cfg.QPS, cfg.Burst = o.Client.QPS, o.Client.Burst
	return cfg, nil
}

func newManager(cfg *rest.Config, o Options) (ctrl.Manager, error) {
	s, err := newScheme()
	if err != nil {
		return nil, err
	}
	yes := true
	grace := 30 * time.Second
	options := ctrl.Options{
		Scheme:                        s,
		Metrics:                       metricsserver.Options{BindAddress: o.MetricsAddr, ExtraHandlers: pprof.GetHandlers()},
		HealthProbeBindAddress:        o.HealthAddr,
		LeaderElection:                o.LeaderElection.Enable,
		LeaderElectionID:              leaderElectionID,
		LeaderElectionNamespace:       o.LeaderElectionNamespace,
		LeaderElectionReleaseOnCancel: o.LeaderElection.ReleaseOnCancel,
		GracefulShutdownTimeout:       &grace,
		Logger:                        ctrl.Log,
		// Secrets and ConfigMaps are read one by one: a cache would list and watch every one of the cluster. An approval
		// is not read from a cache that may be behind, and neither is what the last attempt wrote on a Delivery.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}, &v1alpha1.Plan{}, &v1alpha1.Delivery{}}}},
		// One kind has one controller; a second Run in the same process is no mistake.
		Controller: config.Controller{RecoverPanic: &yes, MaxConcurrentReconciles: o.Concurrent, SkipNameValidation: &yes},
	}
	if le := o.LeaderElection; le.Enable && le.LeaseDuration > 0 {
		options.LeaseDuration, options.RenewDeadline, options.RetryPeriod = &le.LeaseDuration, &le.RenewDeadline, &le.RetryPeriod
	}
	if len(o.Namespaces) > 0 {
		options.Cache.DefaultNamespaces = map[string]cache.Config{}
		for _, ns := range o.Namespaces {
			options.Cache.DefaultNamespaces[ns] = cache.Config{}
		}
	}
	mgr, err := ctrl.NewManager(cfg, options)
	if err != nil {
		return nil, err
	}
	probes.SetupChecks(mgr, ctrl.Log)
	return mgr, nil
}

func newScheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	if err := scheme.AddToScheme(s); err != nil {
		return nil, err
	}
	return s, v1alpha1.AddToScheme(s)
}

func newReconciler(cfg *rest.Config, mgr ctrl.Manager, o Options) (*DeliveryReconciler, error) {
	kube, err := cluster.NewKube(cfg)
	if err != nil {
		return nil, fmt.Errorf("set up the cluster's client: %w", err)
	}
	rec, err := events.NewRecorder(mgr, ctrl.Log, o.EventsAddr, ControllerName)
	if err != nil {
		return nil, fmt.Errorf("set up events to --events-addr: %w", err)
	}
	rec.Client.RetryMax = 1 // a post blocks; an unreachable notification controller must not hold up a run
	r := &DeliveryReconciler{
		Client:        mgr.GetClient(),
		EventRecorder: rec,
		Metrics:       controller.NewMetrics(mgr, recorder()),
		Cluster:       kube,
		Records: func(d *v1alpha1.Delivery) Records {
			return kube.Records(d.Namespace, recordsName(d.Name), owner(d))
		},
		CrossNamespace: o.CrossNamespace,
		Full:           o.Full,
		Sample:         o.Sample,
		Prometheus:     o.Prometheus,
		SkipImages:     o.SkipImages,
	}
	if o.State != "" {
		r.State = &apply.Storage{Address: o.State}
	}
	return r, nil
}
