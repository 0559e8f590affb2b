// Package gitsource brings the files of one commit into memory:
//
//	snap, err := gitsource.Fetch(ctx, gitsource.Source{
//		URL:    "https://git.example/shop/spec.git",
//		Branch: "main",
//	}, "main@sha1:3f786850e387550fdab836ed7e6dc881de23001b")
//
// No work tree is ever written: the pack is held in memory under caps, the commit's tree is walked, and only
// regular blobs become files. A symbolic link, a submodule or a name that could leave the tree is refused by
// name. An unchanged ref costs one request for the refs and no pack.
//
// With a Verify nothing is returned of a commit that is not signed, by PGP or SSH, with one of the Keys: the commit itself,
// the annotated tag that the source names, or both. Snapshot.Signer says by whom, and is empty where nothing was verified.
//
// A local folder goes through the same caps and refusals with ReadDir, and so does what it was in another commit of
// its repository with ReadRevision.
package gitsource
