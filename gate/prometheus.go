package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"keyshift.dev/state"
)

// mostAnswer bounds the answer of Prometheus that is read, in bytes. Whether there is a sample could be told of less, and
// an answer that is cut off is none.
const mostAnswer = 4 << 20

// reply is an answer of Prometheus' HTTP API to an instant query (Prometheus documentation, HTTP API, "Instant queries").
type reply struct {
	Status    string   `json:"status"`
	ErrorType string   `json:"errorType"`
	Error     string   `json:"error"`
	Warnings  []string `json:"warnings"`
	Data      struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	} `json:"data"`
}

// errorTypes are what Prometheus calls errors. Anything else is not repeated.
var errorTypes = []string{"timeout", "canceled", "execution", "bad_data", "internal", "unavailable", "not_found", "not_acceptable", "too_many_requests"}

// askProm returns why an expression's gate does not hold, nothing if it does.
func askProm(ctx context.Context, o Options, g state.Gate) string {
	if o.Prometheus == "" {
		return "has nobody to be asked of: name a Prometheus with --prometheus"
	}
	if err := Check(o.Prometheus); err != nil {
		return "has nobody to be asked of: the address of Prometheus cannot be used: " + err.Error()
	}
	u, _ := url.Parse(o.Prometheus)
	u = u.JoinPath("api/v1/query")
	u.RawQuery = url.Values{"query": {g.PromQL}}.Encode()
	answer, why := get(ctx, u.String())
	if why != "" {
		return "is not answered: Prometheus at " + Place(o.Prometheus) + " " + why
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer+1))
	switch {
	case err != nil:
		return "is not answered: Prometheus at " + Place(o.Prometheus) + " " + unanswered(ctx, err)
	case len(text) > mostAnswer:
		return "gives more than can be read: write an expression with a smaller result"
	}
	var r reply
	if json.Unmarshal(text, &r) != nil || r.Status != "success" && r.Status != "error" {
		return fmt.Sprintf("is not answered: what %s answers, with status %d, is not Prometheus' API", Place(o.Prometheus), answer.StatusCode)
	}
	if answer.StatusCode != 200 || r.Status != "success" {
		return r.refusal(answer.StatusCode)
	}
	return r.why()
}

// refusal says that Prometheus answered with an error. Its words are repeated only where they are about the expression.
func (r reply) refusal(status int) string {
	said := "an error"
	if slices.Contains(errorTypes, r.ErrorType) {
		said = "the error " + r.ErrorType
	}
	said = fmt.Sprintf("is not answered: Prometheus answers %s with status %d", said, status)
	if r.ErrorType == "bad_data" && r.Error != "" {
		said += ": " + r.Error
	}
	return said
}

// why tells why a result does not say that the condition holds. It does if it is a vector with a sample, or a scalar that
// is neither 0 nor NaN, and Prometheus does not warn that it lacks something.
func (r reply) why() string {
	if len(r.Warnings) > 0 {
		return "is answered with a warning: the result may lack something"
	}
	switch r.Data.Type {
	case "vector":
		var samples []json.RawMessage
		switch err := json.Unmarshal(r.Data.Result, &samples); {
		case err != nil:
			return "gives a result that cannot be read"
		case len(samples) == 0:
			return "gives no result"
		}
		return ""
	case "scalar":
		return scalar(r.Data.Result)
	case "matrix":
		return "gives samples of a range of time: write an expression for one moment"
	case "string":
		return "gives a text: write a condition"
	}
	return "gives a result of a kind that is not known"
}

// scalar reads [time, "value"].
func scalar(result json.RawMessage) string {
	var pair []any
	if json.Unmarshal(result, &pair) != nil || len(pair) != 2 {
		return "gives a result that cannot be read"
	}
	text, ok := pair[1].(string)
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	switch {
	case !ok || err != nil:
		return "gives a result that cannot be read"
	case n == 0 || math.IsNaN(n):
		return "gives " + strconv.FormatFloat(n, 'g', -1, 64)
	}
	return ""
}
