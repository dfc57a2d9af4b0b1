package document

import "testing"

func TestSetActive(t *testing.T) {
	t.Parallel()
	const rest = "---*/\nSELECT 1\n"
	for name, test := range map[string]struct{ text, on, off string }{
		"left out":        {"/*---\nsource: x\n" + rest, "/*---\nsource: x\n" + rest, "/*---\nactive: false\nsource: x\n" + rest},
		"said":            {"/*---\nsource: x\nactive: true # now\n" + rest, "/*---\nsource: x\nactive: true # now\n" + rest, "/*---\nsource: x\nactive: false # now\n" + rest},
		"off":             {"/*---\nactive: false\nsource: x\n" + rest, "/*---\nactive: true\nsource: x\n" + rest, "/*---\nactive: false\nsource: x\n" + rest},
		"a comment first": {"/*---\n# é\nsource: x\n" + rest, "/*---\n# é\nsource: x\n" + rest, "/*---\n# é\nactive: false\nsource: x\n" + rest},
		"indented":        {"/*---\n  source: x\n  mode: sync\n" + rest, "/*---\n  source: x\n  mode: sync\n" + rest, "/*---\n  active: false\n  source: x\n  mode: sync\n" + rest},
		"in braces":       {"/*---\n{ source: x }\n" + rest, "/*---\n{ source: x }\n" + rest, "/*---\n{active: false,  source: x }\n" + rest},
		"in braces, off":  {"/*---\n{ active: false, source: x }\n" + rest, "/*---\n{ active: true, source: x }\n" + rest, "/*---\n{ active: false, source: x }\n" + rest},
		"CRLF":            {"/*---\r\nsource: x\r\n---*/\r\nSELECT 1", "/*---\r\nsource: x\r\n---*/\r\nSELECT 1", "/*---\r\nactive: false\r\nsource: x\r\n---*/\r\nSELECT 1"},
		"a mark":          {"\ufeff/*---\nsource: x\n" + rest, "\ufeff/*---\nsource: x\n" + rest, "\ufeff/*---\nactive: false\nsource: x\n" + rest},
		"characters":      {"/*---\ntítulo: é\nactive: true\n" + rest, "/*---\ntítulo: é\nactive: true\n" + rest, "/*---\ntítulo: é\nactive: false\n" + rest},
		"no map":          {"/*---\n- x\n" + rest, "", ""},
		"nothing":         {"SELECT 1", "", ""},
		"no value":        {"/*---\nactive:\nsource: x\n" + rest, "/*---\nactive:\nsource: x\n" + rest, ""},
	} {
		for active, want := range map[bool]string{true: test.on, false: test.off} {
			got, ok := SetActive([]byte(test.text), active)
			if !ok {
				got = nil
			}
			if string(got) != want {
				t.Errorf("%s, %t:\n got %q\nwant %q", name, active, got, want)
			}
		}
	}
}

func FuzzSetActive(f *testing.F) {
	f.Add("/*---\nsource: x\nactive: true\n---*/\nSELECT 1", true)
	f.Add("/*---\n{ source: x }\n---*/\nSELECT 1", false)
	f.Fuzz(func(t *testing.T, text string, active bool) {
		changed, ok := SetActive([]byte(text), active)
		if !ok {
			return
		}
		again, ok := SetActive(changed, active)
		if !ok || string(again) != string(changed) {
			t.Errorf("%q: once %q, twice %q", text, changed, again)
		}
	})
}
