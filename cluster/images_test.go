package cluster_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"keyshift.dev/cluster"
	"keyshift.dev/state"
)

// registry is a registry on loopback. What it answers to a repository is in its name: there/…, missing/…, failing/…,
// private/… for the user "puller" alone by a bearer token, basic/… for the same by its password.
type registry struct {
	host   string
	heads  atomic.Int64
	gets   atomic.Int64
	noHead atomic.Bool // whether a HEAD is refused
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	r := &registry{}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.host = strings.TrimPrefix(s.URL, "http://")
	return r
}

// image names an image of the registry.
func (r *registry) image(repository string) state.Image {
	return state.Image{Container: "app", Image: r.host + "/" + repository + ":2.0.0"}
}

func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	user, password, given := q.BasicAuth()
	good := given && user == "puller" && password == "secret"
	path := strings.TrimPrefix(q.URL.Path, "/v2/")
	switch {
	case q.URL.Path == "/token":
		if given && !good {
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
			return
		}
		fmt.Fprintf(w, `{"token": "%t"}`, good)
	case path == "": // of both kinds the registry asks for a token
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.host+`/token",service="r"`)
		w.WriteHeader(http.StatusUnauthorized)
	case strings.HasPrefix(path, "private/") && q.Header.Get("Authorization") != "Bearer true":
		refuse(w, http.StatusForbidden, "DENIED")
	case strings.HasPrefix(path, "missing/"):
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN")
	case strings.HasPrefix(path, "failing/"):
		w.WriteHeader(http.StatusInternalServerError)
	default:
		r.manifest(w, q)
	}
}

func (r *registry) manifest(w http.ResponseWriter, q *http.Request) {
	const manifest = `{"schemaVersion": 2}`
	w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	w.Header().Set("Docker-Content-Digest", "sha256:c10b3c5d8f5a8f9d1c1a6f2f50d4f3a3b1a0dcf0a06d4f2f2f9b2f5d1f4f7a10")
	if q.Method == http.MethodHead {
		r.heads.Add(1)
		if r.noHead.Load() {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(manifest)))
		return
	}
	r.gets.Add(1)
	w.Header().Del("Docker-Content-Digest")
	fmt.Fprint(w, manifest)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors": [{"code": %q, "message": "no"}]}`, code)
}

// pulls returns the answers of a cluster, by repository.
func pulls(ctx context.Context, c cluster.Cluster, of state.Component, images ...state.Image) (out []cluster.Pull) {
	for _, a := range c.Pullable(ctx, of, images) {
		out = append(out, a.Pull)
	}
	return out
}

// testPull: the answers come in the order of the images. Of a workload that does not exist it is not known what its pods
// would show.
func testPull(t *testing.T, s stage) {
	c := component(s.work)
	var images []state.Image
	for _, p := range []cluster.Pull{cluster.PullWorks, cluster.PullMissing, cluster.PullUnknown, cluster.PullWorks} {
		images = append(images, s.image(t, p))
	}
	want(t, pulls(t.Context(), s.cluster, c, images[:1]...), []cluster.Pull{cluster.PullUnknown})
	s.deploy(t, s.work, 0, app("app:1"))
	answers := s.cluster.Pullable(t.Context(), c, images)
	var got []cluster.Pull
	for i, a := range answers {
		want(t, a.Image, images[i])
		want(t, a.Why == "", a.Pull == cluster.PullWorks)
		got = append(got, a.Pull)
	}
	want(t, got, []cluster.Pull{cluster.PullWorks, cluster.PullMissing, cluster.PullUnknown, cluster.PullWorks})
	c.Workload.Kind = "CronJob"
	want(t, pulls(t.Context(), s.cluster, c, images[:1]...), []cluster.Pull{cluster.PullUnknown})
}

// api is an API server that has a Deployment, its service account and Secrets, and no more.
type api struct {
	pod     corev1.PodSpec
	account []corev1.LocalObjectReference
	secrets map[string]corev1.Secret
	denied  string // part of the path of what it refuses
}

