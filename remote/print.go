package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// harmful tells whether a character may do something else on a terminal than stand there.
func harmful(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// clean makes a text of the cluster one line of characters that only stand there.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if harmful(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// line prints one line of text, nothing if programs are to read the result.
func (s Streams) line(format string, args ...any) {
	if !s.JSON {
		_, _ = io.WriteString(s.Out, clean(fmt.Sprintf(format, args...))+"\n") // a reader that is gone hears nothing
	}
}

// note prints one line for people beside the result.
func (s Streams) note(format string, args ...any) {
	_, _ = io.WriteString(s.Err, "note: "+clean(fmt.Sprintf(format, args...))+"\n")
}

// table prints rows of cells in columns.
func (s Streams) table(rows [][]string) {
	if s.JSON {
		return
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = clean(cell)
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush() // to memory
	for text := range strings.Lines(b.String()) {
		s.line("%s", strings.TrimRight(text, " \n"))
	}
}

// value prints a result for programs.
func (s Streams) value(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(s.Out, escaped(b.String()))
	return err
}

// escaped writes in JSON every character by its number that may do something on a terminal.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || !harmful(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// give prints the result of a command that may have failed. The list takes the error where programs read.
func (s Streams) give(v any, list *[]*Problem, err error) error {
	if !s.JSON {
		return err
	}
	if err != nil {
		*list = append(*list, asProblem(err))
	}
	if e := s.value(v); e != nil || err == nil {
		return e
	}
	return reported{err}
}

// moment is a time in UTC, to the second.
func moment(t *metav1.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// took is the time between two moments, -1 if one is missing.
func took(from, to *metav1.Time) time.Duration {
	if from == nil || to == nil || to.Before(from) {
		return -1
	}
	return to.Sub(from.Time).Round(time.Second)
}

func tookText(d time.Duration) string {
	if d < 0 {
		return ""
	}
	return d.String()
}

// short is a revision as people read it: main@0123456789ab.
func short(revision string) string {
	commit := commitOf(revision)
	if commit == "" {
		return revision
	}
	branch, _, found := strings.Cut(revision, "@")
	if !found {
		return commit[:12]
	}
	return branch + "@" + commit[:12]
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

var plainWord = regexp.MustCompile(`^[\pL\pN_@%+=:,./-]+$`)

// quoted writes a word so that a shell takes it as one.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// bytesText is a size as people read it.
func bytesText(n int64) string {
	if n < 1024 {
		return count(n, "byte")
	}
	size, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if size /= 1024; size < 1024 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", size, unit)
}
