package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"keyshift.dev/state"
)

// Options say how gates are asked. The zero value asks those of HTTP.
type Options struct {
	// Prometheus is the address of a server with Prometheus' HTTP API, without /api/v1; empty: none, and no gate with a
	// PromQL expression holds.
	Prometheus string

	// Timeout of one question; 5 seconds if zero.
	Timeout time.Duration
}

// Answer is what became of a question.
type Answer struct {
	Holds bool
	Why   string // if not, for people: "error-rate (PromQL) gives no result"
}

// mostRedirects is how often an address may lead on to another of the same host.
const mostRedirects = 5

// Ask asks one gate once. It ends early, with an answer that does not hold, if the context does.
func Ask(ctx context.Context, o Options, g state.Gate) Answer {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(o.Timeout, 5*time.Second))
	defer cancel()
	what, ask := "PromQL", askProm
	if g.PromQL == "" {
		what, ask = Place(g.HTTP), askHTTP
	}
	if why := ask(ctx, o, g); why != "" {
		return Answer{Why: fmt.Sprintf("%s (%s) %s", g.Name, what, clean(why))}
	}
	return Answer{Holds: true}
}

// askHTTP returns why an address does not say that its gate holds, nothing if it does.
func askHTTP(ctx context.Context, _ Options, g state.Gate) string {
	answer, why := get(ctx, g.HTTP)
	if why != "" {
		return why
	}
	_ = answer.Body.Close() // the status is all
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Sprintf("answers %d", answer.StatusCode)
	}
	return ""
}

// get sends one GET and returns the answer, or why there is none.
func get(ctx context.Context, address string) (*http.Response, string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil || r.URL.Host == "" {
		return nil, "has an address that cannot be read"
	}
	r.Header.Set("User-Agent", "keyshift")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // it is asked now and then, and nothing is left behind
	client := &http.Client{Transport: transport, CheckRedirect: sameHost}
	answer, err := client.Do(r)
	if err != nil {
		return nil, unanswered(ctx, err)
	}
	return answer, ""
}

// errElsewhere refuses a redirect: an address was declared, and not what it leads to.
var errElsewhere = errors.New("leads on to another place")

// sameHost follows a redirect only on the host that was asked, and not from https to http.
func sameHost(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme || len(before) > mostRedirects {
		return errElsewhere
	}
	return nil
}

// unanswered says why there is no answer, without the address: it may hold what nobody should read.
func unanswered(ctx context.Context, err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	switch {
	case errors.Is(err, errElsewhere):
		return "leads on to another place, which is not followed"
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "does not answer in time"
	}
	return "cannot be asked: " + err.Error()
}

// Place is an address for people: without user, password, query and fragment.
func Place(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "an address that cannot be read"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// userinfo is what may stand before the host of an address that somebody else's error quotes.
var userinfo = regexp.MustCompile(`\S*@`)

// mostWords bounds what is said of an answer, in bytes.
const mostWords = 240

// clean makes a text fit for a message: one line, bounded, without what may stand before a host.
func clean(text string) string {
	text = userinfo.ReplaceAllString(strings.ToValidUTF8(text, "?"), "…@")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
	if len(text) > mostWords {
		text = strings.ToValidUTF8(text[:mostWords], "") + "…"
	}
	return text
}

// Check refuses the address of a Prometheus that cannot be one. The error does not quote it.
func Check(prometheus string) error {
	if prometheus == "" {
		return nil
	}
	u, err := url.Parse(prometheus)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("it is no address such as http://prometheus.monitoring.svc:9090")
	}
	return nil
}
