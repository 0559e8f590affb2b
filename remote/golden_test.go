package remote

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/pflag"
	authenticationv1 "k8s.io/api/authentication/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"keyshift.dev/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite what the commands print in testdata")

// task is what every command of this package is made of.
type task interface {
	bind(*pflag.FlagSet)
	run(context.Context, place, Streams, string) error
}

var tasks = map[string]func() task{
	"status":    func() task { return &look{} },
	"approve":   func() task { return &decision{approve: true} },
	"reject":    func() task { return &decision{} },
	"history":   func() task { return &history{} },
	"rollback":  func() task { return &rollback{} },
	"reconcile": func() task { return &reconcile{} },
	"suspend":   func() task { return &pausing{suspend: true} },
	"resume":    func() task { return &pausing{} },
}

// command runs one command line at a place and returns what it prints, and its error. A flag --answer says what a person at
// the terminal would.
func command(t *testing.T, p place, text string) (string, error) {
	t.Helper()
	words := strings.Fields(text)
	begin, known := tasks[words[0]]
	if !known {
		t.Fatalf("no command %q", words[0])
	}
	var form, answer string
	do, flags := begin(), pflag.NewFlagSet(words[0], pflag.ContinueOnError)
	flags.StringVarP(&form, "output", "o", "text", "")
	flags.StringVar(&answer, "answer", "", "")
	do.bind(flags)
	if err := flags.Parse(words[1:]); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s := Streams{Out: &out, Err: &out, JSON: form == "json"}
	if answer != "" {
		s.Ask = func(question string) (bool, error) {
			fmt.Fprintf(&out, "%s %s\n", question, answer)
			return answer == "yes", nil
		}
	}
	err := do.run(t.Context(), p, s, flags.Arg(0))
	return out.String(), err
}

// testPlace is a place with objects in it, at which ada asks.
func testPlace(t *testing.T, hooks interceptor.Funcs, objects ...client.Object) place {
	t.Helper()
	s, err := scheme()
	if err != nil {
		t.Fatal(err)
	}
	hooks.Create = func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
		if r, ok := o.(*authenticationv1.SelfSubjectReview); ok {
			r.Status.UserInfo.Username = "ada"
			return nil
		}
		return c.Create(ctx, o, options...)
	}
	c := fake.NewClientBuilder().WithScheme(s).WithObjects(objects...).WithStatusSubresource(&v1alpha1.Delivery{}, &v1alpha1.Plan{}).WithInterceptorFuncs(hooks).Build()
	return place{client: c, namespace: "shop", server: "https://k8s.example.com", pause: time.Millisecond}
}

// objectsOf reads the objects of a file of several documents.
func objectsOf(t *testing.T, text string) (objects []client.Object) {
	t.Helper()
	for doc := range strings.SplitSeq(text, "---\n") {
		var o client.Object = &v1alpha1.Plan{}
		if strings.Contains(doc, "kind: Delivery\n") {
			o = &v1alpha1.Delivery{}
		}
		if err := yaml.UnmarshalStrict([]byte(doc), o); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	return objects
}

// TestCommands runs the command lines of testdata/*.txtar one after the other and compares what each prints. The line that
// begins with "error" is the error; "get KIND NAME" shows what an object has become.
func TestCommands(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := testPlace(t, interceptor.Funcs{}, objectsOf(t, string(ar.Files[0].Data))...)
			for i := range ar.Files[1:] {
				f := &ar.Files[i+1]
				got := transcript(t, p, f.Name)
				if *update {
					f.Data = []byte(got)
				} else if got != string(f.Data) {
					t.Errorf("%s prints\n%s\nand not\n%s", f.Name, got, f.Data)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func transcript(t *testing.T, p place, line string) string {
	t.Helper()
	words := strings.Fields(line)
	if words[0] == "get" {
		return got(t, p, words[1], words[2])
	}
	out, err := command(t, p, line)
	if e, ok := err.(interface{ Reported() bool }); err != nil && !(ok && e.Reported()) {
		out += fmt.Sprintf("error %s: %v\n", asProblem(err).Code, err)
	}
	return out
}

// got shows the part of an object that people write.
func got(t *testing.T, p place, kind, name string) string {
	t.Helper()
	var d v1alpha1.Delivery
	var x v1alpha1.Plan
	key := client.ObjectKey{Namespace: p.namespace, Name: name}
	var err error
	var shown any
	if kind == "plan" {
		err = p.client.Get(t.Context(), key, &x)
		shown = map[string]any{"approval": x.Spec.Approval}
	} else {
		err = p.client.Get(t.Context(), key, &d)
		shown = map[string]any{"suspend": d.Spec.Suspend, "rollback": d.Spec.Rollback}
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
