package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keyshift.dev/keyspace"
	"keyshift.dev/schema"
	"keyshift.dev/state"
	"keyshift.dev/transform"
)

type inferOptions struct {
	output
	store        string
	user         string
	passwordFile string
	keys         string
	samples      int
	values       bool
}

// inferred is the result of keyshift schema infer for programs.
type inferred struct {
	Keys      int             `json:"keys"`     // that were read
	Complete  bool            `json:"complete"` // no key that matches was left out
	TooLarge  int             `json:"tooLarge,omitempty"`
	Other     int             `json:"other,omitempty"` // keys of kinds that no version can have
	Proposals []inferredShape `json:"proposals"`       // the most frequent first
}

// inferredShape is one proposal.
type inferredShape struct {
	Keys    int         `json:"keys"`
	Samples int         `json:"samples"`
	Unfit   int         `json:"unfit,omitempty"`
	Shape   state.Shape `json:"shape"`
	CUE     string      `json:"cue"`
}

func newSchemaInfer() *cobra.Command {
	var o inferOptions
	c := &cobra.Command{
		Use:   "infer --store redis://host:port/db --keys 'session:*'",
		Short: "Propose a version from a sample of live keys",
		Long: `Infer reads a bounded sample of the keys that match a glob and prints a version that they fit, as CUE: the key
pattern, the kind, the encoding, fields and which of them are optional, the time to live. It writes nothing,
never runs KEYS, and prints no key and no value; names of fields are part of the version, unless they look like
data. --values lets it write constants where only a few values are seen. Where keys of several kinds match, the most frequent is proposed and the others stand in comments.
It is a proposal: what was not seen in the sample is not in it.`,
		Example: "  keyshift schema infer --store redis://127.0.0.1:6379/0 --keys 'session:*'",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.open(c); err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	o.output.bind(c.Flags())
	fs := c.Flags()
	fs.StringVar(&o.store, "store", "", "redis://[user:password@]host:port/db, or rediss:// for TLS")
	fs.StringVar(&o.user, "user", "", "ACL user")
	fs.StringVar(&o.passwordFile, "password-file", "", "file that holds the password")
	fs.StringVar(&o.keys, "keys", "", "glob of the keys, at least two plain characters first")
	fs.IntVar(&o.samples, "samples", 200, "how many keys to read at most")
	fs.BoolVar(&o.values, "values", false, "let values of the store appear, as constants of fields with few of them")
	return c
}

// prefix returns the plain characters that a glob begins with.
func (o *inferOptions) prefix() (string, error) {
	end := strings.IndexAny(o.keys, `*?[\`)
	if end < 0 {
		end = len(o.keys)
	}
	switch {
	case o.store == "":
		return "", trouble(misuse, "infer needs the address of a store", "give --store redis://host:port/db", nil)
	case end < 2:
		return "", trouble(misuse, "infer needs the keys of one purpose, and a glob that begins with at least two plain characters", "give --keys 'session:*'", nil)
	case o.samples < 1 || o.samples > 100_000:
		return "", trouble(misuse, "--samples is from 1 to 100000", "", nil)
	}
	return o.keys[:end], nil
}

func (o *inferOptions) run(ctx context.Context) error {
	prefix, err := o.prefix()
	if err != nil {
		return o.fail(err)
	}
	options := keyspace.Options{Store: "--store", Address: o.store, Username: o.user}
	if o.passwordFile != "" {
		password, err := os.ReadFile(o.passwordFile)
		if err != nil {
			return o.fail(fmt.Errorf("the password: %w", err))
		}
		options.Password = strings.TrimRight(string(password), "\r\n")
	}
	store, err := keyspace.Open(ctx, options)
	if err != nil {
		return o.fail(err)
	}
	defer store.Close()
	sampled, err := store.Sample(ctx, keyspace.SampleOptions{Match: o.keys, Keys: o.samples})
	if err != nil {
		return o.fail(err)
	}
	if len(sampled.Samples) == 0 {
		return o.fail(noKeys(o.keys, sampled))
	}
	return o.print(sampled, transform.Infer(sampled.Samples, transform.InferOptions{Prefix: prefix, Values: o.values}))
}

// noKeys says why nothing can be proposed.
func noKeys(match string, s keyspace.Sampled) error {
	var why []string
	if s.TooLarge > 0 {
		why = append(why, were(s.TooLarge)+" too large to be read")
	}
	if s.Other > 0 {
		why = append(why, were(s.Other)+" of a kind that no version can have")
	}
	if len(why) == 0 {
		return trouble("no-keys", "no key matches "+match, "check --keys, and the number of the database in --store", nil)
	}
	return trouble("no-keys", "no key that matches "+match+" can be read as a version: "+strings.Join(why, ", "), "give --keys a narrower glob", nil)
}

func (o *inferOptions) print(s keyspace.Sampled, proposals []transform.Inference) error {
	result := inferred{Keys: s.Keys, Complete: s.Complete, TooLarge: s.TooLarge, Other: s.Other}
	for _, p := range proposals {
		result.Proposals = append(result.Proposals, inferredShape{Keys: p.Keys, Samples: p.Samples, Unfit: p.Unfit, Shape: p.Shape, CUE: proposal(p)})
	}
	if o.json() {
		return o.value(result)
	}
	o.printf("%s", result.text())
	return nil
}

// text prints the proposals: the first as CUE, the others as comments.
func (r inferred) text() string {
	var b strings.Builder
	more := "there are more"
	if r.Complete {
		more = "these are all"
	}
	fmt.Fprintf(&b, "// Proposed from %s; %s.\n", count(r.Keys, "key"), more)
	if r.TooLarge > 0 {
		fmt.Fprintf(&b, "// %s too large to be read.\n", were(r.TooLarge))
	}
	if r.Other > 0 {
		fmt.Fprintf(&b, "// %s of a kind that no version can have.\n", were(r.Other))
	}
	if len(r.Proposals) > 1 {
		fmt.Fprintf(&b, "// The keys are of several kinds; give each its own pattern or version, or mend the odd ones:\n")
		for _, p := range r.Proposals {
			fmt.Fprintf(&b, "//   %s\n", p.share(r.Keys))
		}
	}
	for i, p := range r.Proposals {
		text := "versions: \"1.0.0\": " + p.CUE
		if i > 0 {
			text = "\n// " + p.share(r.Keys) + "\n// " + strings.ReplaceAll(strings.ReplaceAll(text, "\n", "\n// "), "// \n", "//\n")
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

func (p inferredShape) share(keys int) string {
	kind := string(p.Shape.Type)
	if p.Shape.Encoding != "" {
		kind += " of " + string(p.Shape.Encoding)
	}
	return fmt.Sprintf("%s: %s, %d %%", kind, count(p.Keys, "key"), (p.Keys*100+keys/2)/max(keys, 1))
}

// proposal prints one proposal with what was seen.
func proposal(p transform.Inference) string {
	var comments []schema.Comment
	if p.Unfit > 0 {
		comments = append(comments, schema.Comment{Text: fmt.Sprintf("%d of %s do not fit this shape", p.Unfit, count(p.Samples, "unit"))})
	}
	for _, n := range p.Notes {
		comments = append(comments, schema.Comment{Path: n.Path, Text: n.Text})
	}
	return schema.FormatCommented(p.Shape, comments)
}

func were(n int) string {
	if n == 1 {
		return "1 key was"
	}
	return fmt.Sprintf("%d keys were", n)
}
