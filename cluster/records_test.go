package cluster

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/testbed"
)

// records is a blob in a namespace of the shared control plane, cut into chunks of 1 KiB.
func records(t *testing.T) (*Records, *testbed.ControlPlane) {
	t.Helper()
	p := testbed.SharedKubernetes(t)
	ns := p.Namespace(t)
	owner, err := p.Client.CoreV1().ConfigMaps(ns).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewKube(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	r := k.Records(ns, "shop-ledger", metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID})
	r.chunk = 1 << 10
	return r, p
}

// noise does not compress.
func noise(seed uint64, n int) []byte {
	var key [32]byte
	key[0] = byte(seed)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b)
	return b
}

func maps(t *testing.T, r *Records, p *testbed.ControlPlane) []corev1.ConfigMap {
	t.Helper()
	list, err := p.Client.CoreV1().ConfigMaps(r.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: recordsLabel + "=" + r.name})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestRecordsKeepOneBlob(t *testing.T) {
	r, p := records(t)
	if _, ok, err := r.Load(t.Context()); ok || err != nil {
		t.Fatalf("Load of nothing: %t, %v", ok, err)
	}
	for i, blob := range [][]byte{noise(1, 5000), noise(2, 2500), noise(2, 2500), nil, noise(3, 100)} {
		if err := r.Save(t.Context(), blob); err != nil {
			t.Fatal(err)
		}
		got, ok, err := r.Load(t.Context())
		if err != nil || !ok || !bytes.Equal(got, blob) {
			t.Fatalf("blob %d: %d bytes of %d, %t, %v", i, len(got), len(blob), ok, err)
		}
		if n, most := len(maps(t, r, p)), len(blob)/r.chunk+2; n > most {
			t.Errorf("blob %d: %d ConfigMaps are left, want at most %d", i, n, most)
		}
	}
	for _, m := range maps(t, r, p) {
		if len(m.OwnerReferences) != 1 || m.OwnerReferences[0].Name != "owner" {
			t.Errorf("%s has no owner", m.Name)
		}
	}
}

// TestRecordsMendThemselves: an older index is refused, a lost chunk is noticed and written again.
func TestRecordsMendThemselves(t *testing.T) {
	r, p := records(t)
	before, after := noise(1, 3000), noise(2, 3000)
	if err := r.Save(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	index, err := r.get(t.Context(), r.name)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Save(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	if err := r.Save(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if err := r.point(t.Context(), index, "x", 1); err == nil {
		t.Error("an index that moved since was overwritten")
	}
	if got, _, err := r.Load(t.Context()); err != nil || !bytes.Equal(got, before) {
		t.Errorf("Load: %d bytes, %v", len(got), err)
	}
	for _, m := range maps(t, r, p) {
		if m.Labels[chunkLabel] != "" {
			if err := p.Client.CoreV1().ConfigMaps(r.namespace).Delete(t.Context(), m.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	var e *Error
	if _, _, err := r.Load(t.Context()); !errors.As(err, &e) || e.Reason != Damaged {
		t.Errorf("Load without a chunk: %v", err)
	}
	if err := r.Save(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if got, _, err := r.Load(t.Context()); err != nil || !bytes.Equal(got, before) {
		t.Errorf("Load after the same Save again: %d bytes, %v", len(got), err)
	}
}