func (a api) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	name := q.URL.Path[strings.LastIndex(q.URL.Path, "/")+1:]
	var answer any
	secret, known := a.secrets[name]
	status := func(code int32, reason metav1.StatusReason) {
		w.WriteHeader(int(code))
		answer = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: code, Reason: reason}
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case a.denied != "" && strings.Contains(q.URL.Path, a.denied):
		status(403, metav1.StatusReasonForbidden)
	case strings.Contains(q.URL.Path, "/deployments/"):
		d := appsv1.Deployment{TypeMeta: metav1.TypeMeta{Kind: "Deployment", APIVersion: "apps/v1"}}
		d.Spec.Template.Spec = a.pod
		answer = d
	case strings.Contains(q.URL.Path, "/serviceaccounts/"+a.pod.ServiceAccountName):
		answer = corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{Kind: "ServiceAccount", APIVersion: "v1"}, ImagePullSecrets: a.account}
	case known:
		secret.TypeMeta = metav1.TypeMeta{Kind: "Secret", APIVersion: "v1"}
		answer = secret
	default:
		status(404, metav1.StatusReasonNotFound)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (a api) kube(t *testing.T) *cluster.Kube {
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	return kube(t, &rest.Config{Host: s.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"}})
}

// pullSecret is a Secret for one registry, of one of the two types.
func pullSecret(kind corev1.SecretType, host, user, password string) corev1.Secret {
	entries := fmt.Sprintf(`{%q: {"auth": %q}}`, host, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	if kind == corev1.SecretTypeDockercfg {
		return corev1.Secret{Type: kind, Data: map[string][]byte{corev1.DockerConfigKey: []byte(entries)}}
	}
	return corev1.Secret{Type: kind, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths": ` + entries + `}`)}}
}

// TestKubePullSecrets: a private image is asked for with the pull secrets of the template, else of the service account.
func TestKubePullSecrets(t *testing.T) {
	r := newRegistry(t)
	refs := func(names ...string) (out []corev1.LocalObjectReference) {
		for _, n := range names {
			out = append(out, corev1.LocalObjectReference{Name: n})
		}
		return out
	}
	secrets := map[string]corev1.Secret{
		"good":    pullSecret(corev1.SecretTypeDockerConfigJson, "https://"+r.host+"/v2/", "puller", "secret"),
		"old":     pullSecret(corev1.SecretTypeDockercfg, r.host, "puller", "secret"),
		"wrong":   pullSecret(corev1.SecretTypeDockerConfigJson, r.host, "puller", "hunter2"),
		"foreign": pullSecret(corev1.SecretTypeDockerConfigJson, "ghcr.example.com", "puller", "hunter2"),
		"broken":  {Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths": "hunter2"}`)}},
		"opaque":  {Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"password": []byte("hunter2")}},
	}
	for _, x := range []struct {
		name          string
		pod, account  []corev1.LocalObjectReference
		denied        string
		private, open cluster.Pull
		why           string
	}{
		{name: "template", pod: refs("good"), private: cluster.PullWorks, open: cluster.PullWorks},
		{name: "older type", pod: refs("old"), private: cluster.PullWorks, open: cluster.PullWorks},
		{name: "service account", account: refs("good"), private: cluster.PullWorks, open: cluster.PullWorks},
		{name: "the template's shadow the account's", pod: refs("foreign"), account: refs("good"), private: cluster.PullUnknown, open: cluster.PullWorks, why: "the workload has none"},
		{name: "one of two", pod: refs("wrong", "gone", "good"), private: cluster.PullWorks, open: cluster.PullWorks},
		{name: "wrong password", pod: refs("wrong"), private: cluster.PullDenied, open: cluster.PullDenied, why: "answers 401"},
		{name: "nothing", pod: refs("gone", "opaque"), private: cluster.PullUnknown, open: cluster.PullWorks, why: "its nodes may"},
		{name: "unreadable", pod: refs("broken"), private: cluster.PullUnknown, open: cluster.PullWorks, why: "no pull secret that can be read"},
		{name: "may not read the Secret", pod: refs("good"), denied: "/secrets/", private: cluster.PullUnknown, open: cluster.PullWorks, why: "verb get on secrets"},
		{name: "may not read the account", account: refs("good"), denied: "/serviceaccounts/", private: cluster.PullUnknown, open: cluster.PullWorks, why: "verb get on serviceaccounts"},
	} {
		t.Run(x.name, func(t *testing.T) {
			k := api{pod: corev1.PodSpec{ImagePullSecrets: x.pod, ServiceAccountName: "shop"}, account: x.account, secrets: secrets, denied: x.denied}.kube(t)
			c := component(state.Workload{Kind: "Deployment", Namespace: "shop", Name: "checkout"})
			got := k.Pullable(t.Context(), c, []state.Image{r.image("private/app"), r.image("there/app")})
			if got[0].Pull != x.private || got[1].Pull != x.open || !strings.Contains(got[0].Why, x.why) {
				t.Errorf("%+v", got)
			}
			if strings.Contains(fmt.Sprint(got), "hunter2") {
				t.Errorf("a secret is told: %+v", got)
			}
		})
	}
}

// TestKubePullAnswers tells what is certain from what is not.
func TestKubePullAnswers(t *testing.T) {
	r := newRegistry(t)
	nobody := httptest.NewServer(http.NotFoundHandler())
	notRegistry := strings.TrimPrefix(nobody.URL, "http://")
	t.Cleanup(nobody.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	a := api{pod: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}, {Name: "local", ImagePullPolicy: corev1.PullNever}}}}
	c := component(state.Workload{Kind: "Deployment", Namespace: "shop", Name: "checkout"})
	k := a.kube(t)
	for image, expected := range map[string]cluster.Pull{
		r.image("there/app").Image:                         cluster.PullWorks,
		r.image("missing/app").Image:                       cluster.PullMissing,
		r.image("failing/app").Image:                       cluster.PullUnknown,
		notRegistry + "/there/app:1":                       cluster.PullUnknown, // its 404 is none of a registry
		strings.TrimPrefix(gone.URL, "http://") + "/app:1": cluster.PullUnknown,
		"No Name":                cluster.PullMissing,
		"registry.invalid/app:1": cluster.PullUnknown,
		"10.255.255.1.invalid:5000/app@sha256:" + strings.Repeat("0", 64): cluster.PullUnknown,
	} {
		if got := k.Pullable(t.Context(), c, []state.Image{app(image)}); got[0].Pull != expected {
			t.Errorf("%s: %+v, want %s", image, got, expected)
		}
	}
	local := state.Image{Container: "local", Image: r.image("missing/app").Image}
	want(t, pulls(t.Context(), k, c, local), []cluster.Pull{cluster.PullWorks})
	r.noHead.Store(true)
	want(t, pulls(t.Context(), k, c, r.image("there/other")), []cluster.Pull{cluster.PullWorks})
	if r.gets.Load() != 1 || r.heads.Load() < 2 {
		t.Errorf("%d manifests were got and %d asked for by HEAD: a GET is for a registry that refuses that", r.gets.Load(), r.heads.Load())
	}
	many := slices.Repeat([]state.Image{r.image("there/app")}, 50)
	r.noHead.Store(false)
	before := r.heads.Load()
	want(t, len(k.Pullable(t.Context(), c, many)), 50)
	want(t, r.heads.Load()-before, int64(1))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, pulls(cancelled, k, c, r.image("there/app")), []cluster.Pull{cluster.PullUnknown})
}
