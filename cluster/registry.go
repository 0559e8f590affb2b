package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"keyshift.dev/state"
)

const (
	pullTimeout = 3 * time.Second // for the answer to one image
	pullsAsked  = 4               // images asked for at once
	answerBytes = 4 << 20         // of a registry's answer; a manifest has at most that
)

// keyring is what the pods of a workload show to registries.
type keyring struct {
	secrets []pullSecret
	lacks   string   // why it is not known whether these are all; empty if they are
	local   []string // containers whose images are never pulled
}

// askRegistries asks for the manifest of every image, as a node does that pulls it.
func askRegistries(ctx context.Context, keys keyring, images []state.Image) []ImageAnswer {
	names := distinct(images)
	answers := make([]ImageAnswer, len(names))
	registry := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: pullTimeout}).DialContext, ForceAttemptHTTP2: true}
	defer registry.CloseIdleConnections()
	turns := make(chan struct{}, pullsAsked)
	var all sync.WaitGroup
	for i, image := range names {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			answers[i].Pull, answers[i].Why = keys.ask(ctx, guarded{registry}, image)
		})
	}
	all.Wait()
	out := make([]ImageAnswer, len(images))
	for i, image := range images {
		at, _ := slices.BinarySearch(names, image.Image)
		out[i] = ImageAnswer{image, answers[at].Pull, answers[at].Why}
		if slices.Contains(keys.local, image.Container) {
			out[i] = ImageAnswer{Image: image, Pull: PullWorks}
		}
	}
	return out
}

// ask tries one image with each of the credentials for it until one is good, without any if there are none.
func (k keyring) ask(ctx context.Context, t http.RoundTripper, image string) (Pull, string) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return PullMissing, "that is no name of an image"
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	var auths []authn.Authenticator
	for _, s := range matching(k.secrets, ref.Context()) {
		auths = append(auths, authn.FromConfig(s.AuthConfig))
	}
	if len(auths) == 0 {
		p, why := judge(ref, manifest(ctx, ref, t, authn.Anonymous))
		if p == PullDenied { // a kubelet may have credentials of its node's
			return PullUnknown, cmp.Or(k.lacks, why+" without credentials, and the workload has none for it; its nodes may")
		}
		return p, why
	}
	var worst Pull
	var said string
	for _, auth := range auths {
		p, why := judge(ref, manifest(ctx, ref, t, auth))
		if p == PullWorks {
			return p, ""
		}
		if worst == "" || p == PullUnknown {
			worst, said = p, why
		}
	}
	if worst == PullDenied && k.lacks != "" {
		return PullUnknown, k.lacks
	}
	return worst, said
}

// manifest asks for the manifest of an image, by GET where the answer to a HEAD does not say that it is there.
func manifest(ctx context.Context, ref name.Reference, t http.RoundTripper, auth authn.Authenticator) error {
	registry, err := remote.NewPuller(remote.WithAuth(auth), remote.WithTransport(t), remote.WithUserAgent(FieldManager), remote.WithRetryStatusCodes())
	if err != nil {
		return err
	}
	if _, err = registry.Head(ctx, ref); err == nil {
		return nil
	}
	refused, answered := errors.AsType[*transport.Error](err)
	if _, silent := errors.AsType[*url.Error](err); silent || answered && !aboutManifest(refused) {
		return err
	}
	_, err = registry.Get(ctx, ref)
	return err
}

// aboutManifest tells whether an answer is to a question for a manifest, and not, as that of a proxy may be, to the one
// whether there is a registry.
func aboutManifest(e *transport.Error) bool {
	return e.Request != nil && strings.Contains(e.Request.URL.Path, "/manifests/")
}

// absent are the codes by which a registry says that there is no such image.
var absent = []transport.ErrorCode{transport.ManifestUnknownErrorCode, transport.NameUnknownErrorCode}

// judge tells what the error of a question means. Only what a registry itself says for certain is certain.
func judge(ref name.Reference, err error) (Pull, string) {
	host := ref.Context().RegistryStr()
	if err == nil {
		return PullWorks, ""
	}
	refused, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return PullUnknown, fmt.Sprintf("%s cannot be asked: %s", host, brief(err))
	}
	said := fmt.Sprintf("%s answers %d", host, refused.StatusCode)
	var codes []transport.ErrorCode
	for _, d := range refused.Errors {
		codes = append(codes, d.Code)
	}
	gone := slices.ContainsFunc(codes, func(c transport.ErrorCode) bool { return slices.Contains(absent, c) })
	switch {
	case aboutManifest(refused) && (gone || refused.StatusCode == http.StatusNotFound):
		return PullMissing, host + " has no such image"
	case refused.StatusCode == http.StatusUnauthorized || refused.StatusCode == http.StatusForbidden:
		return PullDenied, said
	}
	return PullUnknown, said
}

// brief says an error on one line, without the address that was asked.
func brief(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	return text[:min(len(text), 200)]
}

// guarded sends no credentials in the clear but to this machine, and reads no answer without end.
type guarded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if host := r.URL.Hostname(); r.URL.Scheme != "https" && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("%s is asked over https only", r.URL.Host)
	}
	answer, err := g.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = capped{io.LimitReader(answer.Body, answerBytes), answer.Body}
	}
	return answer, err
}

// capped is the beginning of a body.
type capped struct {
	io.Reader
	io.Closer
}
