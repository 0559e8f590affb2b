package gate

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keyshift.dev/state"
)

// serve starts a server for one handler and returns its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// answering answers everything with a status and a body.
func answering(t *testing.T, status int, body string) string {
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// TestHTTPStatus: 2xx alone holds, and no body is repeated.
func TestHTTPStatus(t *testing.T) {
	for status, holds := range map[int]bool{200: true, 204: true, 299: true, 304: false, 400: false, 401: false, 404: false, 500: false, 503: false} {
		body := "body-7c1f"
		if status == 204 || status == 304 {
			body = ""
		}
		a := Ask(t.Context(), Options{}, state.Gate{Name: "slo", HTTP: answering(t, status, body) + "/ok"})
		if a.Holds != holds || strings.Contains(a.Why, "body-7c1f") {
			t.Errorf("%d: %+v", status, a)
		}
		if !holds && !strings.Contains(a.Why, "slo (http://127.0.0.1:") || !holds && !strings.Contains(a.Why, fmt.Sprint("answers ", status)) {
			t.Errorf("%d: %q names neither the gate nor the answer", status, a.Why)
		}
	}
}

// TestRedirects: an address leads on only on its own host, and not for ever.
func TestRedirects(t *testing.T) {
	asked := 0
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { asked++ })
	here := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/near":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/far":
			http.Redirect(w, r, elsewhere+"/ok", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	})
	for path, holds := range map[string]bool{"/near": true, "/far": false, "/round": false} {
		if a := Ask(t.Context(), Options{}, state.Gate{Name: "slo", HTTP: here + path}); a.Holds != holds || !holds && !strings.Contains(a.Why, "another place") {
			t.Errorf("%s: %+v", path, a)
		}
	}
	if asked > 0 {
		t.Error("the other host was asked")
	}
}

