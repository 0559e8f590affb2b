package transform

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cueText is a string as CUE takes it from a builtin: what is not UTF-8 is replaced.
func cueText(s string) value { return str(strings.ToValidUTF8(s, "\uFFFD")) }

var stringsTable = map[string]function{
	"strings.ByteAt": func(a *arguments) (value, error) {
		s, i := a.bytes(0), a.int(1)
		if i < 0 || i >= len(s) {
			return value{}, errIndex
		}
		return integerOf(int64(s[i])), nil
	},
	"strings.ByteSlice": func(a *arguments) (value, error) {
		s, from, to := a.bytes(0), a.int(1), a.int(2)
		if from < 0 || from > to || to > len(s) {
			return value{}, errIndex
		}
		return value{kind: isBytes, s: s[from:to]}, nil
	},
	"strings.Runes": func(a *arguments) (value, error) {
		if err := a.e.spend(utf8.RuneCountInString(a.text(0)) * elementCost); err != nil {
			return value{}, err
		}
		var out []value
		for _, r := range a.text(0) {
			out = append(out, integerOf(int64(r)))
		}
		return listOf(out), nil
	},
	"strings.Repeat": func(a *arguments) (value, error) {
		a.text(0)
		return repeat(a.values[0], a.values[1])
	},
	"strings.MinRunes": func(a *arguments) (value, error) { return boolean(utf8.RuneCountInString(a.text(0)) >= a.int(1)), nil },
	"strings.MaxRunes": func(a *arguments) (value, error) { return boolean(utf8.RuneCountInString(a.text(0)) <= a.int(1)), nil },
	"strings.ToTitle":  func(a *arguments) (value, error) { return cueText(words(a.text(0), unicode.ToTitle)), nil },
	"strings.ToCamel":  func(a *arguments) (value, error) { return cueText(words(a.text(0), unicode.ToLower)), nil },
	"strings.SliceRunes": func(a *arguments) (value, error) {
		s, from, to := []rune(a.text(0)), a.int(1), a.int(2)
		if from < 0 || from > to || to > len(s) {
			return value{}, errIndex
		}
		return str(string(s[from:to])), nil
	},
	"strings.Compare":      twoTexts(func(s, t string) value { return integerOf(int64(strings.Compare(s, t))) }),
	"strings.Count":        twoTexts(func(s, t string) value { return integerOf(int64(strings.Count(s, t))) }),
	"strings.Contains":     twoTexts(func(s, t string) value { return boolean(strings.Contains(s, t)) }),
	"strings.ContainsAny":  ofSet(func(s, t string) value { return boolean(strings.ContainsAny(s, t)) }),
	"strings.Index":        twoTexts(func(s, t string) value { return integerOf(int64(strings.Index(s, t))) }),
	"strings.LastIndex":    twoTexts(func(s, t string) value { return integerOf(int64(strings.LastIndex(s, t))) }),
	"strings.IndexAny":     ofSet(func(s, t string) value { return integerOf(int64(strings.IndexAny(s, t))) }),
	"strings.LastIndexAny": ofSet(func(s, t string) value { return integerOf(int64(strings.LastIndexAny(s, t))) }),
	"strings.Split":        func(a *arguments) (value, error) { return a.textList(strings.Split(a.text(0), a.text(1))), nil },
	"strings.SplitAfter":   func(a *arguments) (value, error) { return a.textList(strings.SplitAfter(a.text(0), a.text(1))), nil },
	"strings.HasPrefix":    twoTexts(func(s, t string) value { return boolean(strings.HasPrefix(s, t)) }),
	"strings.HasSuffix":    twoTexts(func(s, t string) value { return boolean(strings.HasSuffix(s, t)) }),
	"strings.Trim":         ofSet(func(s, t string) value { return cueText(strings.Trim(s, t)) }),
	"strings.TrimLeft":     ofSet(func(s, t string) value { return cueText(strings.TrimLeft(s, t)) }),
	"strings.TrimRight":    ofSet(func(s, t string) value { return cueText(strings.TrimRight(s, t)) }),
	"strings.TrimPrefix":   twoTexts(func(s, t string) value { return cueText(strings.TrimPrefix(s, t)) }),
	"strings.TrimSuffix":   twoTexts(func(s, t string) value { return cueText(strings.TrimSuffix(s, t)) }),
	"strings.ToUpper":      oneText(func(s string) value { return cueText(strings.ToUpper(s)) }),
	"strings.ToLower":      oneText(func(s string) value { return cueText(strings.ToLower(s)) }),
	"strings.TrimSpace":    oneText(func(s string) value { return cueText(strings.TrimSpace(s)) }),
	"strings.Fields":       func(a *arguments) (value, error) { return a.textList(strings.Fields(a.text(0))), nil },
	"strings.SplitN": func(a *arguments) (value, error) {
		return a.textList(strings.SplitN(a.text(0), a.text(1), a.int(2))), nil
	},
	"strings.SplitAfterN": func(a *arguments) (value, error) {
		return a.textList(strings.SplitAfterN(a.text(0), a.text(1), a.int(2))), nil
	},
	"strings.Join": func(a *arguments) (value, error) {
		items, sep := a.texts(0), a.text(1)
		if err := a.e.spend(len(items) * len(sep)); err != nil {
			return value{}, err
		}
		return cueText(strings.Join(items, sep)), nil
	},
	"strings.Replace": func(a *arguments) (value, error) {
		s, before, after, n := a.text(0), a.text(1), a.text(2), a.int(3)
		times := strings.Count(s, before)
		if n >= 0 && n < times {
			times = n
		}
		if err := a.e.spend(times * len(after)); err != nil {
			return value{}, err
		}
		return cueText(strings.Replace(s, before, after, n)), nil
	},
}

