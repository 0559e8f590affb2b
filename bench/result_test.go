package bench

import (
	"strings"
	"testing"
)

func figures(rate, server float64) []measured {
	return []measured{{whole: Figures{Rate: rate, Server: server, Wire: 1, Peak: 1 << 20, Longest: 900}}}
}

func tableOf(t *testing.T, unsafeServer float64) Result {
	t.Helper()
	r := &rig{server: &server{}, options: Options{Keys: 10, Workers: 2, Rounds: 1}}
	cas := figures(60, 6)
	cas[0].pass = &Figures{Rate: 75, Server: 5, Longest: 900}
	return r.table(chosen([]string{"cas"}), map[string][]measured{"read": figures(300, 2), "unsafe": figures(100, unsafeServer), "cas": cas})
}

// The pass that writes is what the targets speak of; the verification has a row of its own.
func TestTargets(t *testing.T) {
	r := tableOf(t, 4.4)
	write, whole := r.Rows[2], r.Rows[3]
	if r.Void != "" || write.RateRatio != 0.75 || len(write.Targets) != 1 || !write.Targets[0].Met {
		t.Errorf("void %q, %+v", r.Void, write)
	}
	if whole.RateRatio != 0.6 || whole.Part != "whole" || len(whole.Targets) != 0 {
		t.Errorf("%+v", whole)
	}
}

func TestVoid(t *testing.T) {
	if r := tableOf(t, 4.5); !strings.Contains(r.Void, "2.25 × the server CPU") {
		t.Errorf("void: %q", r.Void)
	}
}

// Ratios are taken within each round: a machine that became slower did so for both.
func TestRatioWithinRounds(t *testing.T) {
	base := append(append(figures(100, 1), figures(50, 1)...), figures(10, 1)...)
	ours := append(append(figures(80, 1), figures(40, 1)...), figures(8, 1)...)
	if got, ok := ratio(ours, base, measured.first, speed); !ok || got != 0.8 {
		t.Errorf("got %v, %v", got, ok)
	}
}

func TestPrint(t *testing.T) {
	r := tableOf(t, 4.5)
	r.Redis = "7.0.15"
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	if head := "Redis 7.0.15, 10 keys, 2 workers for each baseline, medians of 1 rounds\n\n"; !strings.HasPrefix(b.String(), head) {
		t.Errorf("got\n%s", b.String())
	}
	for _, part := range []string{
		"\nhashes of 8 fields, an exact migration\n", "keys/s ≥ 0.75 ×  yes\n", "\nVOID: the unsafe pipeline took 2.25 ×",
	} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%q is not in\n%s", part, b.String())
		}
	}
}
