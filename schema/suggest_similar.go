package schema

import (
	"slices"
	"strings"
	"unicode"
)

// wordsOf splits a name: full_name and fullName are full, name.
func wordsOf(name string) []string {
	var out []string
	start := 0
	runes := []rune(name)
	cut := func(end int) {
		if end > start {
			out = append(out, strings.ToLower(string(runes[start:end])))
		}
	}
	for i, r := range runes {
		switch {
		case r == '_' || r == '-' || r == '.' || r == ' ':
			cut(i)
			start = i + 1
		case i > start && unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1]):
			cut(i)
			start = i
		}
	}
	cut(len(runes))
	return out
}

func sameWords(a, b string) bool {
	return strings.Join(wordsOf(a), "") == strings.Join(wordsOf(b), "")
}

// similar scores how much two paths look alike: 0 not at all, 100 the same name.
func similar(a, b []string) int {
	x, y := a[len(a)-1], b[len(b)-1]
	stemX, _ := unitOf(x)
	stemY, _ := unitOf(y)
	switch {
	case sameWords(x, y):
		return 100
	case sameWords(strings.Join(a, "_"), strings.Join(b, "_")):
		return 95
	case sameWords(stemX, stemY):
		return 85
	}
	return max(overlap(wordsOf(x), wordsOf(y)), overlap(wordsOf(strings.Join(a, "_")), wordsOf(strings.Join(b, "_")))-10, letters(x, y))
}

// overlap scores the words that two names share: name and full_name share one of two.
func overlap(a, b []string) int {
	shared := 0
	for _, w := range a {
		if slices.Contains(b, w) {
			shared++
		}
	}
	if shared == 0 {
		return 0
	}
	if shared == min(len(a), len(b)) {
		return 70
	}
	return 45
}

// letters scores names that hold one another, or differ by a few letters.
func letters(a, b string) int {
	a, b = strings.Join(wordsOf(a), ""), strings.Join(wordsOf(b), "")
	short, long := a, b
	if len(short) > len(long) {
		short, long = long, short
	}
	switch {
	case len(short) >= 2 && (strings.HasPrefix(long, short) || strings.HasSuffix(long, short)):
		return 60
	case len(short) >= 4 && near(a, b):
		return 50
	}
	return 0
}