func oneText(f func(s string) value) function {
	return func(a *arguments) (value, error) { return f(a.text(0)), nil }
}

func twoTexts(f func(s, t string) value) function {
	return func(a *arguments) (value, error) { return f(a.text(0), a.text(1)), nil }
}

// ofSet is a function on a text and a set of runes, of which each is looked for in the other if they are not ASCII.
func ofSet(f func(s, set string) value) function {
	return func(a *arguments) (value, error) {
		if err := a.e.work(len(a.text(0)) * len(a.text(1)) / textCost); err != nil {
			return value{}, err
		}
		return f(a.text(0), a.text(1)), nil
	}
}

// words changes the first letter of every word.
func words(s string, change func(rune) rune) string {
	before := ' '
	return strings.Map(func(r rune) rune {
		first := unicode.IsSpace(before)
		before = r
		if first {
			return change(r)
		}
		return r
	}, s)
}

var strconvTable = map[string]function{
	"strconv.ParseBool": func(a *arguments) (value, error) {
		b, err := strconv.ParseBool(a.text(0))
		if err != nil {
			return value{}, wrong("strconv.ParseBool")
		}
		return boolean(b), nil
	},
	"strconv.FormatBool": func(a *arguments) (value, error) { return str(strconv.FormatBool(a.flag(0))), nil },
	"strconv.ParseFloat": func(a *arguments) (value, error) {
		f, err := strconv.ParseFloat(a.text(0), a.int(1))
		if err != nil {
			return value{}, wrong("strconv.ParseFloat")
		}
		return floatValue(f)
	},
	"strconv.ParseInt":  func(a *arguments) (value, error) { return parseInt(a.text(0), a.int(1), a.int(2), true) },
	"strconv.ParseUint": func(a *arguments) (value, error) { return parseInt(a.text(0), a.int(1), a.int(2), false) },
	"strconv.Atoi":      func(a *arguments) (value, error) { return parseInt(a.text(0), 10, 0, true) },
	"strconv.FormatFloat": func(a *arguments) (value, error) {
		format, err := a.format(1)
		if err != nil {
			return value{}, err
		}
		f, precision, bits := a.float(0), a.int(2), a.int(3)
		if bits != 32 && bits != 64 || precision > maxDigits {
			return value{}, wrong("strconv.FormatFloat")
		}
		return cueText(strconv.FormatFloat(f, format, precision, bits)), nil
	},
	"strconv.FormatInt":          func(a *arguments) (value, error) { return formatInt(a.integer(0), a.int(1)) },
	"strconv.FormatUint":         func(a *arguments) (value, error) { return formatInt(a.integer(0), a.int(1)) },
	"strconv.Quote":              oneText(func(s string) value { return str(strconv.Quote(s)) }),
	"strconv.QuoteToASCII":       oneText(func(s string) value { return str(strconv.QuoteToASCII(s)) }),
	"strconv.QuoteToGraphic":     oneText(func(s string) value { return str(strconv.QuoteToGraphic(s)) }),
	"strconv.QuoteRune":          func(a *arguments) (value, error) { return str(strconv.QuoteRune(a.rune(0))), nil },
	"strconv.QuoteRuneToASCII":   func(a *arguments) (value, error) { return str(strconv.QuoteRuneToASCII(a.rune(0))), nil },
	"strconv.QuoteRuneToGraphic": func(a *arguments) (value, error) { return str(strconv.QuoteRuneToGraphic(a.rune(0))), nil },
	"strconv.IsPrint":            func(a *arguments) (value, error) { return boolean(strconv.IsPrint(a.rune(0))), nil },
	"strconv.IsGraphic":          func(a *arguments) (value, error) { return boolean(strconv.IsGraphic(a.rune(0))), nil },
}

func (a *arguments) rune(i int) rune { return rune(a.sized(i, 32)) }

// format returns the format of a float: a letter or its number.
func (a *arguments) format(i int) (byte, error) {
	switch v := a.values[i]; {
	case v.kind == isStr && len(v.s) == 1:
		return v.s[0], nil
	case v.kind == isInt && v.i >= 0 && v.i <= 255:
		return byte(v.i), nil
	}
	return 0, wrong("strconv.FormatFloat")
}

// parseInt reads an integer that has so many bits; 0 bits are any.
func parseInt(s string, base, bits int, signed bool) (value, error) {
	if bits < 0 || base < 0 || base == 1 || base > big.MaxBase || len(s) > maxDigits {
		return value{}, wrong("strconv.ParseInt")
	}
	n, ok := new(big.Int).SetString(s, base)
	if !ok || !signed && n.Sign() < 0 {
		return value{}, wrong("strconv.ParseInt")
	}
	size := n.BitLen()
	if signed && n.Sign() < 0 {
		size = new(big.Int).Add(n, big.NewInt(1)).BitLen()
	}
	if signed {
		size++
	}
	if bits > 0 && size > bits {
		return value{}, wrong("strconv.ParseInt")
	}
	return bigInt(n), nil
}

func formatInt(n *big.Int, base int) (value, error) {
	if base < 2 || base > big.MaxBase {
		return value{}, wrong("strconv.FormatInt")
	}
	return str(n.Text(base)), nil
}
