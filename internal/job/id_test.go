package job

import "testing"

func TestIDBefore(t *testing.T) {
	for text, want := range map[string]string{
		"000000000000000000000000": "000000000000000000000000",
		"000000000000000000000001": "000000000000000000000000",
		"507f1f770000000000000000": "507f1f76ffffffffffffffff",
		"507f1f77bcf86cd799439011": "507f1f77bcf86cd799439010",
	} {
		id, err := ParseID(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := id.Before().String(); got != want {
			t.Errorf("before %s is %s, want %s", text, got, want)
		}
	}
}
