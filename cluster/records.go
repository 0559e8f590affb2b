package cluster

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Records keeps one blob in ConfigMaps: compressed, cut into chunks, each named after the digest of the
// whole, and an index that names the chunks. A Save writes the chunks first, the index after them and what is
// old last, so that a Load finds either the blob before or the blob after, whenever a Save is cut off.
//
//	shop-ledger                    index: digest, chunks
//	shop-ledger-3f2a9c81d04e-0     chunk
type Records struct {
	client    kubernetes.Interface
	namespace string
	name      string
	owner     metav1.OwnerReference
	chunk     int // bytes
}

// Records returns the blob of that name. Its ConfigMaps belong to the owner, an object of the same namespace,
// and are deleted with it.
func (k *Kube) Records(namespace, name string, owner metav1.OwnerReference) *Records {
	return &Records{client: k.client, namespace: namespace, name: name, owner: owner, chunk: 900 << 10}
}

const (
	recordsLabel = "keyshift.dev/records" // on every ConfigMap of the blob: its name
	recordsLimit = 256 << 20              // bytes of a blob: a larger one is no ledger
)

// Save replaces the blob. Two Saves at the same time are no harm, but only one of the blobs stays; the other
// is told by an *Error that may pass.
func (r *Records) Save(ctx context.Context, blob []byte) error {
	packed, err := pack(blob)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(packed)
	digest := hex.EncodeToString(sum[:])
	index, err := r.get(ctx, r.name)
	if err != nil {
		return err
	}
	if index != nil && index.Data["digest"] == digest {
		if _, err := r.read(ctx, index); err == nil {
			return nil
		}
	}
	chunks := max(1, (len(packed)+r.chunk-1)/r.chunk)
	for i := range chunks {
		object := r.object(chunkName(r.name, digest, i))
		object.BinaryData = map[string][]byte{"chunk": packed[i*r.chunk : min(len(packed), (i+1)*r.chunk)]}
		if err := r.put(ctx, object); err != nil {
			return err
		}
	}
	if err := r.point(ctx, index, digest, chunks); err != nil {
		return err
	}
	return r.sweep(ctx, digest)
}

// put writes a chunk. One that exists was left by a Save that was cut off, or is damaged.
func (r *Records) put(ctx context.Context, object *corev1.ConfigMap) error {
	maps := r.client.CoreV1().ConfigMaps(r.namespace)
	_, err := maps.Create(ctx, object, created)
	if !apierrors.IsAlreadyExists(err) {
		return r.failed(err, "create")
	}
	_, err = maps.Update(ctx, object, metav1.UpdateOptions{FieldManager: FieldManager})
	return r.failed(err, "update")
}

// Load returns the blob, and whether there is one.
func (r *Records) Load(ctx context.Context) ([]byte, bool, error) {
	for try := 0; ; try++ {
		index, err := r.get(ctx, r.name)
		if index == nil || err != nil {
			return nil, false, err
		}
		blob, err := r.read(ctx, index)
		if err == nil {
			return blob, true, nil
		}
		if !errors.Is(err, errMoved) || try == 3 {
			return nil, false, err
		}
	}
}

// errMoved says that a chunk is gone: a Save has replaced the blob, or somebody has deleted a part of it.
var errMoved = errors.New("a chunk is missing")

// read collects the chunks that the index names and checks them.
func (r *Records) read(ctx context.Context, index *corev1.ConfigMap) ([]byte, error) {
	digest := index.Data["digest"]
	chunks, err := strconv.Atoi(index.Data["chunks"])
	if err != nil || len(digest) != 2*sha256.Size {
		return nil, r.damaged("its index is not one that Keyshift wrote")
	}
	var packed []byte
	for i := range chunks {
		object, err := r.get(ctx, chunkName(r.name, digest, i))
		if err != nil {
			return nil, err
		}
		if object == nil {
			return nil, fmt.Errorf("%w: %w", r.damaged("it mends itself at the next save; to start afresh delete its ConfigMaps"), errMoved)
		}
		packed = append(packed, object.BinaryData["chunk"]...)
	}
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != digest {
		return nil, r.damaged("a chunk was changed; it mends itself at the next save")
	}
	return unpack(packed)
}

// point makes the index name the chunks; old is the index that was read before, nil if there was none.
func (r *Records) point(ctx context.Context, old *corev1.ConfigMap, digest string, chunks int) error {
	index := r.object(r.name)
	index.Data = map[string]string{"digest": digest, "chunks": strconv.Itoa(chunks)}
	maps := r.client.CoreV1().ConfigMaps(r.namespace)
	verb, err := "create", error(nil)
	if old == nil {
		_, err = maps.Create(ctx, index, created)
	} else {
		verb, index.ResourceVersion = "update", old.ResourceVersion
		_, err = maps.Update(ctx, index, metav1.UpdateOptions{FieldManager: FieldManager})
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return &Error{Reason: Refused, Wait: true, Object: r.String(), Err: err, Hint: "somebody else saved it at the same time"}
	}
	return r.failed(err, verb)
}

// sweep deletes the chunks of other digests.
func (r *Records) sweep(ctx context.Context, digest string) error {
	maps := r.client.CoreV1().ConfigMaps(r.namespace)
	list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: recordsLabel + "=" + r.name})
	if err != nil {
		return r.failed(err, "list")
	}
	for _, object := range list.Items {
		if object.Labels[chunkLabel] == "" || object.Labels[chunkLabel] == digest[:short] {
			continue
		}
		if err := maps.Delete(ctx, object.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return r.failed(err, "delete")
		}
	}
	return nil
}

var created = metav1.CreateOptions{FieldManager: FieldManager}

const (
	chunkLabel = "keyshift.dev/chunk-of" // on a chunk: the head of the digest
	short      = 12                      // of a digest, in names
)

func chunkName(name, digest string, i int) string {
	return fmt.Sprintf("%s-%s-%d", name, digest[:short], i)
}

// object returns an empty ConfigMap of the blob.
func (r *Records) object(name string) *corev1.ConfigMap {
	labels := map[string]string{recordsLabel: r.name, "app.kubernetes.io/managed-by": FieldManager}
	if name != r.name {
		labels[chunkLabel] = name[len(r.name)+1:][:short]
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: r.namespace, Labels: labels, OwnerReferences: []metav1.OwnerReference{r.owner},
	}}
}

// get returns a ConfigMap, nil if there is none.
func (r *Records) get(ctx context.Context, name string) (*corev1.ConfigMap, error) {
	object, err := r.client.CoreV1().ConfigMaps(r.namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, r.failed(err, "get")
	}
	return object, nil
}

// String names the blob for people.
func (r *Records) String() string { return fmt.Sprintf("ConfigMap %s/%s", r.namespace, r.name) }

func (r *Records) failed(err error, verb string) error {
	if err == nil {
		return nil
	}
	return failed(err, r.String(), verb, "configmaps")
}

func (r *Records) damaged(hint string) error {
	return &Error{Reason: Damaged, Object: r.String(), Hint: hint}
}

// pack compresses a blob; equal blobs give equal bytes.
func pack(blob []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(blob); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	blob, err := io.ReadAll(io.LimitReader(r, recordsLimit+1))
	if err == nil && len(blob) > recordsLimit {
		err = fmt.Errorf("a record of more than %d MiB", recordsLimit>>20)
	}
	return blob, err
}
