package state

import "testing"

func TestVersionValid(t *testing.T) {
	for v, want := range map[Version]bool{
		"1.0.0": true, "0.0.0": true, "10.20.30": true, "18446744073709551615.0.0": true,
		"": false, "1": false, "1.0": false, "1.0.0.0": false, "01.0.0": false, "1.00.0": false, "1..0": false,
		"+1.0.0": false, "-1.0.0": false, "1.0.0-rc1": false, "1.0.x": false, "1.0.0.": false, "18446744073709551616.0.0": false, "1_0.0.0": false,
	} {
		if v.Valid() != want {
			t.Errorf("%q valid: %t, want %t", v, v.Valid(), want)
		}
	}
}
