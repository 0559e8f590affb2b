package schema

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

type (
	rawStore struct {
		Address  string       `json:"address"`
		Sentinel *rawSentinel `json:"sentinel"`
		Cluster  *rawCluster  `json:"cluster"`
		Database *int         `json:"database"`
		TLS      *rawTLS      `json:"tls"`
		Auth     *rawAuth     `json:"auth"`
	}
	rawSentinel struct {
		Master    string   `json:"master"`
		Addresses []string `json:"addresses"`
		Auth      *rawAuth `json:"auth"`
	}
	rawCluster struct {
		Addresses []string `json:"addresses"`
	}
	rawTLS struct {
		CA         *rawAuth `json:"ca"`
		Cert       *rawAuth `json:"cert"`
		ServerName string   `json:"serverName"`
	}
	rawAuth struct {
		Username  string          `json:"username"`
		SecretRef state.SecretRef `json:"secretRef"`
	}
)

func (a *rawAuth) secret() *state.SecretRef {
	if a == nil {
		return nil
	}
	return &a.SecretRef
}

func (r *reader) readStore(path []string, raw rawStore) state.Store {
	s := state.Store{Name: path[2], Address: raw.Address, Auth: raw.Auth.secret(), Pos: r.places.at(path)}
	if raw.Auth != nil {
		s.User = raw.Auth.Username
	}
	if raw.Sentinel != nil {
		s.Sentinel = &state.Sentinel{Master: raw.Sentinel.Master, Addresses: raw.Sentinel.Addresses, Auth: raw.Sentinel.Auth.secret()}
	}
	if raw.Cluster != nil {
		s.Cluster = &state.Cluster{Addresses: raw.Cluster.Addresses}
	}
	if raw.TLS != nil {
		s.TLS = &state.TLS{CA: raw.TLS.CA.secret(), Cert: raw.TLS.Cert.secret(), ServerName: raw.TLS.ServerName}
	}
	if raw.Database != nil {
		s.Database = *raw.Database
	}
	r.checkStore(path, s, raw.Database != nil)
	return s
}

// checkStore checks one store; given tells whether database is written.
func (r *reader) checkStore(path []string, s state.Store, given bool) {
	var kinds []string
	for _, k := range []struct {
		name string
		set  bool
	}{{"address", s.Address != ""}, {"sentinel", s.Sentinel != nil}, {"cluster", s.Cluster != nil}} {
		if k.set {
			kinds = append(kinds, k.name)
		}
	}
	if len(kinds) > 1 {
		r.problem(sub(path, kinds[1]), "store-address", "the store has both "+strings.Join(kinds, " and "), "keep one of them")
	}
	if s.Cluster != nil && s.Database != 0 {
		r.problem(sub(path, "database"), "store-database", "a Redis Cluster has only database 0", "remove database")
	}
	if s.Address != "" {
		r.checkAddress(path, s, given)
	}
	if s.Sentinel != nil {
		r.checkHosts(sub(path, "sentinel", "addresses"), s.Sentinel.Addresses)
		r.checkSecret(sub(path, "sentinel", "auth", "secretRef", "name"), s.Sentinel.Auth)
	}
	if s.Cluster != nil {
		r.checkHosts(sub(path, "cluster", "addresses"), s.Cluster.Addresses)
	}
	r.checkSecret(sub(path, "auth", "secretRef", "name"), s.Auth)
	if s.TLS == nil {
		return
	}
	if strings.HasPrefix(s.Address, "redis://") {
		r.problem(sub(path, "tls"), "store-tls", "the address says redis://, which is not encrypted, and tls is given", "write rediss://, or remove tls")
	}
	r.checkSecret(sub(path, "tls", "ca", "secretRef", "name"), s.TLS.CA)
	r.checkSecret(sub(path, "tls", "cert", "secretRef", "name"), s.TLS.Cert)
}

func (r *reader) checkSecret(path []string, ref *state.SecretRef) {
	if ref != nil {
		r.checkSubdomain(path, "Secret", ref.Name)
	}
}

