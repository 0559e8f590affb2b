package gitsource

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

var (
	hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`)
	sshUser  = regexp.MustCompile(`^[a-z_][a-z0-9_.-]*$`)
	commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)
)

// address is a validated URL.
type address struct {
	text     string // as the user wrote it; it holds no credential
	endpoint *transport.Endpoint
}

// validate checks everything that can be checked without the network.
func (s Source) validate() (address, error) {
	if err := s.validateRef(); err != nil {
		return address{}, err
	}
	if err := s.Verify.validate(s); err != nil {
		return address{}, err
	}
	return s.validateURL()
}

// validateURL admits https, ssh, and http to the loopback interface or where the source allows it. The URL is
// parsed twice, by net/url and by go-git, and both must see the same host: go-git takes "ext::sh -c x" and
// "host:path" for ssh, and anything without a scheme for a local folder.
func (s Source) validateURL() (address, error) {
	refuse := func(message, hint string) (address, error) {
		return address{}, &Error{Reason: URLRefused, Where: redact(s.URL), Message: message, Hint: hint}
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Opaque != "" || !strings.Contains(s.URL, "://") || strings.ContainsAny(s.URL, " \\") {
		return refuse("not a URL", "write https://host/path or ssh://git@host/path")
	}
	host := strings.ToLower(u.Hostname())
	if !hostName.MatchString(host) && !isAddress(host) {
		return refuse("the host is not a host name or an IP address", "write https://host/path")
	}
	if u.Path == "" || u.Path == "/" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return refuse("a repository's URL is a host and a path", "leave out what follows ? or #")
	}
	if message, hint := s.refuseScheme(u, host); message != "" {
		return refuse(message, hint)
	}
	ep, err := transport.NewEndpoint(s.URL)
	if err != nil || ep.Protocol != u.Scheme || strings.ToLower(strings.Trim(ep.Host, "[]")) != host {
		return refuse("the URL can be read in two ways", "write https://host/path")
	}
	if ep.Protocol == "ssh" && ep.User == "" {
		ep.User = "git"
	}
	return address{text: s.URL, endpoint: ep}, nil
}

// refuseScheme returns why this scheme is refused with this source, and what to do.
func (s Source) refuseScheme(u *url.URL, host string) (message, hint string) {
	switch u.Scheme {
	case "https", "http":
		if u.User != nil {
			return "credentials in a URL end up in logs", "put them into the credentials of the source"
		}
		if u.Scheme == "https" || isLoopback(host) {
			return "", ""
		}
		if !s.AllowHTTP {
			return "http:// is not encrypted", "use https://, or allow http explicitly"
		}
		if s.Password != "" || s.Username != "" {
			return "credentials would travel unencrypted", "use https://"
		}
		return "", ""
	case "ssh":
		if u.User != nil {
			if _, has := u.User.Password(); has || !sshUser.MatchString(u.User.Username()) {
				return "only a plain user name may stand before the host", "write ssh://git@host/path"
			}
		}
		if len(s.SSHKey) == 0 || len(s.KnownHosts) == 0 {
			return "ssh needs a private key and the server's known_hosts line", "add both to the credentials of the source"
		}
		return "", ""
	}
	return fmt.Sprintf("scheme %q is refused", u.Scheme), "use https:// or ssh://"
}

// validateRef checks the names by Git's own rules (git-check-ref-format) and refuses what could be read as an option.
func (s Source) validateRef() error {
	refuse := func(kind, name, hint string) error {
		return &Error{Reason: RefRefused, Where: redact(s.URL), Message: fmt.Sprintf("%s %q is not a valid name", kind, name), Hint: hint}
	}
	if s.Tag != "" && (s.Branch != "" || s.Commit != "") {
		return &Error{Reason: RefRefused, Where: redact(s.URL), Message: "a tag stands alone", Hint: "leave out the branch and the commit"}
	}
	if s.Branch != "" && !validName("refs/heads/", s.Branch) {
		return refuse("branch", s.Branch, "give a branch without refs/heads/")
	}
	if s.Tag != "" && !validName("refs/tags/", s.Tag) {
		return refuse("tag", s.Tag, "give a tag without refs/tags/")
	}
	if s.Commit != "" && !commitID.MatchString(s.Commit) {
		return refuse("commit", s.Commit, "give all 40 hexadecimal digits in lower case")
	}
	return nil
}

func validName(prefix, name string) bool {
	return len(name) <= 255 && !strings.HasPrefix(name, "-") && !strings.HasPrefix(name, "refs/") &&
		plumbing.ReferenceName(prefix+name).Validate() == nil
}

func isAddress(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Zone() == ""
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// redact returns a URL that is fit to print: without anything that stands before an @ in its authority, without
// a query, and escaped if it holds anything but plain text.
func redact(raw string) string {
	if at := strings.LastIndexByte(raw, '@'); at >= 0 {
		scheme, _, found := strings.Cut(raw[:at], "://")
		if !found {
			return "the URL"
		}
		raw = scheme + "://***" + raw[at:]
	}
	raw, _, _ = strings.Cut(raw, "?")
	if len(raw) > 200 {
		raw = raw[:200]
	}
	if q := fmt.Sprintf("%q", raw); q[1:len(q)-1] != raw {
		return q
	}
	return raw
}
