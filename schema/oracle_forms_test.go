package schema_test

// oracleForms are what expressions of a kind look like, with holes for others. Forms that stand twice are drawn more often.
// What may be a zero with a sign, which CUE keeps and we do not, is made plain by + 0.
var oracleForms = map[string][]string{
	anInt: {
		"(<int> + <int>)", "(<int> - <int>)", "(<int> * <int> + 0)", "(<int> + <int>)", "(<int> - <int>)", "(-(<int>) + 0)",
		"div(<int>, <by>)", "mod(<int>, <by>)", "(quo(<int>, <by>) + 0)", "(rem(<int>, <by>) + 0)", "div(<int>, <by>)", "mod(<int>, <by>)",
		"len(<string>)", "len(<strings>)", "len(<map>)", "strings.Index(<string>, <string>)", "strings.Count(<string>, <string>)",
		"strings.LastIndex(<string>, <string>)", "strings.Compare(<string>, <string>)", "strings.IndexAny(<string>, <string>)",
		"(*strconv.Atoi(<string>) | 0)", "strconv.Atoi(<digits>)", "(*strconv.ParseInt(<string>, 10, 64) | -1)", "strconv.ParseInt(<digits>, 10, 64)",
		"(*strconv.ParseUint(<string>, 16, 64) | 1)",
		"math.Floor(<number>)", "(math.Ceil(<number>) + 0)", "(math.Trunc(<number>) + 0)", "(math.Round(<number>) + 0)", "(math.RoundToEven(<number>) + 0)",
		"[<int>, <int>, <int>, 4][<few>]", "(*strings.ByteAt(<string>, <few>) | 0)", "(*time.ToUnix(<string>) | 0)",
		"(*time.ParseDuration(<string>) | 0)", "len([for z in <strings> if z != \"\" {z}])", "list.Sum([for z in <strings> {len(z)}])",
	},
	aNumber: {
		"(<number> + <number>)", "(<number> - <number>)", "(<number> * <number> + 0)", "(<number> / <by> + 0)", "(<number> / 100)", "(<number> + <int>)",
		"(-(<number>) + 0)", "<int>", "math.Abs(<number>)", "list.Sum(<numbers>)", "(*list.Max(<numbers>) | 0)", "(*list.Min(<numbers>) | 0)",
		"(*list.Avg(<numbers>) | 0.5)", "(list.Product(<numbers>) + 0)", "(*strconv.ParseFloat(<string>, 64) | 1.5)",
		"math.Dim(<number>, <number>)", "(math.Copysign(<number>, <int>) + 0)",
	},
	aString: {
		"(<string> + <string>)", `"<\(<int>)-\(<string>):\(<bool>):\(<number>)>"`, `"\(<string>)/\(<int>)"`, `"u:\(<string>)"`, "(<few> * <string>)",
		"strings.ToUpper(<string>)", "strings.ToLower(<string>)", "strings.ToTitle(<string>)", "strings.ToCamel(<string>)", "strings.TrimSpace(<string>)",
		"strings.Trim(<string>, <string>)", "strings.TrimLeft(<string>, <string>)", "strings.TrimRight(<string>, <string>)",
		"strings.TrimPrefix(<string>, <string>)", "strings.TrimSuffix(<string>, <string>)", "strings.Replace(<string>, <string>, <string>, -1)",
		"strings.Replace(<string>, <string>, <string>, <few>)", "strings.Repeat(<string>, <few>)", "(*strings.SliceRunes(<string>, 0, <few>) | \"\")",
		"strings.Join(<strings>, <string>)", "strconv.FormatInt(<int>, 10)", "strconv.FormatInt(<int>, 36)", "strconv.Quote(<string>)",
		"strconv.QuoteToASCII(<string>)", "strconv.FormatBool(<bool>)", `strconv.FormatFloat(<number>, "f", <few>, 64)`,
		"json.Marshal(<any>)", "json.Marshal(<any>)", "(*json.Compact(<string>) | \"{}\")", "base64.Encode(null, <string>)", "hex.Encode(<string>)",
		"regexp.ReplaceAll(<re>, <string>, \"<$0>\")", "regexp.ReplaceAllLiteral(<re>, <string>, \"$0\")", "regexp.QuoteMeta(<string>)",
		"(*regexp.Find(<re>, <string>) | \"none\")", "(*time.Unix(<int>, 0) | \"\")", "time.FormatDuration(<few>)",
		"(*time.FormatString(time.RFC1123, <string>) | \"\")", "(*strings.Split(<string>, \",\")[<few>] | \"z\")", "(*time.FormatString(\"2006-01-02\", <string>) | \"\")",
		"strings.Join(list.SortStrings([for k9, v9 in <map> {k9}]), \",\")",
	},
	aBool: {
		"(<string> == <string>)", "(<string> < <string>)", "(<int> < <int>)", "(<number> >= <int>)", "(<number> <= <number>)", "(<int> > <number>)",
		"!(<bool>)", "(<bool> && <bool>)", "(<bool> || <bool>)", "(<same>)", "(<same>)", "(<string> =~ <re>)", "(<string> !~ <re>)",
		"strings.Contains(<string>, <string>)", "strings.HasPrefix(<string>, <string>)", "strings.HasSuffix(<string>, <string>)",
		"strings.ContainsAny(<string>, <string>)", "list.Contains(<strings>, <string>)", "regexp.Match(<re>, <string>)", "json.Valid(<string>)",
		"(*strconv.ParseBool(<string>) | false)", "math.MultipleOf(<int>, 7)", "list.IsSortedStrings(<strings>)", "(len(<string>) > <few>)",
		"(*math.Signbit(<number>) | false)",
	},
	aBytes: {
		"(<bytes> + <bytes>)", "(*base64.Decode(null, <string>) | 'b')", "(*hex.Decode(<string>) | 'h')", "(<few> * <bytes>)",
	},
	"words": {
		"strings.Split(<string>, <string>)", `strings.Split(<string>, ",")`, "strings.SplitN(<string>, <string>, <few>)", "strings.Fields(<string>)",
		"list.SortStrings(<strings>)", "(*regexp.FindAll(<re>, <string>, -1) | [])", "strings.SplitAfter(<string>, <string>)",
		"list.SortStrings([for k8, v8 in <map> {k8}])", "[for w8 in <strings> {strings.ToUpper(w8)}]",
	},
}

// packages are the imports of builtins, by the name that an expression has for them.
var packages = map[string]string{
	"strings": "strings", "strconv": "strconv", "list": "list", "math": "math", "regexp": "regexp", "time": "time",
	"json": "encoding/json", "base64": "encoding/base64", "hex": "encoding/hex",
}
