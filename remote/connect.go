package remote

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"keyshift.dev/api/v1alpha1"
)

// patience is how long one request may take, and pause the time between two looks at what is waited for.
const (
	patience = 30 * time.Second
	pause    = time.Second
)

// connection says which cluster and namespace are meant, as kubectl is told.
type connection struct {
	kubeconfig, context, namespace string
}

func (c *connection) bind(fs *pflag.FlagSet) {
	fs.StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig file; $KUBECONFIG or ~/.kube/config if empty")
	fs.StringVar(&c.context, "context", "", "context of the kubeconfig; the current one if empty")
	fs.StringVarP(&c.namespace, "namespace", "n", "", "namespace of the Delivery; the context's if empty")
}

// with makes the run of a command out of what it does at a place to what its argument names.
func (c *connection) with(run func(context.Context, place, Streams, string) error) func(context.Context, Streams, []string) error {
	return func(ctx context.Context, s Streams, args []string) error {
		p, err := c.open()
		if err != nil {
			return err
		}
		return run(ctx, p, s, args[0])
	}
}

// open finds the cluster. Nothing is asked of it yet.
func (c *connection) open() (place, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context})
	config, err := loader.ClientConfig()
	if err != nil {
		return place{}, noCluster(err)
	}
	namespace := c.namespace
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return place{}, noCluster(err)
		}
	}
	p, err := newPlace(config, namespace)
	p.option = c.options()
	return p, err
}

// options are the flags that say which cluster and namespace are meant, behind a command that is shown.
func (c *connection) options() (text string) {
	for _, f := range []struct{ name, value string }{{"-n", c.namespace}, {"--context", c.context}, {"--kubeconfig", c.kubeconfig}} {
		if f.value != "" {
			text += " " + f.name + " " + quoted(f.value)
		}
	}
	return text
}

func noCluster(err error) *Problem {
	return problem("NoCluster", "name a kubeconfig with --kubeconfig and one of its contexts with --context", "no cluster is configured: %v", err)
}

// place is a namespace of a cluster.
type place struct {
	client    client.Client
	namespace string
	server    string        // address of the API server
	option    string        // what names this place behind a command
	pause     time.Duration // between two looks
}

func newPlace(config *rest.Config, namespace string) (place, error) {
	config = rest.CopyConfig(config)
	config.Timeout, config.WarningHandler = patience, rest.NoWarnings{}
	s, err := scheme()
	if err != nil {
		return place{}, err
	}
	c, err := client.New(config, client.Options{Scheme: s, Mapper: resources()})
	if err != nil {
		return place{}, noCluster(err)
	}
	return place{client: c, namespace: namespace, server: config.Host, pause: pause}, nil
}

func scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(s); err != nil {
		return nil, err
	}
	return s, authenticationv1.AddToScheme(s)
}

// resources names what is asked for, so that the server need not be asked what it has.
func resources() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.GroupVersion, authenticationv1.SchemeGroupVersion})
	m.Add(v1alpha1.GroupVersion.WithKind("Delivery"), meta.RESTScopeNamespace)
	m.Add(v1alpha1.GroupVersion.WithKind("Plan"), meta.RESTScopeNamespace)
	m.Add(authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), meta.RESTScopeRoot)
	return m
}

// command is a command to run next.
func (p place) command(words ...string) string {
	return "keyshift " + strings.Join(words, " ") + p.option
}

// me is the name under which the API server knows whoever asks.
func (p place) me(ctx context.Context) (string, error) {
	var r authenticationv1.SelfSubjectReview
	if err := p.client.Create(ctx, &r); err != nil {
		return "", p.explain(err, "create", "selfsubjectreviews.authentication.k8s.io", "")
	}
	return r.Status.UserInfo.Username, nil
}