func (r *reader) checkHosts(path, hosts []string) {
	for i, h := range hosts {
		at := sub(path, strconv.Itoa(i))
		if slices.Contains(hosts[:i], h) {
			r.problem(at, "store-address", strconv.Quote(h)+" stands twice", "remove one of them")
		}
		if _, ok := portOf(h[strings.LastIndex(h, ":")+1:]); !ok {
			r.problem(at, "store-address", "the port of "+strconv.Quote(h)+" is not one of 1 to 65535", "mend the port; Redis listens on 6379, its sentinels on 26379")
		}
	}
}

func portOf(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0 && n < 65536
}

func (r *reader) checkAddress(path []string, s state.Store, given bool) {
	at := sub(path, "address")
	u, err := url.Parse(s.Address)
	if err != nil || u.Hostname() == "" {
		r.problem(at, "store-address", "the address is not a URL with a host", `write "redis://host:6379/0"`)
		return
	}
	_, portOK := portOf(cmp.Or(u.Port(), "6379"))
	number := strings.TrimPrefix(u.Path, "/")
	switch n, err := strconv.Atoi(cmp.Or(number, "0")); {
	case u.User != nil:
		r.problem(at, "store-address", "the address holds a user or a password", "move it to a Secret and name that in auth.secretRef")
	case u.RawQuery != "" || u.Fragment != "":
		r.problem(at, "store-address", "the address holds options", `write "redis://host:6379/0"`)
	case strings.Trim(number, "0123456789") != "":
		r.problem(at, "store-address", "the database is not a number", `write "redis://host:6379/0"`)
	case !portOK || err != nil:
		r.problem(at, "store-address", "the port or the number of the database is too large", `write "redis://host:6379/0"`)
	case given && number != "" && n != s.Database:
		r.problem(sub(path, "database"), "store-database", fmt.Sprintf("database is %d, and the address says %s", s.Database, number), "keep one of them")
	}
}

// checkOneStore refuses two stores that are the same database: keyspaces of the one could have the keys of the other.
func (r *reader) checkOneStore() {
	named := map[string]string{}
	for _, s := range r.desired.Stores {
		for _, place := range placesOf(s) {
			other, taken := named[place]
			if taken && other != s.Name {
				r.problem([]string{"system", "stores", s.Name, kindOfStore(s)}, "same-store",
					fmt.Sprintf("the stores %s and %s are the same database", other, s.Name), "keep one of them and put the keyspaces of both into it")
				break
			}
			named[place] = s.Name
		}
	}
}

func kindOfStore(s state.Store) string {
	switch {
	case s.Sentinel != nil:
		return "sentinel"
	case s.Cluster != nil:
		return "cluster"
	}
	return "address"
}

// placesOf names the database that a store is, once for each address under which it is found. Keyshift cannot see
// here that two names are one host, or that an address is that of a sentinel's primary: the identity of a store is
// recorded in it when it is first used.
func placesOf(s state.Store) []string {
	var out []string
	switch {
	case s.Sentinel != nil:
		for _, a := range s.Sentinel.Addresses {
			out = append(out, fmt.Sprintf("sentinel %s %s %d", hostPort(a), s.Sentinel.Master, s.Database))
		}
	case s.Cluster != nil:
		for _, a := range s.Cluster.Addresses {
			out = append(out, hostPort(a)+" 0")
		}
	default:
		u, err := url.Parse(s.Address)
		if err != nil || u.Host == "" {
			return nil
		}
		number := strings.TrimLeft(strings.TrimPrefix(u.Path, "/"), "0")
		if number == "" {
			number = strconv.Itoa(s.Database)
		}
		out = append(out, hostPort(u.Hostname()+":"+cmp.Or(u.Port(), "6379"))+" "+number)
	}
	return out
}

func hostPort(text string) string {
	i := strings.LastIndex(text, ":")
	host := strings.Trim(text[:i], "[]")
	return strings.ToLower(strings.TrimSuffix(host, ".")) + " " + text[i+1:]
}