// TestHanging: who does not answer, or does not end, in time does not hold.
func TestHanging(t *testing.T) {
	ended := make(chan struct{})
	hang := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	})
	half := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"status":"success","data":`))
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	})
	t.Cleanup(func() { close(ended) })
	short := 50 * time.Millisecond
	for name, a := range map[string]Answer{
		"http":            Ask(t.Context(), Options{Timeout: short}, state.Gate{Name: "slo", HTTP: hang}),
		"promql":          Ask(t.Context(), Options{Timeout: short, Prometheus: hang}, state.Gate{Name: "slo", PromQL: "up"}),
		"half of promql":  Ask(t.Context(), Options{Timeout: short, Prometheus: half}, state.Gate{Name: "slo", PromQL: "up"}),
		"nobody at all":   Ask(t.Context(), Options{}, state.Gate{Name: "slo", HTTP: "http://127.0.0.1:1/"}),
		"no such address": Ask(t.Context(), Options{}, state.Gate{Name: "slo", HTTP: "http://%zz/"}),
	} {
		if a.Holds || a.Why == "" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := Ask(ctx, Options{}, state.Gate{Name: "slo", HTTP: hang}); a.Holds {
		t.Error("it holds though nobody asked")
	}
}

// TestNoSecrets: what stands in an address before the host, or in its query, is in no message; it is sent, though.
func TestNoSecrets(t *testing.T) {
	sent := false
	guarded := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		sent = sent || user == "bob" && password == "hunter2"
		w.WriteHeader(http.StatusForbidden)
	})
	with := strings.Replace(guarded, "http://", "http://bob:hunter2@", 1)
	t.Setenv("NO_PROXY", "*")
	for name, a := range map[string]Answer{
		"http":              Ask(t.Context(), Options{}, state.Gate{Name: "slo", HTTP: with + "/ok?token=hunter2#hunter2"}),
		"nobody":            Ask(t.Context(), Options{}, state.Gate{Name: "slo", HTTP: "http://bob:hunter2@127.0.0.1:1/ok?token=hunter2"}),
		"unreadable":        Ask(t.Context(), Options{}, state.Gate{Name: "slo", HTTP: "http://bob:hunter2@127.0.0.1:nine/"}),
		"promql":            Ask(t.Context(), Options{Prometheus: with}, state.Gate{Name: "slo", PromQL: "up"}),
		"promql, nobody":    Ask(t.Context(), Options{Prometheus: "http://bob:hunter2@127.0.0.1:1"}, state.Gate{Name: "slo", PromQL: "up"}),
		"promql, no scheme": Ask(t.Context(), Options{Prometheus: "bob:hunter2@prometheus"}, state.Gate{Name: "slo", PromQL: "up"}),
	} {
		if a.Holds || a.Why == "" || strings.Contains(a.Why, "hunter2") || strings.Contains(a.Why, "bob") {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if !sent {
		t.Error("the address's user and password were not sent")
	}
	if got := clean("proxyconnect: invalid proxy address \"http://bob:hunter2@proxy:1\x1b[31m\"\nnext"); strings.Contains(got, "hunter2") || strings.ContainsAny(got, "\n\x1b") {
		t.Errorf("%q", got)
	}
}

// TestPromQL: what Prometheus may answer, and what it means.
func TestPromQL(t *testing.T) {
	vector := `{"status":"success","data":{"resultType":"vector","result":[%s]}%s}`
	sample := `{"metric":{"job":"api"},"value":[1700000000.1,"%s"]}`
	scalar := `{"status":"success","data":{"resultType":"scalar","result":[1700000000.1,%s]}}`
	for name, c := range map[string]struct {
		status int
		body   string
		why    string // empty: it holds
	}{
		"a sample":           {200, fmt.Sprintf(vector, fmt.Sprintf(sample, "0.002"), ""), ""},
		"a sample of 0":      {200, fmt.Sprintf(vector, fmt.Sprintf(sample, "0"), ""), ""},
		"with a remark":      {200, fmt.Sprintf(vector, fmt.Sprintf(sample, "1"), `,"infos":["metric might not be a counter"]`), ""},
		"none":               {200, fmt.Sprintf(vector, "", ""), "gives no result"},
		"with a warning":     {200, fmt.Sprintf(vector, fmt.Sprintf(sample, "1"), `,"warnings":["partial response from store hunter2"]`), "warning"},
		"scalar 1":           {200, fmt.Sprintf(scalar, `"1"`), ""},
		"scalar 0":           {200, fmt.Sprintf(scalar, `"0"`), "gives 0"},
		"scalar NaN":         {200, fmt.Sprintf(scalar, `"NaN"`), "gives NaN"},
		"scalar of what":     {200, fmt.Sprintf(scalar, `{}`), "cannot be read"},
		"matrix":             {200, `{"status":"success","data":{"resultType":"matrix","result":[{}]}}`, "range of time"},
		"string":             {200, `{"status":"success","data":{"resultType":"string","result":[1,"yes"]}}`, "gives a text"},
		"novel":              {200, `{"status":"success","data":{"resultType":"histogram","result":[1]}}`, "kind that is not known"},
		"vector of what":     {200, `{"status":"success","data":{"resultType":"vector","result":7}}`, "cannot be read"},
		"vector of null":     {200, `{"status":"success","data":{"resultType":"vector"}}`, "cannot be read"},
		"bad expression":     {400, `{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected end of input"}`, "parse error"},
		"an error with 200":  {200, `{"status":"error","errorType":"execution","error":"hunter2"}`, "the error execution"},
		"too slow":           {503, `{"status":"error","errorType":"timeout","error":"hunter2"}`, "the error timeout with status 503"},
		"success with 500":   {500, fmt.Sprintf(vector, fmt.Sprintf(sample, "1"), ""), "status 500"},
		"error of what":      {422, `{"status":"error","errorType":"hunter2","error":"hunter2"}`, "an error with status 422"},
		"no JSON":            {200, "<html>hunter2</html>", "not Prometheus' API"},
		"cut off":            {200, `{"status":"success","data":{"resultType":"vector","result":[`, "not Prometheus' API"},
		"other JSON":         {200, `{"ok":true}`, "not Prometheus' API"},
		"list":               {200, `[]`, "not Prometheus' API"},
		"nothing":            {200, ``, "not Prometheus' API"},
		"somebody's refusal": {401, `hunter2`, "status 401"},
		"far too much":       {200, strings.Repeat(" ", mostAnswer+1), "more than can be read"},
	} {
		a := Ask(t.Context(), Options{Prometheus: answering(t, c.status, c.body)}, state.Gate{Name: "errors", PromQL: "job:errors:ratio < 0.01"})
		if a.Holds != (c.why == "") || !strings.Contains(a.Why, c.why) || strings.Contains(a.Why, "hunter2") {
			t.Errorf("%s: %+v, want %q", name, a, c.why)
		}
		if c.why != "" && !strings.HasPrefix(a.Why, "errors (PromQL) ") {
			t.Errorf("%s: %q does not name the gate", name, a.Why)
		}
	}
	if a := Ask(t.Context(), Options{}, state.Gate{Name: "errors", PromQL: "up"}); a.Holds || !strings.Contains(a.Why, "--prometheus") {
		t.Errorf("without a Prometheus: %+v", a)
	}
}

// TestQuery: the expression arrives as it was written, below the path of the address.
func TestQuery(t *testing.T) {
	const expression = `sum(rate(x{a="b&c=d"}[5m])) < 1 and "é+ "`
	var got, path, method string
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, path, method = r.URL.Query().Get("query"), r.URL.Path, r.Method
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[{}]}}`))
	})
	a := Ask(t.Context(), Options{Prometheus: at + "/prometheus/"}, state.Gate{Name: "x", PromQL: expression})
	if !a.Holds || got != expression || path != "/prometheus/api/v1/query" || method != http.MethodGet {
		t.Errorf("%+v: %s %s asks %q", a, method, path, got)
	}
}

// TestCheck: addresses of a Prometheus.
func TestCheck(t *testing.T) {
	for address, ok := range map[string]bool{
		"": true, "http://prometheus:9090": true, "https://bob:hunter2@prometheus/base/": true,
		"prometheus:9090": false, "ftp://prometheus": false, "http://": false, "http://prometheus/?x=hunter2": false, "http://%zz": false,
	} {
		err := Check(address)
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
