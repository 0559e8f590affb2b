package testbed

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Deployment describes a Deployment whose pods kwok plays. A pod with an image that contains "never-ready"
// cannot pull it, one with "never-healthy" runs and does not become ready, unless MendImage is called.
type Deployment struct {
	Namespace, Name  string
	Replicas         int32
	Images           map[string]string // container → image
	Start            time.Duration     // from a pod's creation to its readiness
	Terminate        time.Duration     // from a pod's deletion until it is gone; it stays Running meanwhile
	ProgressDeadline int32             // seconds; 0: Kubernetes's 600
	Manager          string            // field manager that creates it; empty: kubectl-create
	Programs         bool              // the namespace has an OnPod: a pod's object stays until its program has returned
}

// programFinalizer keeps the object of a pod until OnPod has seen its program return, as a kubelet does.
const programFinalizer = "testbed.keyshift.dev/program"

// Deploy creates the Deployment, and its namespace if need be. It does not wait for the pods.
func (c *ControlPlane) Deploy(t testing.TB, d Deployment) *appsv1.Deployment {
	t.Helper()
	ctx := context.Background()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: d.Namespace}}
	if _, err := c.Client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	manager := d.Manager
	if manager == "" {
		manager = "kubectl-create"
	}
	made, err := c.Client.AppsV1().Deployments(d.Namespace).Create(ctx, d.object(), metav1.CreateOptions{FieldManager: manager})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// object returns the Deployment as Kubernetes wants it, labelled app=NAME.
func (d Deployment) object() *appsv1.Deployment {
	labels := map[string]string{"app": d.Name}
	o := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: d.Name, Namespace: d.Namespace, Labels: labels}}
	o.Spec.Replicas = &d.Replicas
	o.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	if d.ProgressDeadline > 0 {
		o.Spec.ProgressDeadlineSeconds = &d.ProgressDeadline
	}
	o.Spec.Template.Labels = labels
	o.Spec.Template.Annotations = map[string]string{
		"pod-ready.stage.kwok.x-k8s.io/delay":  d.Start.String(),
		"pod-delete.stage.kwok.x-k8s.io/delay": d.Terminate.String(),
	}
	if d.Programs {
		o.Spec.Template.Finalizers = []string{programFinalizer}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Images)) {
		o.Spec.Template.Spec.Containers = append(o.Spec.Template.Spec.Containers, corev1.Container{Name: name, Image: d.Images[name]})
	}
	return o
}

// Namespace creates a namespace of the test's own and returns its name. It is deleted with the test, without
// waiting for its pods.
func (c *ControlPlane) Namespace(t testing.TB) string {
	t.Helper()
	ns, err := c.Client.CoreV1().Namespaces().Create(context.Background(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: namespacePrefix(t.Name())}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Client.CoreV1().Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{})
	})
	return ns.Name
}

// namespacePrefix makes a test's name fit for the API: lower case, letters and digits, short.
func namespacePrefix(test string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(test))
	clean = strings.Trim(clean[:min(len(clean), 40)], "-")
	return clean + "-"
}

// OnPod calls run in a goroutine of its own for every pod of the namespace, once it is Running, as if run
// were the pod's program. The context ends when the pod has terminated, so run goes on while the pod is
// terminating; run has returned before the pod's object is gone if its Deployment has Programs set, else
// soon after. All runs have returned when the test's cleanup has.
func (c *ControlPlane) OnPod(t testing.TB, namespace string, run func(ctx context.Context, pod corev1.Pod)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	programs := &podPrograms{ctx: ctx, client: c.Client, run: run, live: map[types.UID]*podProgram{}}
	factory := informers.NewSharedInformerFactoryWithOptions(c.Client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().Pods().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { programs.seen(o) },
		UpdateFunc: func(_, o any) { programs.seen(o) },
		DeleteFunc: func(o any) { programs.gone(o) },
	})
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(ctx.Done())
	t.Cleanup(func() {
		cancel()
		factory.Shutdown()
		programs.wait.Wait()
	})
	factory.WaitForCacheSync(ctx.Done())
}

// podPrograms are the programs of OnPod. The informer calls seen and gone one after another.
type podPrograms struct {
	ctx    context.Context
	client kubernetes.Interface
	run    func(context.Context, corev1.Pod)
	live   map[types.UID]*podProgram
	wait   sync.WaitGroup
}

// podProgram is one run.
type podProgram struct {
	stop     context.CancelFunc
	returned chan struct{}
	released bool // its finalizer is being removed
}

func (p *podPrograms) seen(o any) {
	pod, ok := o.(*corev1.Pod)
	if !ok || p.ctx.Err() != nil {
		return
	}
	program := p.live[pod.UID]
	if program == nil {
		program = &podProgram{stop: func() {}, returned: make(chan struct{})}
		if pod.Status.Phase != corev1.PodRunning {
			close(program.returned)
		} else {
			p.live[pod.UID] = program
			p.begin(program, pod.DeepCopy())
		}
	}
	if terminated(pod) && !program.released {
		program.released = true
		p.wait.Go(func() { p.release(program, pod.DeepCopy()) })
	}
}

// begin starts the pod's program.
func (p *podPrograms) begin(program *podProgram, pod *corev1.Pod) {
	ctx, cancel := context.WithCancel(p.ctx)
	program.stop = cancel
	p.wait.Go(func() {
		defer close(program.returned)
		p.run(ctx, *pod)
	})
}

// terminated tells whether kwok has ended the pod and only our finalizer keeps its object.
func terminated(pod *corev1.Pod) bool {
	grace := pod.DeletionGracePeriodSeconds
	return pod.DeletionTimestamp != nil && grace != nil && *grace == 0 && slices.Contains(pod.Finalizers, programFinalizer)
}

// release lets the pod's object go once its program has returned.
func (p *podPrograms) release(program *podProgram, pod *corev1.Pod) {
	program.stop()
	<-program.returned
	patch := []byte(`{"metadata":{"finalizers":null}}`)
	pods := p.client.CoreV1().Pods(pod.Namespace)
	for p.ctx.Err() == nil {
		_, err := pods.Patch(p.ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err == nil || apierrors.IsNotFound(err) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (p *podPrograms) gone(o any) {
	if last, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = last.Obj
	}
	if pod, ok := o.(*corev1.Pod); ok && p.live[pod.UID] != nil {
		p.live[pod.UID].stop()
	}
}
