package archive

import (
	"context"
	"errors"
	"net/url"
)

func openBucket(ctx context.Context, u *url.URL) (Storage, error) { return nil, errors.New("x") }
