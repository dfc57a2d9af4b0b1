package fields

import "net/http"

// Values holds the values of some fields of a header, which it sets in one piece of memory instead of one for each field. The
// zero value is ready for use; it must not be copied afterwards.
type Values struct {
	texts [3]string
	used  int
}

// Set sets a field, whose name must be in the canonical form, as [http.Header.Set] does.
func (v *Values) Set(header http.Header, name, value string) {
	if v.used == len(v.texts) {
		header.Set(name, value)
		return
	}
	v.texts[v.used] = value
	header[name] = v.texts[v.used : v.used+1 : v.used+1] // what is added to it goes elsewhere
	v.used++
}
