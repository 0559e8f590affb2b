package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"keyshift.dev/keyspace"
)

// Storage is a place that keeps objects: a folder, or a bucket. Names are slash-separated paths. It is safe for
// concurrent use. An object that is not there is errMissing, one that may not be replaced errExists.
type Storage interface {
	// String names the storage for people, without credentials.
	String() string

	// Put makes one object, whole and durable, or none. Without replace an object of that name is left as it is.
	Put(ctx context.Context, name string, data []byte, replace bool) error

	// Create starts an object of a name that is not taken. Close or Abort it.
	Create(ctx context.Context, name string) (File, error)

	// Grows tells whether what was written to a File can be made durable before it is closed.
	Grows() bool

	// Get reads an object and says how large it is.
	Get(ctx context.Context, name string) (io.ReadCloser, int64, error)

	// List calls each with the objects whose names start with a folder's, sorted by name.
	List(ctx context.Context, folder string, each func(Object) error) error

	// Delete deletes an object; one that is not there is no error.
	Delete(ctx context.Context, name string) error

	// Room returns how many bytes are free, and whether that is known at all.
	Room(ctx context.Context) (int64, bool, error)

	// Close gives back what the storage holds of this process.
	Close() error
}

// File is an object that is being written.
type File interface {
	io.Writer
	Sync() error  // makes durable what was written, where the storage Grows
	Close() error // makes the whole object durable
	Abort()       // gives up; the object may be there in part or not at all
}

// Object is one object of a storage.
type Object struct {
	Name  string
	Bytes int64
}

// Open opens a storage: "/path" or "file:///path" for a folder, which is made if it is not there; a URL that
// gocloud.dev/blob knows for a bucket: "s3://name?region=eu-west-1", "gs://name", "azblob://name", "mem://". A bucket's
// credentials are those that the cloud's own tools use (environment, files, the pod's identity), never part of the URL.
func Open(ctx context.Context, address string) (Storage, error) {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return nil, &Error{Reason: StateInvalid, Where: "--state", Err: errors.New("no place for the state"), Hint: "name a folder or the URL of a bucket"}
	case !strings.Contains(address, "://"):
		return openDirectory(address)
	case err != nil: // whose text quotes the address
		return nil, &Error{Reason: StateInvalid, Where: "--state", Err: errors.New("the URL cannot be read"), Hint: "write file:///path or s3://bucket?region=…"}
	case u.Scheme == "file":
		if u.Host != "" && u.Host != "localhost" || !filepath.IsAbs(filepath.FromSlash(u.Path)) || u.RawQuery != "" {
			return nil, &Error{Reason: StateInvalid, Where: "--state", Err: fmt.Errorf("%s names no folder", u.Redacted()), Hint: "write file:///path"}
		}
		return openDirectory(filepath.FromSlash(u.Path))
	}
	return openBucket(ctx, u)
}

// RoomAt returns how many bytes are free where a storage is, or is going to be, and whether that is known. It makes
// nothing: of a folder that is not there yet the nearest one above it is asked.
func RoomAt(address string) (int64, bool, error) {
	folder := address
	if u, err := url.Parse(address); err == nil && u.Scheme == "file" {
		folder = filepath.FromSlash(u.Path)
	} else if strings.Contains(address, "://") {
		return 0, false, nil
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return 0, false, failed(address, err)
	}
	for {
		free, known, err := freeBytes(folder)
		if err == nil {
			return free, known, nil
		}
		above := filepath.Dir(folder)
		if !errors.Is(err, fs.ErrNotExist) || above == folder {
			return 0, false, failed(folder, fmt.Errorf("asking for free space: %w", err))
		}
		folder = above
	}
}

// CheckRoom fails with an *Error of reason StateFull if a storage is known to have less room than so many bytes.
func CheckRoom(ctx context.Context, s Storage, bytes int64) error {
	free, known, err := s.Room(ctx)
	if err != nil {
		return failed(s.String(), err)
	}
	if known && free < bytes {
		return &Error{
			Reason: StateFull, Where: s.String(), Err: fmt.Errorf("it has room for %s, %s are needed", keyspace.Bytes(free), keyspace.Bytes(bytes)),
			Hint: "make room there, or name another place with --state",
		}
	}
	return nil
}
