package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"path"
	"slices"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/memblob"   // mem://, for tests and trials
	_ "gocloud.dev/blob/s3blob"    // s3://
	"gocloud.dev/gcerrors"
)

// bucket is a storage in an object store. An object is there whole, once its upload was acknowledged, or not at all.
type bucket struct {
	name   string // URL, without the query
	bucket *blob.Bucket
}

func openBucket(ctx context.Context, u *url.URL) (Storage, error) {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		known := blob.DefaultURLMux().BucketSchemes()
		slices.Sort(known)
		return nil, &Error{
			Reason: StateInvalid, Where: shown.String(), Err: errors.New("no storage has this scheme"),
			Hint: "write a folder, or a URL of one of " + joined(known),
		}
	}
	if u.User != nil {
		return nil, &Error{
			Reason: StateInvalid, Where: shown.String(), Err: errors.New("the URL holds a user name"),
			Hint: "give credentials as the cloud's own tools take them: in the environment, a file, or the pod's identity",
		}
	}
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, &Error{Reason: StateInvalid, Where: shown.String(), Err: err, Hint: "see the URL's parameters in the documentation of gocloud.dev/blob"}
	}
	return &bucket{name: shown.String(), bucket: b}, nil
}

func joined(schemes []string) string {
	text := ""
	for _, s := range schemes {
		if text != "" {
			text += ", "
		}
		text += s + "://"
	}
	return text
}

func (b *bucket) String() string { return b.name }

func (b *bucket) Grows() bool { return false }

func (b *bucket) Close() error { return b.bucket.Close() }

func (b *bucket) Room(context.Context) (int64, bool, error) { return 0, false, nil }

// writer starts an upload that cancel gives up.
func (b *bucket) writer(ctx context.Context, name string, replace bool) (*blob.Writer, error) {
	return b.bucket.NewWriter(ctx, name, &blob.WriterOptions{
		ContentType: "application/octet-stream", DisableContentTypeDetection: true, IfNotExist: !replace,
	})
}

func (b *bucket) Put(ctx context.Context, name string, data []byte, replace bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.writer(ctx, name, replace)
	if err != nil {
		return known(err)
	}
	if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
		cancel()
		return known(errors.Join(err, w.Close()))
	}
	return known(w.Close())
}

func (b *bucket) Create(ctx context.Context, name string) (File, error) {
	there, err := b.bucket.Exists(ctx, name)
	if err != nil {
		return nil, known(err)
	}
	if there {
		return nil, errExists
	}
	ctx, cancel := context.WithCancel(ctx)
	w, err := b.writer(ctx, name, false)
	if err != nil {
		cancel()
		return nil, known(err)
	}
	return &upload{w: w, cancel: cancel}, nil
}

// upload is an object that is being written.
type upload struct {
	w      *blob.Writer
	cancel context.CancelFunc
}

func (u *upload) Write(b []byte) (int, error) { return u.w.Write(b) }

// Sync cannot be had: an object that is not whole is nowhere.
func (u *upload) Sync() error { return errors.ErrUnsupported }

func (u *upload) Close() error {
	defer u.cancel()
	return known(u.w.Close())
}

func (u *upload) Abort() {
	u.cancel()
	_ = u.w.Close() // says that it was cancelled
}

func (b *bucket) Get(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	r, err := b.bucket.NewReader(ctx, name, nil)
	if err != nil {
		return nil, 0, known(err)
	}
	return r, r.Size(), nil
}

func (b *bucket) List(ctx context.Context, folder string, each func(Object) error) error {
	prefix := path.Clean(folder) + "/"
	if prefix == "./" {
		prefix = ""
	}
	it := b.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return known(err)
		}
		if o.IsDir {
			continue
		}
		if err := each(Object{Name: o.Key, Bytes: o.Size}); err != nil {
			return err
		}
	}
}

func (b *bucket) Delete(ctx context.Context, name string) error {
	err := known(b.bucket.Delete(ctx, name))
	if errors.Is(err, errMissing) {
		return nil
	}
	return err
}

// known turns what the library says into the errors of a Storage.
func known(err error) error {
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return errMissing
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return errExists
	}
	return err
}
